/** What a person has chosen for the look of the page; kept by the browser. */
import { Slice } from "@/core/slice";

export type Theme = "system" | "dark" | "light";
export type Density = "compact" | "roomy";

export interface Preferences {
  readonly theme: Theme;
  readonly density: Density;
  /** Whether the browser tells of a question while the page is out of sight. */
  readonly notify: boolean;
  /** Whether a question is heard. */
  readonly sound: boolean;
}

const KEY = "hubbub.preferences";

export const preferences = new Slice<Preferences>(read());

export function prefer(change: Partial<Preferences>): void {
  const next = { ...preferences.value, ...change };
  preferences.set(next);
  localStorage.setItem(KEY, JSON.stringify(next));
  show(next);
}

/** Put it on the page. */
export function show({ theme, density }: Preferences = preferences.value): void {
  const { dataset } = document.documentElement;
  if (theme === "system") delete dataset.theme;
  else dataset.theme = theme;
  dataset.density = density;
}

function read(): Preferences {
  const usual: Preferences = { theme: "system", density: "compact", notify: false, sound: false };
  try {
    return { ...usual, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>) };
  } catch {
    return usual;
  }
}
