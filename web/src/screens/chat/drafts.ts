/** What was typed and not sent, place by place, kept by the browser; and what was sent last. */
const KEY = "hubbub.drafts";

const last = new Map<string, string>();

function all(): { [place: string]: string } {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as { [place: string]: string };
  } catch {
    return {};
  }
}

export const draftOf = (place: string): string => all()[place] ?? "";

export function keepDraft(place: string, text: string): void {
  const drafts = all();
  if (text.trim() === "") delete drafts[place];
  else drafts[place] = text;
  localStorage.setItem(KEY, JSON.stringify(drafts));
}

export const lastSent = (place: string): string => last.get(place) ?? "";
export const keepSent = (place: string, text: string): void => void last.set(place, text);
