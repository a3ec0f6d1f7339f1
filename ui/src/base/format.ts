/** Numbers and times as the user's language writes them. `–` stands for what is not known, or does not apply. */

import { locale, plural, t } from "./texts";

export const NONE = "–";

const formats = new Map<string, Intl.NumberFormat>();

function number(value: number, digits: number): string {
  const key = `${locale()} ${digits}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits });
    formats.set(key, format);
  }
  return format.format(value);
}

const collators = new Map<string, Intl.Collator>();

/** How the user's language orders texts; numbers in them as people count: db2 before db10. */
export function order(): (one: string, other: string) => number {
  const key = locale();
  let collator = collators.get(key);
  if (!collator) collators.set(key, (collator = new Intl.Collator(key, { numeric: true })));
  return collator.compare;
}

/** A number with so many digits after the point. */
export function fixed(value: number | null | undefined, digits = 0): string {
  return value === null || value === undefined || Number.isNaN(value) ? NONE : number(value, digits);
}

/** A performance index. */
export const index = (value: number | null | undefined): string => fixed(value, 2);

/** CPUs, in units of one host CPU; the unit stands in the header, or is said beside it. */
export const cpus = (value: number | null | undefined): string => fixed(value, 2);

/** Percent, without its sign. */
export const percent = (value: number | null | undefined): string => fixed(value, 0);

/** Bytes of a MiB. */
export const MIB = 2 ** 20;

/** Bytes, in binary units. */
export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  const step = value < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  const size = value / 1024 ** step;
  return `${number(size, step === 0 || size >= 100 ? 0 : 1)}\u00a0${units[step]}`;
}

/** A length of time, in its greatest fitting unit: "12 s", "3 min", "5 h", "2 days". */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 120) return t("{n}\u00a0s", { n: whole });
  if (whole < 7200) return t("{n}\u00a0min", { n: Math.floor(whole / 60) });
  if (whole < 172_800) return t("{n}\u00a0h", { n: Math.floor(whole / 3600) });
  return plural("{n}\u00a0day", "{n}\u00a0days", Math.floor(whole / 86_400));
}

/** How long ago a moment (RFC 3339) was, in words; `now` in milliseconds. */
export function ago(time: string, now = Date.now()): string {
  const seconds = (now - Date.parse(time)) / 1000;
  return seconds < 1 ? t("now") : t("{time} ago", { time: span(seconds) });
}

/** A moment, to the second. */
export function exact(time: string | number): string {
  return new Date(time).toLocaleString(locale(), { dateStyle: "medium", timeStyle: "medium" });
}

/** The time of the day of a moment, to the second. */
export function clock(time: string | number): string {
  return new Date(time).toLocaleTimeString(locale(), { timeStyle: "medium" });
}

/** Several things in one sentence: "a, b and c". */
export function list(items: readonly string[]): string {
  return new Intl.ListFormat(locale(), { type: "conjunction" }).format(items);
}

/** The first ones of many names in a sentence, and how many others there are. */
export function some(all: readonly string[], most: number): string {
  if (all.length <= most) return list(all);
  return list([...all.slice(0, most - 1), plural("{n} other", "{n} others", all.length - most + 1)]);
}

const MOST_NAMES = 3;

/** Things by their names, in one sentence. */
export const names = (things: readonly { name: string }[]): string => some(things.map((one) => one.name), MOST_NAMES);
