/** Where people show who they are: an API key, or a token of their identity provider. */
import { KeyRound } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Input, Label, TextField } from "react-aria-components";
import { api } from "@/core/api";
import { asProblem, type Problem } from "@/core/problem";
import type { Session } from "@/core/protocol";
import { Button } from "@/kit";
import "./signin.css";

export function SignIn({
  session,
  onSignedIn,
}: {
  session: Session;
  onSignedIn: (session: Session) => void;
}) {
  const [credential, setCredential] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const what = session.sign_in.map((way) => (way === "api-key" ? "API key" : "token")).join(" or ");
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      onSignedIn(await api.signIn(credential.trim()));
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  return (
    <main className="signin">
      <form onSubmit={submit}>
        <img src="/favicon.svg" alt="" width={48} height={48} />
        <h1>Sign in to Hubbub</h1>
        <TextField
          className="field"
          type="password"
          value={credential}
          onChange={setCredential}
          isRequired
          autoFocus
          isInvalid={problem !== null}
          // What was refused once must not keep the browser from sending the next.
          validationBehavior="aria"
          autoComplete="current-password"
        >
          <Label>Your {what}</Label>
          <Input className="input" placeholder="hub_…" />
          {problem && (
            <span className="field-error" role="alert">
              {problem.message}
            </span>
          )}
        </TextField>
        <Button type="submit" look="primary" isDisabled={isBusy || credential.trim() === ""}>
          <KeyRound size={16} /> Sign in
        </Button>
        <small className="muted">
          It is exchanged for a session of this browser, and kept nowhere.
        </small>
      </form>
    </main>
  );
}
