/** Says when what is shown may not be how things are. */
import { CloudOff, Loader, PlugZap, WifiOff } from "lucide-react";
import type { ReactNode } from "react";
import { age } from "@/core/text";
import { useMesh, useNow, useSlice } from "./hooks";

export function LinkNotice() {
  const mesh = useMesh();
  const { state, nats, heardAt } = useSlice(mesh.link);
  const outgoing = useSlice(mesh.outbox.slice).filter((one) => !one.problem).length;
  const now = useNow(1_000);
  const queued =
    outgoing > 0
      ? ` ${outgoing} of your messages ${outgoing === 1 ? "waits" : "wait"} to be sent.`
      : "";
  const since =
    heardAt > 0 ? ` What you see is ${age(heardAt, now)} old.`.replace("now old", "current") : "";
  if (state === "offline")
    return (
      <Notice tone="bad" icon={<WifiOff size={15} />}>
        Offline.{since} Answers are off until the gateway is back.{queued}
      </Notice>
    );
  if (state === "reconnecting")
    return (
      <Notice tone="warn" icon={<Loader size={15} />}>
        Reconnecting …{queued}
      </Notice>
    );
  if (state === "connecting" && heardAt === 0)
    return (
      <Notice tone="text-3" icon={<PlugZap size={15} />}>
        Connecting …
      </Notice>
    );
  if (!nats)
    return (
      <Notice tone="warn" icon={<CloudOff size={15} />}>
        The gateway has no connection to the NATS server.{since} It goes on by itself once the
        server is back.
      </Notice>
    );
  return null;
}

function Notice({ tone, icon, children }: { tone: string; icon: ReactNode; children: ReactNode }) {
  return (
    <div className={`notice ${tone}`} role="status">
      {icon}
      <span>{children}</span>
    </div>
  );
}
