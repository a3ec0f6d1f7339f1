/** What a chart shows, and the figures behind its areas; nothing here draws. */

import type { Adjustment, MetricsHistory } from "../api/types";
import { fixed } from "../base/format";
import { t } from "../base/texts";
import { MET } from "../base/words";

/** Figures at the times of a chart; null: not known, which is a gap. */
export type Figures = readonly (number | null)[];

/**
 * How a series is drawn. `line`: from point to point. `goal`: a dashed line, in steps. `steps`: a figure holds until the
 * next one. `area`: stacked on the areas before it.
 */
export type Kind = "line" | "goal" | "steps" | "area";

export interface ChartSeries {
  /** What it is known by, also in the table and in files. */
  key: string;
  label: string;
  kind: Kind;
  values: Figures;
  /** The lowest and the highest in the time of each point: a band behind the line, where they differ. */
  low?: Figures;
  high?: Figures;
  /** Which of the colours of series; left out: by its place. Goals have the colour of text. */
  colour?: 1 | 2 | 3 | 4 | 5 | 6;
  /** The `key` of the goal that it is measured by: where it misses that, what is between them is shaded. */
  goal?: string;
}

/** Something that happened, on the time axis. */
export interface ChartMark {
  id: string | number;
  /** What became of it; they look different. */
  outcome: Adjustment["outcome"];
  time: number; // seconds since 1970
  label: string;
  href: string;
}

/** What marks tell, in the order in which they are drawn: what comes later covers what came before. */
export const MARK_OUTCOMES: readonly ChartMark["outcome"][] = ["advised", "failed", "applied"];

/** The lowest, mean, highest and last of figures; null: nothing is known. */
export function figures(values: Figures): { least: number | null; mean: number | null; most: number | null; last: number | null } {
  let [count, sum] = [0, 0];
  let least: number | null = null;
  let most: number | null = null;
  let last: number | null = null;
  for (const value of values) {
    if (value === null || value === undefined) continue;
    count += 1;
    sum += value;
    if (least === null || value < least) least = value;
    if (most === null || value > most) most = value;
    last = value;
  }
  return { least, mean: count ? sum / count : null, most, last };
}

/** The same in words; "": nothing is known. */
export function extremes(values: Figures, digits: number): string {
  const { least, mean, most, last } = figures(values);
  if (last === null) return "";
  const said = { least: fixed(least, digits), mean: fixed(mean, digits), most: fixed(most, digits), last: fixed(last, digits) };
  return t("lowest {least}, mean {mean}, highest {most}, last {last}", said);
}

/** The times of the points of a history, in seconds since 1970. */
export function timesOf(history: MetricsHistory): number[] {
  const past = Object.values(history.metrics)[0];
  const begin = Date.parse(history.from) / 1000;
  return Array.from({ length: past?.mean.length ?? 0 }, (_, at) => begin + at * history["step-seconds"]);
}

/** A metric of a history, as a series has it; the same with gaps everywhere where the history has it not. */
export function pastOf(history: MetricsHistory, metric: string): Required<Pick<ChartSeries, "values" | "low" | "high">> {
  const past = history.metrics[metric];
  return past ? { values: past.mean, low: past.minimum, high: past.maximum } : { values: [], low: [], high: [] };
}

/** Where an area begins and ends, in the time and figures of a chart: its lower and upper edge at some times. */
export type Area = { time: number; low: number; high: number }[];

/** Areas between two rows of figures: one for each stretch in which both are known; `stepped`: they hold until the next. */
export function between(times: readonly number[], low: Figures, high: Figures, stepped = false): Area[] {
  const areas: Area[] = [];
  let area: Area | null = null;
  for (const [at, time] of times.entries()) {
    const [one, other] = [low[at] ?? null, high[at] ?? null];
    if (one === null || other === null) {
      area = null;
      continue;
    }
    if (!area) areas.push((area = []));
    const before = area.at(-1);
    if (stepped && before) area.push({ ...before, time });
    area.push({ time, low: one, high: other });
  }
  return areas;
}

/** Areas between a velocity and its goal, where it is missed. The goal holds from each point to the next. */
export function misses(times: readonly number[], values: Figures, goals: Figures): Area[] {
  const areas: Area[] = [];
  for (let at = 0; at + 1 < times.length; at++) {
    const [one, other, goal] = [values[at] ?? null, values[at + 1] ?? null, goals[at] ?? null];
    if (one === null || other === null || goal === null) continue;
    const limit = goal / MET;
    if (one >= limit && other >= limit) continue;
    const [begin, end] = [times[at]!, times[at + 1]!];
    // where it crosses the limit within the stretch, the area ends there
    const crossing = begin + ((limit - one) / (other - one)) * (end - begin);
    const from = one < limit ? { time: begin, low: one, high: goal } : { time: crossing, low: limit, high: goal };
    const to = other < limit ? { time: end, low: other, high: goal } : { time: crossing, low: limit, high: goal };
    areas.push([from, to]);
  }
  return areas;
}

/** Whether a band of lowest and highest says more than the line. */
export function hasBand(series: ChartSeries): boolean {
  return series.low !== undefined && series.high !== undefined && series.low.some((low, at) => low !== null && low < (series.high![at] ?? low));
}

/**
 * What is drawn of each series: areas are stacked in their order, others stand as they are. Of a hidden series
 * everything is null, and areas stand on those that are seen.
 */
export function drawn(series: readonly ChartSeries[], hidden: ReadonlySet<string>, length: number): (number | null)[][] {
  let ground: (number | null)[] | null = null;
  return series.map((one) => {
    const own = Array.from({ length }, (_, at) => (hidden.has(one.key) ? null : (one.values[at] ?? null)));
    if (one.kind !== "area" || hidden.has(one.key)) return own;
    const below: (number | null)[] | null = ground;
    ground = below ? own.map((value, at) => (value === null || below[at] === null ? null : value + below[at]!)) : own;
    return ground;
  });
}
