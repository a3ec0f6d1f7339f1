/** The drawn part of a chart: uPlot draws axes and lines, and what lies behind and before them is drawn here. */

import uPlot from "uplot";
import { fixed } from "../base/format";
import { locale } from "../base/texts";
import { between, hasBand, MARK_OUTCOMES, misses, type Area, type ChartMark, type ChartSeries } from "./chart-data";
import { dashOf, hatch, isHatched, type Look } from "./chart-look";

export interface View {
  times: readonly number[];
  series: readonly ChartSeries[];
  /** What is drawn of each series (`drawn`). */
  rows: (number | null)[][];
  hidden: ReadonlySet<string>;
  marks: readonly ChartMark[];
  from: number;
  to: number;
  top: number;
  unit: string;
}

/** Room above the axes, in which marks stand. */
export const MARKS = 24;
export const HEIGHT = 212;
const AXIS_HEIGHT = 48; // a time, and the date below it
// the same for all charts, so that one moment stands at the same place in all of them
const AXIS_WIDTH = 52;
const LABEL_WIDTH = 20;
/** Half of a time, which stands below the end of the axis. */
const RIGHT = 32;
/** Shorter drags are clicks, in px. */
const SHORTEST_DRAG = 6;
/** More lines of marks would hide the figures. */
const MOST_LINES = 60;
const DAY = 86_400;

/**
 * By what charts share: the time to which the crosshair was moved by keyboard. It stays there while time goes on; what
 * the pointer points at stays under the pointer.
 */
const pinned = new Map<string, number>();

export class Plot {
  readonly chart: uPlot;

  /** `sync`: charts with the same word share the crosshair. */
  constructor(
    box: HTMLElement,
    private view: View,
    private readonly look: Look,
    private readonly sync: string,
    /** Where the crosshair is (the place in `times`; null: nowhere), and which time was marked by dragging. */
    private readonly told: { cursor: (at: number | null) => void; range: (from: number, to: number) => void },
  ) {
    this.chart = new uPlot(this.options(box.clientWidth), this.data(), box);
    this.chart.over.addEventListener("mousemove", () => pinned.delete(sync));
  }

  /** Shows another state of the same series. */
  show(view: View): void {
    this.view = view;
    this.chart.batch(() => {
      this.chart.setData(this.data(), false);
      this.chart.setScale("x", { min: view.from, max: view.to });
    });
    const time = pinned.get(this.sync);
    if (time !== undefined) this.moveTo(time, false);
  }

  resize(width: number): void {
    if (width > 0) this.chart.setSize({ width, height: HEIGHT });
  }

  /** Moves the crosshair, in all charts that share it; null: takes it away. */
  point(at: number | null): void {
    const time = at === null ? undefined : this.view.times[at];
    if (time === undefined) pinned.delete(this.sync);
    else pinned.set(this.sync, time);
    this.moveTo(time, true);
  }

  /** `follow`: whether the charts that share the crosshair go there, too; uPlot's types leave that out. */
  private moveTo(time: number | undefined, follow: boolean): void {
    const move = this.chart.setCursor as (where: { left: number; top: number }, tell: boolean, follow: boolean) => void;
    move(time === undefined ? { left: -10, top: -10 } : { left: this.chart.valToPos(time, "x"), top: 10 }, true, follow);
  }

  /** Shows that a part of the time is being marked, from a moment to a place in `times`; null: none is. */
  mark(end: number | null, at: number | null): void {
    const one = end === null ? 0 : this.chart.valToPos(end, "x");
    const other = end === null || at === null ? one : this.chart.valToPos(this.view.times[at]!, "x");
    const [width, height] = end === null ? [0, 0] : [Math.max(2, Math.abs(other - one)), this.chart.over.clientHeight];
    this.chart.setSelect({ left: Math.min(one, other), top: 0, width, height }, false);
  }

  destroy(): void {
    this.chart.destroy();
  }

  private data(): uPlot.AlignedData {
    const { times, rows, from, to } = this.view;
    // without any time uPlot would draw no axis
    if (times.length === 0) return [[from, to], ...rows.map(() => [null, null])] as uPlot.AlignedData;
    return [times as number[], ...rows] as uPlot.AlignedData;
  }

