/** What the entries of a chart's legend show beside their words. */

import { html, nothing, svg } from "../base/element";
import type { ChartMark, ChartSeries } from "./chart-data";
import { colourOf, dashOf, isHatched } from "./chart-look";

/** What a series looks like: its line or its area. */
export function swatch(series: readonly ChartSeries[], at: number) {
  const colour = colourOf(series, at);
  const area = series[at]!.kind === "area";
  const hatched = isHatched(series, at);
  return html`<svg width="24" height="12" aria-hidden="true">
    ${area && !hatched ? svg`<rect y="1" width="24" height="10" fill=${colour} fill-opacity="0.35"></rect>` : nothing}
    ${hatched ? [0, 6, 12, 18].map((x) => svg`<path d=${`M${x} 11l6 -10`} stroke=${colour} stroke-width="1.5"></path>`) : nothing}
    <path d=${area ? "M0 1h24" : "M0 6h24"} stroke=${colour} stroke-width="2" stroke-dasharray=${dashOf(series, at).join(" ") || nothing}></path>
  </svg>`;
}

/** What a mark looks like (see `Plot`). */
export function markSwatch(outcome: ChartMark["outcome"]) {
  const colour = outcome === "failed" ? "var(--missed)" : "var(--dim)";
  return html`<svg width="12" height="12" aria-hidden="true">
    <path d="M1 1h10l-5 10z" stroke=${colour} fill=${outcome === "advised" ? "none" : colour}></path>
  </svg>`;
}
