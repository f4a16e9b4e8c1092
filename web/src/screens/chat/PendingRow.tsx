/** What the person has just said, or asked, before it is part of the conversation. */
import { AlertTriangle, Clock, Square } from "lucide-react";
import type { ReactNode } from "react";
import { useMesh, useSlice } from "@/app/hooks";
import type { Outgoing } from "@/core/mesh/outbox";
import { clock, duration } from "@/core/text";
import { Avatar, Badge, Button, Name } from "@/kit";
import { type Ask, askAgain, dropAsk, stopAsk } from "./asks";
import { Files } from "./Files";
import { Folded } from "./Folded";
import { KindBadge, Typing } from "./MessageRow";

export function OutgoingRow({ outgoing }: { outgoing: Outgoing }) {
  const mesh = useMesh();
  const { state } = useSlice(mesh.link);
  const { problem } = outgoing;
  return (
    <Own kind={<KindBadge kind={outgoing.kind} failed={false} />} at={outgoing.at}>
      <Folded id={outgoing.id} text={outgoing.text} />
      <Files files={outgoing.files} />
      {problem ? (
        <Refused
          reason={problem.message}
          onRetry={() => void mesh.outbox.retry(outgoing.id)}
          onDiscard={() => mesh.outbox.drop(outgoing.id)}
        />
      ) : (
        <p className="chat-pending">
          <Clock size={13} aria-hidden="true" />
          {state === "live" ? "Sending …" : "Waits for the connection"}
          {state !== "live" && (
            <Button look="quiet" onPress={() => mesh.outbox.drop(outgoing.id)}>
              Discard
            </Button>
          )}
        </p>
      )}
    </Own>
  );
}

export function AskRow({ ask }: { ask: Ask }) {
  const isOpen = ask.state === "waiting" || ask.state === "writing";
  return (
    <>
      <Own kind={<KindBadge kind="request" failed={false} />} at={ask.at}>
        <Folded id={`asked:${ask.id}`} text={ask.text} />
        <Files files={ask.files} />
      </Own>
      <article className="chat-said" aria-label={`${ask.agent} answers`}>
        <Avatar name={ask.agent} size={32} />
        <div className="chat-body">
          <header>
            <Name name={ask.agent} />
            <KindBadge kind="reply" failed={ask.state === "failed"} />
            {ask.state === "stopped" && <Badge>stopped</Badge>}
            {ask.latency !== null && (
              <span className="chat-latency num">{duration(ask.latency)}</span>
            )}
          </header>
          {ask.answer && <Folded id={`answer:${ask.id}`} text={ask.answer} live={isOpen} />}
          {isOpen && (
            <p className="chat-pending">
              <Typing name={ask.agent} text={ask.answer ? "is writing" : "thinks"} />
              <Button look="quiet" onPress={() => stopAsk(ask.id)}>
                <Square size={12} aria-hidden="true" /> Stop
              </Button>
            </p>
          )}
          {ask.state === "failed" && (
            <Refused
              reason={ask.problem?.message ?? "There was no answer."}
              onRetry={() => askAgain(ask.id)}
              onDiscard={() => dropAsk(ask.id)}
            />
          )}
        </div>
      </article>
    </>
  );
}

function Own({ kind, at, children }: { kind: ReactNode; at: number; children: ReactNode }) {
  const me = useMesh().session.user ?? "me";
  return (
    <article className="chat-said own" aria-label={`${me} says`}>
      <Avatar name={me} person size={32} />
      <div className="chat-body">
        <header>
          <Name name={me} />
          {kind}
          <time className="chat-time num">{clock(at).slice(0, 5)}</time>
        </header>
        {children}
      </div>
    </article>
  );
}

function Refused({
  reason,
  onRetry,
  onDiscard,
}: {
  reason: string;
  onRetry: () => void;
  onDiscard: () => void;
}) {
  return (
    <div className="chat-refused" role="alert">
      <AlertTriangle size={15} aria-hidden="true" />
      <span>{reason}</span>
      <Button onPress={onRetry}>Retry</Button>
      <Button look="quiet" onPress={onDiscard}>
        Discard
      </Button>
    </div>
  );
}
