/** Which rows of a long table are there, which of them keys move to, and what is copied. */

import { guarded } from "../base/csv";
import type { SortValue } from "./table-order";

/** Rows beyond what is seen, so that scrolling shows no gaps. */
const SPARE = 6;
/** The rows that are there change each time so many have gone by. */
export const STEP = 4;

/** A row, by its place, or room for so many. */
export type Item = { at: number } | { gap: number; order: number };

export interface Window {
  from: number;
  to: number; // not there any more
}

/** The rows around those that are seen. */
export function windowOf(first: number, seen: number, rows: number): Window {
  const from = Math.max(0, Math.min(first - SPARE, rows - seen - SPARE));
  return { from, to: Math.min(rows, first + seen + STEP + SPARE) };
}

/** How many rows are there at most: a row that comes into view takes over what one that left it was shown by. */
export const slotsOf = (seen: number): number => seen + STEP + 2 * SPARE;

/** The rows of a window and one beside it (-1: none), with room for all others. */
export function itemsOf({ from, to }: Window, pinned: number, rows: number): Item[] {
  const places = Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);
  if (pinned >= 0 && pinned < from) places.unshift(pinned);
  else if (pinned >= to) places.push(pinned);
  const items: Item[] = [];
  let next = 0;
  let order = 0;
  for (const at of places) {
    if (at > next) items.push({ gap: at - next, order: order++ });
    items.push({ at });
    next = at + 1;
  }
  if (next < rows) items.push({ gap: rows - next, order });
  return items;
}

/** Where a key moves to in so many rows; null: it is no key that moves. */
export function moved(key: string, at: number, page: number, rows: number): number | null {
  const moves: Record<string, number> = {
    ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + Math.max(1, page), PageUp: at - Math.max(1, page), Home: 0, End: rows - 1,
  };
  const to = moves[key];
  return to === undefined ? null : Math.max(0, Math.min(to, rows - 1));
}

/** Selects one, or takes it out; and all between it and `from` (null: nothing) in the same way. */
export function toggled<K>(selected: ReadonlySet<K>, keys: readonly K[], key: K, from: K | null): Set<K> {
  const next = new Set(selected);
  const chosen = !next.has(key);
  const at = keys.indexOf(key);
  const other = from === null ? -1 : keys.indexOf(from);
  for (const one of other < 0 ? [key] : keys.slice(Math.min(at, other), Math.max(at, other) + 1)) {
    if (chosen) next.add(one);
    else next.delete(one);
  }
  return next;
}

interface Copied<T> {
  label: string;
  value?: (row: T) => SortValue;
  text?: (row: T) => string;
}

/** Rows as text with a heading and tabs between columns, as sheets read it. */
export function asText<T>(columns: readonly Copied<T>[], rows: readonly T[]): string {
  const shown = columns.filter((one) => one.text ?? one.value);
  const text = (column: Copied<T>, row: T) => {
    const value = (column.text ?? column.value)?.(row) ?? "";
    return typeof value === "number" ? String(value) : guarded(value).replace(/[\t\r\n]/g, " ");
  };
  return [shown.map((one) => one.label), ...rows.map((row) => shown.map((one) => text(one, row)))]
    .map((cells) => cells.join("\t"))
    .join("\n");
}
