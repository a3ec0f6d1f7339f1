/** Messages about what was done, or could not be; the shell shows them (`hpm-notices`). */

import { ApiError } from "../api/client";
import { t } from "./texts";

export interface Notice {
  text: string;
  kind: "done" | "problem";
  /** What can be done about it, such as taking it back. */
  action?: { label: string; run: () => void };
}

export const notices = new EventTarget();

export function tell(text: string, action?: Notice["action"]): void {
  const detail: Notice = action ? { text, kind: "done", action } : { text, kind: "done" };
  notices.dispatchEvent(new CustomEvent<Notice>("notice", { detail }));
}

/** Says what was done, with a button that has `undo` take it back; where that fails, it says why. */
export function tellUndo(text: string, undo: () => Promise<void>): void {
  tell(text, { label: t("Undo"), run: () => void undo().catch((error: unknown) => complain(t("Not undone."), error)) });
}

/** Says what could not be done, and why. */
export function complain(what: string, error: unknown): void {
  const detail: Notice = { text: `${what} ${complaint(error)}`, kind: "problem" };
  notices.dispatchEvent(new CustomEvent<Notice>("notice", { detail }));
}

/** The server's reason, as a sentence, and when it may be tried again. */
export function complaint(error: unknown, said = error instanceof Error ? error.message : String(error)): string {
  const sentence = /[.?!]$/.test(said) ? said : `${said}.`;
  const begun = sentence.startsWith("hpm ") ? sentence : sentence.charAt(0).toUpperCase() + sentence.slice(1);
  return error instanceof ApiError && error.wait ? `${begun} ${t("Try again in {n}\u00a0s.", { n: error.wait })}` : begun;
}
