/** What the browser keeps for a person: nobody else who signs in here is shown it. */

/** Kept until it is taken away, for all tabs. A browser may refuse to be asked for it at all. */
const local = (): Storage => localStorage;
/** Kept as long as the tab is there, also when it is loaded anew. */
export const ofTab = (): Storage => sessionStorage;

const nameOf = (key: string, user: string): string => `hubbub.${key}:${user}`;

/** What is kept under a key; `usual` if nothing is, or it cannot be read. */
export function kept<T>(key: string, user: string, usual: T, where = local): T {
  try {
    const text = where().getItem(nameOf(key, user));
    return text === null ? usual : (JSON.parse(text) as T);
  } catch {
    return usual;
  }
}

/** Keep something under a key. Returns whether it is: the browser may have no room, or refuse. */
export function keep(key: string, user: string, value: unknown, where = local): boolean {
  try {
    where().setItem(nameOf(key, user), JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
