/** A period of time as the URL keeps it: `range`, a length that ends now, or `from` and `to`, moments. */

import { later } from "./texts";

/** Lengths that can be chosen, in seconds, by the word for the URL. */
export const LENGTHS: Readonly<Record<string, { seconds: number; label: string }>> = {
  "1h": { seconds: 3600, label: later("last hour") },
  "6h": { seconds: 21_600, label: later("last 6 hours") },
  "1d": { seconds: 86_400, label: later("last 24 hours") },
  "7d": { seconds: 604_800, label: later("last 7 days") },
  "30d": { seconds: 2_592_000, label: later("last 30 days") },
};

/** Moments in RFC 3339; "": no limit. */
export interface Period {
  from: string;
  to: string;
}

/** Gives the same moment for the same wish for as long as that stands: what is asked for does not change by itself. */
export class Periods {
  private wish = "";
  private since = "";

  /** The moments of what the URL says. */
  of(range: string, from: string, to: string): Period {
    const length = LENGTHS[range];
    if (!length) return { from: moment(from), to: moment(to) };
    if (this.wish !== range) {
      this.wish = range;
      this.since = new Date(Date.now() - 1000 * length.seconds).toISOString();
    }
    return { from: this.since, to: "" };
  }
}

function moment(text: string): string {
  const time = Date.parse(text);
  return Number.isNaN(time) ? "" : new Date(time).toISOString();
}

/** A moment as a field `datetime-local` has it, in the browser's time zone. */
export function toLocal(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return "";
  const two = (value: number) => String(value).padStart(2, "0");
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${date}T${two(time.getHours())}:${two(time.getMinutes())}`;
}

/** The moment of such a field; "" where nothing, or nothing whole, is typed. */
export const fromLocal = (text: string): string => (text ? moment(text) : "");
