/** The last things that were said, most recent first. */
import { Link } from "wouter";
import { useMesh, useSlice } from "@/app/hooks";
import { paths } from "@/app/places";
import type { Message } from "@/core/mesh/message";
import { brief, duration } from "@/core/text";
import { Ago, Avatar, Badge, Name } from "@/kit";

const MOST = 14;

export function Lately() {
  const { messages } = useSlice(useMesh().feed.slice);
  const last = messages.slice(-MOST).reverse();
  return (
    <section className="home-part" aria-label="Said lately">
      <header>
        <h2>Said lately</h2>
        <Link href={paths.channel("all")}>Everything</Link>
      </header>
      {last.length === 0 ? (
        <p className="home-calm">Nothing has been said yet.</p>
      ) : (
        <ol className="lately">
          {last.map((message) => (
            <Said key={message.key} message={message} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Said({ message }: { message: Message }) {
  const from = message.user || message.from;
  return (
    <li>
      <Link
        href={
          message.kind === "broadcast" || !message.context
            ? paths.channel("announcements")
            : paths.conversation(message.context)
        }
      >
        <Avatar name={from} size={22} person={message.user !== ""} />
        <span className="lately-who">
          <Name name={from} />
          <span className="muted truncate">→ {message.to || "everybody"}</span>
        </span>
        <Badge tone={message.failed ? "bad" : message.kind}>
          {message.failed ? "error" : message.kind}
        </Badge>
        <span className="lately-text truncate">{brief(message.text)}</span>
        <span className="muted num">
          {message.latency !== null ? duration(message.latency) : <Ago at={message.at} />}
        </span>
      </Link>
    </li>
  );
}
