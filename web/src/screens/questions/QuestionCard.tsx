/** A question to a person, with the means to answer it. */
import type { OpenQuestion } from "@/core/mesh/questions";

export function QuestionCard({
  asked,
}: {
  asked: OpenQuestion;
  autoFocus?: boolean;
  onAnswered?: () => void;
}) {
  return <p>{asked.question.prompt}</p>;
}
