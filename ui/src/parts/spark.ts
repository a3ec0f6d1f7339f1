/** A tiny chart, mostly of the last hour, 160 × 36 px: the line, its goal dashed, and what missed the goal thicker and in colour. */

import { css, customElement, html, HpmElement, nothing, property, svg } from "../base/element";
import { fixed } from "../base/format";
import { t } from "../base/texts";
import { extremes, figures, type Figures } from "./chart-data";

const WIDTH = 160;
const HEIGHT = 36;
/** Room for the stroke above and below the line. */
const EDGE = 3;

@customElement("hpm-spark")
export class SparkPart extends HpmElement {
  /** Figures at equal distances in time; null: a gap. */
  @property({ attribute: false }) values: Figures = [];
  /** null: none. */
  @property({ attribute: false }) goal: number | null = null;
  /** What it shows, for who does not see it: "Velocity in the last hour". */
  @property() label = "";
  /** Whether more than the goal misses it (as of a PI) or less (as of a velocity). */
  @property() better: "less" | "more" = "more";
  @property({ type: Number }) digits = 0;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: inline-block;
        width: ${WIDTH}px;
        height: ${HEIGHT}px;
        vertical-align: middle;
      }
      svg {
        display: block;
      }
      path {
        fill: none;
        stroke: var(--series-1);
        stroke-width: 1.5;
        stroke-linejoin: round;
        stroke-linecap: round;
      }
      .missed {
        stroke: var(--missed);
        stroke-width: 2.5;
      }
      .goal {
        stroke: var(--dim);
        stroke-width: 1;
        stroke-dasharray: 4 3;
      }
      circle {
        fill: var(--series-1);
      }
      circle.missed {
        fill: var(--missed);
        stroke: none;
      }
    `,
  ];

  override render() {
    const { values, goal } = this;
    const text = this.text();
    const { most } = figures(values);
    // from 0 on, so that charts beside each other can be compared
    const top = Math.max(most ?? 0, goal ?? 0, Number.MIN_VALUE);
    const x = (at: number) => (values.length < 2 ? WIDTH / 2 : EDGE + (at / (values.length - 1)) * (WIDTH - 2 * EDGE));
    const y = (value: number) => HEIGHT - EDGE - (Math.max(0, value) / top) * (HEIGHT - 2 * EDGE);
    const d = line(values, x, y);
    const end = last(values);
    return html`<svg width=${WIDTH} height=${HEIGHT} role="img" aria-label=${text}>
      <title>${text}</title>
      ${goal === null ? nothing : svg`<path class="goal" d=${`M0 ${y(goal)}H${WIDTH}`}></path>`}
      <path d=${d}></path>
      ${goal === null
        ? nothing
        : svg`<clipPath id="miss"><rect width=${WIDTH} y=${this.better === "less" ? 0 : y(goal)} height=${this.better === "less" ? y(goal) : HEIGHT}></rect></clipPath>
            <path class="missed" d=${d} clip-path="url(#miss)"></path>`}
      ${end === null ? nothing : svg`<circle class=${this.misses(values[end]!) ? "missed" : ""} cx=${x(end)} cy=${y(values[end]!)} r="2.5"></circle>`}
    </svg>`;
  }

  private misses(value: number): boolean {
    if (this.goal === null) return false;
    return this.better === "less" ? value > this.goal : value < this.goal;
  }

  private text(): string {
    const said = extremes(this.values, this.digits);
    if (!said) return t("{what}: nothing is known of it yet", { what: this.label });
    const text = t("{what}: {figures}", { what: this.label, figures: said });
    return this.goal === null ? text : `${text}; ${t("goal {goal}", { goal: fixed(this.goal, this.digits) })}`;
  }
}

/** The last place at which something is known. */
function last(values: Figures): number | null {
  for (let at = values.length - 1; at >= 0; at--) if (values[at] !== null && values[at] !== undefined) return at;
  return null;
}

/** An SVG path with gaps where nothing is known; a single figure between gaps is a point. */
function line(values: Figures, x: (at: number) => number, y: (value: number) => number): string {
  let d = "";
  let on = false;
  for (const [at, value] of values.entries()) {
    if (value === null) {
      on = false;
      continue;
    }
    const point = `${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    d += on ? `L${point}` : `M${point}h0`;
    on = true;
  }
  return d;
}
