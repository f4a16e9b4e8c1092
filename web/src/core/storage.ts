/** What the browser keeps for a person: nobody else who signs in here is shown it. */

const nameOf = (key: string, user: string): string => `hubbub.${key}:${user}`;

/** What is kept under a key; `usual` if nothing is, or it cannot be read. */
export function kept<T>(key: string, user: string, usual: T, storage = localStorage): T {
  try {
    const text = storage.getItem(nameOf(key, user));
    return text === null ? usual : (JSON.parse(text) as T);
  } catch {
    return usual;
  }
}

/** Keep something under a key. Returns whether it is: the browser may have no room, or refuse. */
export function keep(key: string, user: string, value: unknown, storage = localStorage): boolean {
  try {
    storage.setItem(nameOf(key, user), JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
