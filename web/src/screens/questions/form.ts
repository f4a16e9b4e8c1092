/** What the forms of all kinds of questions take. */
import type { RefObject } from "react";
import type { Answer, Question } from "@/core/protocol";

export interface AnswerForm {
  readonly card: RefObject<HTMLElement | null>;
  readonly question: Question;
  readonly autoFocus: boolean;
  readonly isBusy: boolean;
  /** Whether nothing can be sent now. */
  readonly isBlocked: boolean;
  /** What has been written, kept by the card, so that it can be copied if somebody is quicker. */
  readonly draft: string;
  readonly onDraft: (draft: string) => void;
  readonly onAnswer: (answer: Answer) => void;
}

/** What keeps keys that were meant for the question before from answering the next. */
const SETTLES_MS = 300;
let movedAt = 0;

/** Note that an answer was given: the focus moves on by itself. */
export const noteMoved = (): void => {
  movedAt = Date.now();
};

/** Whether the focus has been where it is for long enough that a key is meant for it. */
export const isSettled = (): boolean => Date.now() - movedAt > SETTLES_MS;
