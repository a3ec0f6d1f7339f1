/** How charts look: colours from the theme, and dashes and hatches that tell series apart without them. */

import type { ChartSeries } from "./chart-data";

export interface Look {
  series: string[]; // the colour of each
  text: string;
  dim: string;
  line: string;
  ground: string;
  missed: string;
  font: string;
}

const DASHES: readonly (readonly number[])[] = [[], [2, 3], [10, 4, 2, 4], [12, 4]];
const GOAL_DASH: readonly number[] = [6, 4];

/** The colour of a series, as CSS. */
export function colourOf(series: readonly ChartSeries[], at: number): string {
  const one = series[at]!;
  if (one.kind === "goal") return "var(--text)";
  const place = series.slice(0, at).filter((other) => other.kind !== "goal").length;
  return `var(--series-${one.colour ?? (place % 6) + 1})`;
}

/** The lengths of dashes and gaps of its line, in px; empty: none. */
export function dashOf(series: readonly ChartSeries[], at: number): readonly number[] {
  const one = series[at]!;
  if (one.kind === "goal") return GOAL_DASH;
  if (one.kind === "area") return [];
  const lines = series.slice(0, at).filter((other) => other.kind === "line" || other.kind === "steps").length;
  // beside areas, whose edges are lines, no other line is whole
  const first = series.some((other) => other.kind === "area") ? 1 : 0;
  return DASHES[(first + lines) % DASHES.length]!;
}

/** Whether an area is hatched: each second one of those that are stacked. */
export function isHatched(series: readonly ChartSeries[], at: number): boolean {
  return series[at]!.kind === "area" && series.slice(0, at).filter((other) => other.kind === "area").length % 2 === 1;
}

/** The colours as they are now. `probe`: an element that inherits them. */
export function lookOf(probe: HTMLElement, series: readonly ChartSeries[]): Look {
  const found = (colour: string) => {
    probe.style.color = colour;
    return getComputedStyle(probe).color;
  };
  return {
    series: series.map((_, at) => found(colourOf(series, at))),
    text: found("var(--text)"),
    dim: found("var(--dim)"),
    line: found("var(--line)"),
    ground: found("var(--ground)"),
    missed: found("var(--missed)"),
    font: `12px ${getComputedStyle(probe).fontFamily}`,
  };
}

const HATCH = 6;

/** A pattern of slanted lines; `ratio`: pixels of the canvas for one of CSS. */
export function hatch(context: CanvasRenderingContext2D, colour: string, ratio: number): CanvasPattern | string {
  const tile = document.createElement("canvas");
  const size = Math.round(HATCH * ratio);
  tile.width = tile.height = size;
  const on = tile.getContext("2d")!;
  on.strokeStyle = colour;
  on.lineWidth = 1.5 * ratio;
  for (const begin of [-size, 0, size]) {
    on.moveTo(begin, size);
    on.lineTo(begin + size, 0);
  }
  on.stroke();
  return context.createPattern(tile, "repeat") ?? colour;
}

/** Calls when the colours may have changed, until what it gives is called. */
export function watchColours(changed: () => void): () => void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", changed);
  // the user's own choice stands at the outermost component
  const chosen = new MutationObserver(changed);
  const host = document.querySelector("hpm-app");
  if (host) chosen.observe(host, { attributeFilter: ["colours"] });
  return () => {
    dark.removeEventListener("change", changed);
    chosen.disconnect();
  };
}
