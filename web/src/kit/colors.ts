/** The page's colours as values, for what draws by itself: canvases and plots. */
import { useEffect, useState } from "react";
import { useSlice } from "@/app/hooks";
import { preferences } from "@/app/preferences";

/** What the tokens stand for now; asked of the browser, which knows light and dark. */
export function colorsOf<T extends string>(tokens: readonly T[]): Record<T, string> {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const style = getComputedStyle(probe);
  const found = {} as Record<T, string>;
  for (const token of tokens) {
    probe.style.color = `var(--${token})`;
    found[token] = style.color;
  }
  probe.remove();
  return found;
}

/** A value that changes when the page turns light or dark. */
export function useScheme(): string {
  const { theme } = useSlice(preferences);
  const [dark, setDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const change = () => setDark(query.matches);
    query.addEventListener("change", change);
    return () => query.removeEventListener("change", change);
  }, []);
  return theme === "system" ? (dark ? "dark" : "light") : theme;
}
