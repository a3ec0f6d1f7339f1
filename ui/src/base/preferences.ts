/** What a user likes, kept by the browser: language, colours, keys. Where it keeps nothing, everything still works. */

export type Colours = "system" | "light" | "dark";

function read(name: string): string | null {
  try {
    return localStorage.getItem(`hpm-${name}`);
  } catch {
    return null;
  }
}

function write(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`hpm-${name}`);
    else localStorage.setItem(`hpm-${name}`, value);
  } catch {
    // then it holds until the page is left
  }
}

export const preferences = {
  get language(): string | null {
    return read("language");
  },
  set language(value: string | null) {
    write("language", value);
  },
  get colours(): Colours {
    const kept = read("colours");
    return kept === "light" || kept === "dark" ? kept : "system";
  },
  set colours(value: Colours) {
    write("colours", value === "system" ? null : value);
  },
  /** Whether single keys (`/`, `?`) do something. */
  get keys(): boolean {
    return read("keys") !== "off";
  },
  set keys(on: boolean) {
    write("keys", on ? null : "off");
  },
  /**
   * That somebody logged in with this browser. The session's cookie is hidden from scripts, and to ask without one
   * would only be refused, with an error in the browser's console.
   */
  get session(): boolean {
    return read("session") !== null;
  },
  set session(begun: boolean) {
    write("session", begun ? "begun" : null);
  },
};

/** Something half typed that survives a reload; `null`: nothing. */
export function draft<T>(name: string): T | null {
  try {
    return JSON.parse(sessionStorage.getItem(`hpm-draft-${name}`) ?? "null") as T | null;
  } catch {
    return null;
  }
}

export function keepDraft(name: string, value: unknown): void {
  try {
    if (value === null) sessionStorage.removeItem(`hpm-draft-${name}`);
    else sessionStorage.setItem(`hpm-draft-${name}`, JSON.stringify(value));
  } catch {
    // then a reload loses it
  }
}
