/** The order of a table's rows, quick enough to be made anew for ten thousand rows each time that figures come. */

import { order } from "../base/format";

export type SortValue = string | number | null;

/** Rows in the order of their values; null comes last either way, and rows alike stay as they came. */
export function ordered<T>(rows: readonly T[], value: (row: T) => SortValue, down: boolean): T[] {
  const sign = down ? -1 : 1;
  const places = placesOf(rows, value);
  const keys = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) {
    const found = value(rows[at]!);
    const number = typeof found === "string" ? places.get(found)! : found;
    keys[at] = number === null || Number.isNaN(number) ? Infinity : sign * number;
  }
  const sorted = Array.from(keys.keys());
  sorted.sort((one, other) => (keys[one]! < keys[other]! ? -1 : keys[one]! > keys[other]! ? 1 : one - other));
  return sorted.map((at) => rows[at]!);
}

/** The place of each text among all there are. Many rows have the same, and comparing texts is slow: each is compared once. */
function placesOf<T>(rows: readonly T[], value: (row: T) => SortValue): Map<string, number> {
  const texts = new Set<string>();
  for (const row of rows) {
    const found = value(row);
    if (typeof found === "string") texts.add(found);
  }
  return new Map([...texts].sort(order()).map((text, place) => [text, place]));
}

/** The new rows in the order of those before; those that were not there come last. */
export function asBefore<T, K>(rows: readonly T[], before: readonly T[], keyOf: (row: T) => K): T[] {
  const left = new Map(rows.map((row) => [keyOf(row), row]));
  const kept: T[] = [];
  for (const old of before) {
    const key = keyOf(old);
    const row = left.get(key);
    if (row === undefined) continue;
    kept.push(row);
    left.delete(key);
  }
  return [...kept, ...left.values()];
}
