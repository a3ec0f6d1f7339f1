/** Links at the marks of a chart, above its axes. Marks that stand too close to be hit are one link to all of them. */

import { css, customElement, html, HpmElement, property, state } from "../base/element";
import { t } from "../base/texts";
import type { ChartMark } from "./chart-data";

/** The smallest distance at which two can be hit apart, in px. */
const APART = 24;
/** So many are told of several marks in one link. */
const TOLD = 3;

interface Cluster {
  left: number;
  marks: ChartMark[];
}

@customElement("hpm-chart-marks")
export class ChartMarksPart extends HpmElement {
  @property({ attribute: false }) marks: readonly ChartMark[] = [];
  @property({ attribute: false }) from = 0;
  @property({ attribute: false }) to = 0;
  /** The place and the width of the time axis, in px. */
  @property({ type: Number }) left = 0;
  @property({ type: Number }) width = 0;
  /** The URL of all between two moments, in seconds since 1970. */
  @property({ attribute: false }) hrefOf: (from: number, to: number) => string = () => "";
  @state() private active = 0;
  private clusters: Cluster[] = [];

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
        position: absolute;
        inset: 0 0 auto;
        height: 0;
        z-index: 2;
      }
      a {
        position: absolute;
        top: 0;
        height: ${APART}px;
        width: ${APART}px;
        border-radius: var(--radius);
      }
      a:hover {
        background: color-mix(in srgb, var(--accent) 20%, transparent);
      }
    `,
  ];

  override willUpdate(): void {
    this.clusters = this.gathered();
    this.active = Math.max(0, Math.min(this.active, this.clusters.length - 1));
  }

  override updated(): void {
    for (const [at, link] of this.links().entries()) link.style.left = `${this.clusters[at]!.left}px`;
  }

  override render() {
    return html`<div role="group" aria-label=${t("Adjustments in this time")} @keydown=${this.typed}>
      ${this.clusters.map((one, at) => {
        const text = told(one.marks);
        const [first, last] = [one.marks[0]!, one.marks.at(-1)!];
        const href = one.marks.length === 1 ? first.href : this.hrefOf(first.time, last.time);
        return html`<a href=${href} tabindex=${at === this.active ? 0 : -1} aria-label=${text} title=${text} @focus=${() => (this.active = at)}></a>`;
      })}
    </div>`;
  }

  private gathered(): Cluster[] {
    const found: Cluster[] = [];
    const scale = this.width / (this.to - this.from || 1);
    for (const mark of [...this.marks].sort((one, other) => one.time - other.time)) {
      if (mark.time < this.from || mark.time > this.to) continue;
      const left = this.left + (mark.time - this.from) * scale - APART / 2;
      const before = found.at(-1);
      if (before && left < before.left + APART) before.marks.push(mark);
      else found.push({ left, marks: [mark] });
    }
    return found;
  }

  private links(): HTMLElement[] {
    return [...this.renderRoot.querySelectorAll<HTMLElement>("a")];
  }

  private typed(event: KeyboardEvent): void {
    const count = this.clusters.length;
    const moves: Record<string, number> = { ArrowRight: this.active + 1, ArrowLeft: this.active - 1, Home: 0, End: count - 1 };
    const next = moves[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.links()[Math.max(0, Math.min(count - 1, next))]?.focus();
  }
}

function told(marks: readonly ChartMark[]): string {
  const lines = marks.slice(-TOLD).map((one) => one.label);
  if (marks.length > TOLD) lines.unshift(t("{n} adjustments, the last ones:", { n: marks.length }));
  return lines.join("\n");
}