  private options(width: number): uPlot.Options {
    const { look, view } = this;
    const axis = { stroke: look.dim, font: look.font, labelFont: look.font, grid: { stroke: look.line, width: 1 }, ticks: { stroke: look.line, width: 1 } };
    return {
      width,
      height: HEIGHT,
      padding: [MARKS, RIGHT, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: true, range: () => [this.view.from, this.view.to] },
        y: { range: () => [0, this.highest()] },
      },
      axes: [
        { ...axis, size: AXIS_HEIGHT, space: 64, values: (_, splits, __, ___, step) => times(splits, step, this.view.to - this.view.from) },
        {
          ...axis,
          size: AXIS_WIDTH,
          label: view.unit,
          labelSize: LABEL_WIDTH,
          labelGap: 0,
          space: 32,
          values: (_, splits, __, ___, step) => splits.map((one) => fixed(one, digitsOf(step))),
        },
      ],
      series: [{}, ...view.series.map((_, at) => this.line(at))],
      cursor: {
        y: false,
        points: { size: 7 },
        drag: { x: true, y: false, setScale: false },
        bind: { dblclick: () => null },
        // what is marked is marked in one chart; the page moves the others
        sync: { key: this.sync, scales: ["x", null], setSeries: false, filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } },
      },
      hooks: {
        drawAxes: [() => this.behind()],
        draw: [() => this.before()],
        setCursor: [(chart) => this.told.cursor(this.view.times.length > 0 ? (chart.cursor.idx ?? null) : null)],
        setSelect: [(chart) => this.selected(chart)],
      },
    };
  }

  private line(at: number): uPlot.Series {
    const { series } = this.view;
    const one = series[at]!;
    const stepped = one.kind === "goal" || one.kind === "steps";
    const dash = [...dashOf(series, at)];
    const line: uPlot.Series = {
      stroke: this.look.series[at]!,
      width: one.kind === "line" || one.kind === "steps" ? 2 : 1.5,
      dash,
      paths: stepped ? uPlot.paths.stepped!({ align: 1 }) : uPlot.paths.linear!(),
      points: { show: false, size: 4, fill: this.look.series[at]!, filter: (_, place) => this.alone(place) },
    };
    return line;
  }

  /** Points between two gaps, which no line would show. */
  private alone(place: number): number[] | null {
    const row = this.view.rows[place - 1] ?? [];
    const known = (at: number) => row[at] !== null && row[at] !== undefined;
    const found = row.flatMap((_, at) => (known(at) && !known(at - 1) && !known(at + 1) ? [at] : []));
    return found.length > 0 ? found : null;
  }

  private highest(): number {
    const { rows, series, hidden, top, times, from, to } = this.view;
    let most = 0;
    const look = (value: number | null | undefined, at: number) => {
      if (value && value > most && times[at]! >= from && times[at]! <= to) most = value;
    };
    for (const row of rows) row.forEach(look);
    for (const one of series) if (!hidden.has(one.key) && one.kind !== "area") one.high?.forEach(look);
    return most <= top ? top || 1 : 1.06 * most;
  }

  // -- what is not a line

  private behind(): void {
    const { times, series, rows, hidden } = this.view;
    const zero = times.map(() => 0);
    let below: (number | null)[] = zero;
    this.clipped((on) => {
      for (const [at, one] of series.entries()) {
        if (hidden.has(one.key)) continue;
        const row = rows[at]!;
        if (one.kind === "area") {
          on.globalAlpha = isHatched(series, at) ? 0.75 : 0.35;
          on.fillStyle = isHatched(series, at) ? hatch(on, this.look.series[at]!, uPlot.pxRatio) : this.look.series[at]!;
          this.fill(on, between(times, below, row));
          below = row;
        } else if (hasBand(one)) {
          on.globalAlpha = 0.22;
          on.fillStyle = this.look.series[at]!;
          this.fill(on, between(times, one.low!, one.high!, one.kind === "steps"));
        }
        const goal = one.goal === undefined ? -1 : series.findIndex((other) => other.key === one.goal);
        if (goal >= 0 && !hidden.has(one.goal!)) {
          on.globalAlpha = 0.22;
          on.fillStyle = this.look.missed;
          this.fill(on, misses(times, row, rows[goal]!));
        }
      }
    });
  }

  private fill(on: CanvasRenderingContext2D, areas: readonly Area[]): void {
    const x = (time: number) => this.chart.valToPos(time, "x", true);
    const y = (value: number) => this.chart.valToPos(value, "y", true);
    for (const area of areas) {
      on.beginPath();
      for (const point of area) on.lineTo(x(point.time), y(point.high));
      for (const point of [...area].reverse()) on.lineTo(x(point.time), y(point.low));
      on.fill();
    }
  }

  /**
   * Marks: a triangle above the axes, and a line down from it while lines are so few that the figures are still seen.
   * What was only advised is hollow, and what failed has the colour of what is missed; what was applied covers them.
   */
  private before(): void {
    const { ctx: on, bbox } = this.chart;
    const { marks, from, to } = this.view;
    const ratio = uPlot.pxRatio;
    const size = 5 * ratio;
    const shown = marks.filter(({ time }) => time >= from && time <= to);
    const place = ({ time }: ChartMark) => Math.round(this.chart.valToPos(time, "x", true));
    const lines = new Set(shown.map(place));
    on.save();
    on.lineWidth = ratio;
    on.strokeStyle = this.look.dim;
    on.setLineDash([ratio, 3 * ratio]);
    if (lines.size <= MOST_LINES) for (const x of lines) this.stroke(on, x);
    on.setLineDash([]);
    for (const outcome of MARK_OUTCOMES) {
      on.strokeStyle = on.fillStyle = outcome === "failed" ? this.look.missed : this.look.dim;
      for (const x of new Set(shown.filter((one) => one.outcome === outcome).map(place))) {
        on.beginPath();
        on.moveTo(x - size, bbox.top - 2 * size);
        on.lineTo(x + size, bbox.top - 2 * size);
        on.lineTo(x, bbox.top);
        on.closePath();
        if (outcome === "advised") on.stroke();
        else on.fill();
      }
    }
    on.restore();
  }

  private stroke(on: CanvasRenderingContext2D, x: number): void {
    const { top, height } = this.chart.bbox;
    on.beginPath();
    on.moveTo(x, top);
    on.lineTo(x, top + height);
    on.stroke();
  }

  private clipped(draw: (on: CanvasRenderingContext2D) => void): void {
    const { ctx: on, bbox } = this.chart;
    on.save();
    on.beginPath();
    on.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    on.clip();
    draw(on);
    on.restore();
  }

  private selected(chart: uPlot): void {
    const { left, width } = chart.select;
    if (width < SHORTEST_DRAG) return;
    this.told.range(chart.posToVal(left, "x"), chart.posToVal(left + width, "x"));
    chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }
}

