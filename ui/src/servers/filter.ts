/** Which virtual servers are wanted; it stands in the URL. */

import type { Row } from "../api/mirror";

export interface Wanted {
  /** Part of a name; with `*` or `?`, the whole of it. */
  name: string;
  group: string; // its id
  class: string;
  status: string;
  state: string;
  /** Those that run and that hpm leaves alone. */
  leftAlone: boolean;
}

/** The words of the URL's query. */
export const WORDS = { name: "q", group: "group", class: "class", status: "status", state: "state", leftAlone: "left-alone" } as const;

export function wantedOf(query: URLSearchParams): Wanted {
  const word = (name: keyof typeof WORDS) => query.get(WORDS[name]) ?? "";
  return {
    name: word("name"), group: word("group"), class: word("class"), status: word("status"), state: word("state"),
    leftAlone: word("leftAlone") !== "",
  };
}

/** Whether all are wanted. */
export const wantsAll = (wanted: Wanted): boolean => !Object.values(wanted).some(Boolean);

/** Tells whether a name is meant: `*` and `?` stand for others, `\` before them for themselves; the case does not matter. */
export function matcher(text: string): (name: string) => boolean {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return () => true;
  if (!/[*?]/.test(wanted)) return (name) => name.toLowerCase().includes(wanted);
  const pattern = wanted.replace(/\\([*?\\])|[*?]|[^\w\s]/g, (found, escaped: string | undefined) => {
    if (escaped !== undefined) return `\\${escaped}`;
    return found === "*" ? ".*" : found === "?" ? "." : `\\${found}`;
  });
  const whole = new RegExp(`^${pattern}$`, "s");
  return (name) => whole.test(name.toLowerCase());
}

/** Those that are wanted, in the order in which they come; `reasons`: why some are left alone. */
export function filtered(rows: readonly Row[], wanted: Wanted, reasons: ReadonlyMap<string, string> | undefined): readonly Row[] {
  const named = matcher(wanted.name);
  return rows.filter(
    (row) =>
      (!wanted.group || row.group === wanted.group) &&
      (!wanted.class || row.class === wanted.class) &&
      (!wanted.status || row.status === wanted.status) &&
      (!wanted.state || row.state === wanted.state) &&
      (!wanted.leftAlone || !reasons || reasons.has(row.uuid)) &&
      named(row.name),
  );
}

/** The service classes that there are in a group ("": in any), by name. */
export function classesOf(rows: readonly Row[], group: string): string[] {
  const found = new Set<string>();
  for (const row of rows) if (row.class !== null && (!group || row.group === group)) found.add(row.class);
  return [...found].sort((one, other) => one.localeCompare(other));
}

/** How many stand how to their goals. */
export function tally(rows: readonly Row[]): { missed: number; goals: number } {
  let missed = 0;
  let goals = 0;
  for (const row of rows) {
    if (row.wanted !== null) goals++;
    if (row.status === "missed") missed++;
  }
  return { missed, goals };
}
