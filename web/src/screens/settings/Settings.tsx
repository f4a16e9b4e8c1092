/** How the page looks, when it calls, what its keys do, and who is signed in. */
import { LogOut } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useMesh, useSlice } from "@/app/hooks";
import { allow, chime, permission } from "@/app/notifying";
import { type Density, prefer, preferences, type Theme } from "@/app/preferences";
import { Avatar, Button, Panel, Segmented } from "@/kit";
import "@/kit/tick.css";
import "./settings.css";
import { SHORTCUTS } from "./shortcuts";

const THEMES: readonly { id: Theme; name: string }[] = [
  { id: "system", name: "As the system" },
  { id: "dark", name: "Dark" },
  { id: "light", name: "Light" },
];
const DENSITIES: readonly { id: Density; name: string }[] = [
  { id: "compact", name: "Compact" },
  { id: "roomy", name: "Roomy" },
];

export function Settings({ onSignOut }: { onSignOut: () => void }) {
  return (
    <section className="screen settings" aria-label="Settings">
      <header className="screen-head">
        <div className="grow">
          <h1>Settings</h1>
          <p>Kept by this browser, for you alone.</p>
        </div>
      </header>
      <div className="screen-body scroll">
        <div className="settings-page">
          <Look />
          <Calls />
          <Session onSignOut={onSignOut} />
          <Shortcuts />
        </div>
      </div>
    </section>
  );
}

function Look() {
  const { theme, density } = useSlice(preferences);
  return (
    <Panel title="Look">
      <Row name="Theme" about="Dark, light, or whatever your system has.">
        <Segmented
          label="Theme"
          options={THEMES}
          value={theme}
          onChange={(next) => prefer({ theme: next })}
        />
      </Row>
      <Row name="Density" about="How much fits on the page.">
        <Segmented
          label="Density"
          options={DENSITIES}
          value={density}
          onChange={(next) => prefer({ density: next })}
        />
      </Row>
    </Panel>
  );
}

function Calls() {
  const { notify, sound } = useSlice(preferences);
  const [problem, setProblem] = useState("");
  const isOn = notify && permission() === "granted";
  const turn = async (next: boolean) => {
    const reason = next ? await allow() : "";
    setProblem(reason);
    prefer({ notify: next && reason === "" });
  };
  return (
    <Panel title="When a question lands">
      <Row name="Count in the title" about="The title of the page always tells how many wait.">
        <span className="muted">always on</span>
      </Row>
      <Row
        name="Notification of the browser"
        about={problem || "While this page is out of sight; pressing it leads to the question."}
        isBad={problem !== ""}
      >
        <Tick label="Notification of the browser" isOn={isOn} onChange={turn} />
      </Row>
      <Row name="Sound" about="Two short notes.">
        <Tick
          label="Sound"
          isOn={sound}
          onChange={(next) => {
            prefer({ sound: next });
            if (next) chime();
          }}
        />
      </Row>
    </Panel>
  );
}

function Session({ onSignOut }: { onSignOut: () => void }) {
  const { user, role, version, sign_in: ways } = useMesh().session;
  return (
    <Panel title="You and this page">
      <Row
        name={
          <span className="settings-you">
            <Avatar name={user ?? "?"} person size={26} /> {user}
          </span>
        }
        about={`Your role is ${role}: ${ROLES[role ?? "user"]}`}
      >
        {ways.length > 0 ? (
          <Button onPress={onSignOut}>
            <LogOut size={15} aria-hidden="true" /> Sign out
          </Button>
        ) : (
          <span className="muted">no sign-in here</span>
        )}
      </Row>
      <Row name="Hubbub" about="The version of the gateway that serves this page.">
        <code>{version}</code>
      </Row>
    </Panel>
  );
}

const ROLES = {
  user: "you see, answer and retry what is yours.",
  viewer: "you see everything, and answer what is yours.",
  operator: "you answer, cancel and retry what anybody has started.",
  admin: "you may do everything.",
} as const;

function Shortcuts() {
  return (
    <Panel title="Keys" className="settings-keys">
      {SHORTCUTS.map(({ where, keys }) => (
        <section key={where}>
          <h3>{where}</h3>
          <dl>
            {keys.map(([combination, does]) => (
              <div key={does}>
                <dt>
                  {combination.split(" ").map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Panel>
  );
}

function Row({
  name,
  about,
  isBad = false,
  children,
}: {
  name: ReactNode;
  about: string;
  isBad?: boolean;
  children: ReactNode;
}) {
  return (
    <div className="settings-row">
      <div>
        <b>{name}</b>
        <p className={isBad ? "settings-bad" : ""} role={isBad ? "alert" : undefined}>
          {about}
        </p>
      </div>
      {children}
    </div>
  );
}

function Tick({
  label,
  isOn,
  onChange,
}: {
  label: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
}) {
  return (
    <label className="settings-tick">
      <span className="hidden-label">{label}</span>
      <input
        className="tick"
        type="checkbox"
        checked={isOn}
        onChange={(event) => onChange(event.target.checked)}
      />
    </label>
  );
}
