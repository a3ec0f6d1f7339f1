/**
 * Velocity against its goal: a thin bar with a tick at the goal, 120 × 14 px, the same everywhere. Tables draw many of
 * them, by `bullet` and `BULLET`: a component for each would take longer and more memory.
 */

import { css, customElement, html, HpmElement, nothing, property, svg } from "../base/element";
import { percent } from "../base/format";
import { t } from "../base/texts";
import { MET } from "../base/words";

const WIDTH = 120;
const HEIGHT = 14;
const BAR = 6;

export const BULLET = css`
  .bullet {
    display: inline-block;
    vertical-align: middle;
  }
  .bullet .track {
    fill: var(--line);
  }
  .bullet .bar {
    fill: var(--series-1);
  }
  .bullet .missed {
    fill: var(--missed);
  }
  .bullet .goal {
    fill: var(--text);
  }
`;

/** In percent. `velocity` null: idle, paused, or not known; `goal` null: none. */
export function bullet(velocity: number | null, goal: number | null) {
  const missed = velocity !== null && goal !== null && goal > MET * velocity;
  const values = { velocity: percent(velocity), goal: percent(goal) };
  const label = goal === null ? t("velocity {velocity}, no goal", values) : t("velocity {velocity}, goal {goal}", values);
  const x = (value: number) => (Math.min(100, Math.max(0, value)) / 100) * WIDTH;
  const top = (HEIGHT - BAR) / 2;
  return html`<svg class="bullet" width=${WIDTH} height=${HEIGHT} role="img" aria-label=${label}>
    <title>${label}</title>
    <rect class="track" y=${top} width=${WIDTH} height=${BAR} rx="1"></rect>
    ${velocity === null
      ? nothing
      : svg`<rect class=${missed ? "missed" : "bar"} y=${top} width=${x(velocity)} height=${BAR} rx="1"></rect>`}
    ${goal === null ? nothing : svg`<rect class="goal" x=${Math.min(WIDTH - 2, x(goal) - 1)} width="2" height=${HEIGHT}></rect>`}
  </svg>`;
}

@customElement("hpm-bullet")
export class BulletPart extends HpmElement {
  /** In percent; null: idle, paused, or not known. */
  @property({ attribute: false }) velocity: number | null = null;
  /** In percent; null: no goal. */
  @property({ attribute: false }) goal: number | null = null;

  static override styles = [
    HpmElement.styles,
    BULLET,
    css`
      :host {
        display: inline-block;
        width: ${WIDTH}px;
        height: ${HEIGHT}px;
        vertical-align: middle;
        contain: strict;
      }
      .bullet {
        display: block;
      }
    `,
  ];

  override render() {
    return bullet(this.velocity, this.goal);
  }
}
