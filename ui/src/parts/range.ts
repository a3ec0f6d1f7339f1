/** Which time charts show. It stands in the URL: `from` is a moment or how long before now, `to` a moment or left out: now. */

import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { exact, span } from "../base/format";
import { t } from "../base/texts";

export interface TimeRange {
  /** Seconds since 1970. */
  from: number;
  to: number;
  /** It ends now, and goes on with the time. */
  live: boolean;
}

/** The words `from` and `to` of a URL's query; "": left out. */
export interface RangeWords {
  from: string;
  to: string;
}

const HOUR = 3600;
const USUAL = HOUR;
/** Seconds that can be chosen. */
const PRESETS = [900, HOUR, 6 * HOUR, 24 * HOUR, 7 * 24 * HOUR];
const UNITS: Record<string, number> = { s: 1, m: 60, h: HOUR, d: 24 * HOUR };
/** Shorter ranges show no more than noise. */
const SHORTEST = 10;
/** Nothing older is kept. */
const LONGEST = 400 * UNITS["d"]!;

/** The range that a query asks for; what cannot be understood is the last hour. `now` in ms. */
export function rangeOf({ from, to }: RangeWords, now: number): TimeRange {
  const end = now / 1000;
  const until = to ? Date.parse(to) / 1000 : NaN;
  const [, count, unit] = /^-(\d{1,8})([smhd])$/.exec(from) ?? [];
  const since = count ? end - Number(count) * UNITS[unit!]! : Date.parse(from) / 1000;
  if (!count && !Number.isNaN(until) && until - since >= SHORTEST) return { from: since, to: Math.min(until, end), live: until > end };
  if (Number.isNaN(since) || end - since < SHORTEST) return { from: end - USUAL, to: end, live: true };
  return { from: since, to: end, live: true };
}

/** The words of so many seconds that end now. */
export function lastWords(seconds: number): RangeWords {
  const unit = seconds % UNITS["d"]! === 0 ? "d" : seconds % HOUR === 0 ? "h" : seconds % 60 === 0 ? "m" : "s";
  return { from: seconds === USUAL ? "" : `-${seconds / UNITS[unit]!}${unit}`, to: "" };
}

/** The words of a range between two moments, in seconds since 1970. */
export function wordsOf(from: number, to: number): RangeWords {
  return { from: new Date(1000 * Math.floor(from)).toISOString().replace(".000", ""), to: new Date(1000 * Math.ceil(to)).toISOString().replace(".000", "") };
}

/** The words of a range of twice the length around the same middle; one that reaches now ends there. `now` in ms. */
export function zoomedOut({ from, to }: TimeRange, now: number): RangeWords {
  const length = Math.min(2 * (to - from), LONGEST);
  const end = (from + to + length) / 2;
  if (end < now / 1000) return wordsOf(end - length, end);
  return lastWords(length > 600 ? 60 * Math.round(length / 60) : Math.round(length));
}

/** Buttons to choose the range. Dispatches `range` with `RangeWords`, as charts do when a part is marked. */
@customElement("hpm-range")
export class RangePart extends HpmElement {
  @property({ attribute: false }) range: TimeRange = rangeOf({ from: "", to: "" }, Date.now());

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
      }
      .group {
        display: inline-flex;
        flex-wrap: wrap;
      }
      .group button {
        border-radius: 0;
        margin-inline-start: -1px;
      }
      .group button[aria-pressed="true"] {
        position: relative;
        color: var(--accent);
        border-color: var(--accent);
        background: var(--chosen);
        font-weight: 600;
      }
    `,
  ];

  override render() {
    const { from, to, live } = this.range;
    const length = Math.round(to - from);
    return html`<div class="row">
      <div class="group" role="group" aria-label=${t("Time range")}>
        ${PRESETS.map(
          (seconds) =>
            html`<button type="button" aria-pressed=${live && length === seconds} @click=${() => this.emit("range", lastWords(seconds))}>
              ${seconds === HOUR ? t("{n}\u00a0h", { n: 1 }) : span(seconds)}
            </button>`,
        )}
      </div>
      <button type="button" @click=${() => this.emit("range", zoomedOut(this.range, Date.now()))}>${t("Zoom out")}</button>
      ${live
        ? PRESETS.includes(length)
          ? nothing
          : html`<span class="dim">${t("the last {time}", { time: span(length) })}</span>`
        : html`<span class="dim">${t("{from} to {to}", { from: exact(1000 * from), to: exact(1000 * to) })}</span>`}
    </div>`;
  }
}
