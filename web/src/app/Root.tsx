/** From a blank page to a mesh: who is signed in, and the live connection. */
import { useEffect, useState } from "react";
import { api } from "@/core/api";
import { Mesh } from "@/core/mesh/mesh";
import { asProblem, type Problem } from "@/core/problem";
import type { Session } from "@/core/protocol";
import { Failure, Skeleton } from "@/kit";
import { SignIn } from "@/screens/signin/SignIn";
import { App } from "./App";
import { Boundary } from "./Boundary";
import { MeshContext } from "./hooks";

export function Root() {
  const [session, setSession] = useState<Session | null>(null);
  const [mesh, setMesh] = useState<Mesh | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [turn, setTurn] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a turn asks once more
  useEffect(() => {
    const controller = new AbortController();
    api.session(controller.signal).then(
      (found) => {
        setProblem(null);
        setSession(found);
      },
      (error: unknown) => !controller.signal.aborted && setProblem(asProblem(error)),
    );
    return () => controller.abort();
  }, [turn]);

  useEffect(() => {
    if (!session?.user) return;
    const opened = new Mesh(session);
    opened.open();
    setMesh(opened);
    const unsubscribe = opened.link.subscribe(() => {
      if (opened.link.shown().state === "signed-out") setTurn((before) => before + 1);
    });
    return () => {
      unsubscribe();
      opened.close();
      setMesh(null);
    };
  }, [session]);

  if (problem) return <Failure problem={problem} onRetry={() => setTurn((before) => before + 1)} />;
  if (session && !session.user) return <SignIn session={session} onSignedIn={setSession} />;
  if (!mesh) return <Skeleton lines={8} />;
  return (
    <MeshContext value={mesh}>
      <Boundary>
        <App onSignOut={() => api.signOut().finally(() => setTurn((before) => before + 1))} />
      </Boundary>
    </MeshContext>
  );
}
