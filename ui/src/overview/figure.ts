/** A figure of the host, large, with what it means below it and its last hour. */

import { css, html, nothing } from "../base/element";
import { NONE, percent } from "../base/format";
import { t } from "../base/texts";
import type { Figures } from "../parts/chart-data";

/** For the component that shows them, in a `dl`. */
export const FIGURES = css`
  dl {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr));
    gap: 12px var(--gap);
  }
  dt {
    font-size: var(--small);
  }
  hpm-spark {
    margin-top: 6px;
  }
  strong {
    font-size: 1.25rem;
    font-weight: 600;
  }
`;

/** A whole number with its unit. */
export const known = (value: number | null | undefined, unit: string): string =>
  typeof value === "number" ? `${percent(value)}\u00a0${unit}` : NONE;

/** `past`: its last hour, a value a minute; `digits` of that. */
export function figure(label: string, value: string, more: string, past: Figures = [], digits = 0) {
  return html`<div>
    <dt>${label}</dt>
    <dd>
      <strong>${value}</strong>
      <div class="help">${more}</div>
      ${past.some((one) => one !== null)
        ? html`<hpm-spark .values=${past} .goal=${null} digits=${digits} label=${t("{name} in the last hour", { name: label })}></hpm-spark>`
        : nothing}
    </dd>
  </div>`;
}