/** Digits after the point of figures that are so far apart. */
function digitsOf(step: number): number {
  return step >= 1 ? 0 : Math.min(3, Math.ceil(-Math.log10(step)));
}

const formats = new Map<string, Intl.DateTimeFormat>();

function written(time: number, options: Intl.DateTimeFormatOptions): string {
  const key = `${locale()} ${JSON.stringify(options)}`;
  let format = formats.get(key);
  if (!format) formats.set(key, (format = new Intl.DateTimeFormat(locale(), options)));
  return format.format(1000 * time);
}

/** The times at the axis: of the day, with the date below the first one and where another day begins. */
function times(splits: readonly number[], step: number, length: number): string[] {
  const clock: Intl.DateTimeFormatOptions = { hour: "numeric", minute: "2-digit", ...(step < 60 ? { second: "2-digit" } : {}) };
  let before = "";
  return splits.map((time) => {
    const date = written(time, { day: "numeric", month: "short" });
    const isNew = date !== before && (length > DAY / 4 || before !== "");
    before = date;
    if (step >= DAY) return date;
    return isNew ? `${written(time, clock)}\n${date}` : written(time, clock);
  });
}

/** A moment under the crosshair, as exactly as the distance of points in a range of so many seconds allows. */
export function moment(time: number, length: number): string {
  return written(time, length >= DAY / 2 ? { dateStyle: "medium", timeStyle: "short" } : { timeStyle: "medium" });
}
