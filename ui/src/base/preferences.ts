/** What a user likes, kept by the browser: language, colours, keys; and what is half typed. Where it keeps nothing, everything still works. */

import { app, mayWrite } from "./app";

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
  /** Whether the first steps are shown while there are any left. */
  get steps(): boolean {
    return read("steps") !== "off";
  },
  set steps(on: boolean) {
    write("steps", on ? null : "off");
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

/** Shows the colours that are liked; in Wok, those of the page around it. */
export function paint(): void {
  const host = document.querySelector("hpm-app")!;
  const colours = preferences.colours === "system" ? (app.wok ? "light" : null) : preferences.colours;
  if (colours) host.setAttribute("colours", colours);
  else host.removeAttribute("colours");
  // scroll bars, and what is below the page
  if (!app.wok) document.documentElement.style.colorScheme = colours ?? "";
}

/** Where something half typed is kept: it is nobody else's than who typed it, though others log in with this browser. */
const draftKey = (name: string): string => `hpm-draft-${app.who?.user}-${name}`;

/** Something half typed that survives a reload, and the end of a session; `null`: nothing, as for all who may only read. */
export function draft<T>(name: string): T | null {
  if (!mayWrite()) return null;
  try {
    return JSON.parse(sessionStorage.getItem(draftKey(name)) ?? "null") as T | null;
  } catch {
    return null;
  }
}

export function keepDraft(name: string, value: unknown): void {
  if (!mayWrite()) return;
  try {
    if (value === null) sessionStorage.removeItem(draftKey(name));
    else sessionStorage.setItem(draftKey(name), JSON.stringify(value));
  } catch {
    // then a reload loses it
  }
}

/** Forgets all that was half typed: who logs out leaves nothing behind. */
export function forgetDrafts(): void {
  try {
    for (const key of Object.keys(sessionStorage).filter((one) => one.startsWith("hpm-draft-"))) sessionStorage.removeItem(key);
  } catch {
    // then nothing was kept
  }
}
