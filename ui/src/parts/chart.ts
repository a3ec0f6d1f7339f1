/**
 * A chart over time: `<hpm-chart heading unit .times .series .from .to .marks>`. All charts of a page share one range of
 * time and one crosshair; what is under that stands in the legend, whose entries show and hide series.
 *
 * Dispatches `range` (`RangeWords`, see `range.ts`) when a part of the time was marked, with the pointer or by keyboard.
 *
 * By keyboard: the chart is in the order of Tab; left and right move the crosshair, Page Up and Down move it by a
 * twentieth of the time, Home and End to the ends, Esc takes it away. Enter marks one end of a part of the time there,
 * and Enter again the other. All figures can be had as a table.
 */

import uPlot from "uplot";
import uPlotStyles from "uplot/dist/uPlot.min.css";
import { unsafeCSS } from "lit";
import { saveFile } from "../base/csv";
import { css, customElement, html, HpmElement, nothing, property, query, state, type PropertyValues } from "../base/element";
import { exact, fixed } from "../base/format";
import { complain } from "../base/notices";
import { t } from "../base/texts";
import { outcomeWord } from "../base/words";
import { drawn, extremes, MARK_OUTCOMES, type ChartMark, type ChartSeries } from "./chart-data";
import { chartCsv, fileName, png } from "./chart-export";
import { dashOf, lookOf, watchColours } from "./chart-look";
import { HEIGHT, moment, Plot, type View } from "./chart-plot";
import { markSwatch, swatch } from "./chart-swatch";
import { wordsOf } from "./range";
import type { Column } from "./table";

@customElement("hpm-chart")
export class ChartPart extends HpmElement {
  @property() heading = "";
  /** Of all series; it stands at the axis. */
  @property() unit = "";
  /** Times of the points, in seconds since 1970, in order. */
  @property({ attribute: false }) times: readonly number[] = [];
  @property({ attribute: false }) series: readonly ChartSeries[] = [];
  /** What happened: lines in the chart. */
  @property({ attribute: false }) marks: readonly ChartMark[] = [];
  /** The URL of all that happened between two moments; null: marks are not linked (they are in another chart). */
  @property({ attribute: false }) marksHref: ((from: number, to: number) => string) | null = null;
  /** The time that is shown, in seconds since 1970. */
  @property({ attribute: false }) from = 0;
  @property({ attribute: false }) to = 0;
  /** The axis reaches at least up to here. */
  @property({ type: Number }) top = 0;
  @property({ type: Number }) digits = 0;
  /** What it is of, for names of files: a server's name. */
  @property() of = "";
  /** Charts with the same word share the crosshair. */
  @property() sync = "page";

  @state() private at: number | null = null; // under the crosshair
  @state() private end: number | null = null; // the time that was marked first, in seconds since 1970
  @state() private told = ""; // of what was marked
  @state() private away: ReadonlySet<string> = new Set(); // series that are not shown
  @state() private tabled = false;
  @state() private axis = { left: 0, width: 0 };
  @query(".plot") private box!: HTMLElement;
  @query(".probe") private probe!: HTMLElement;
  private plot: Plot | null = null;
  private rows: (number | null)[][] = [];
  private readonly sizes = new ResizeObserver(() => this.resized());
  private stopWatching = () => {};

  static override styles = [
    HpmElement.styles,
    unsafeCSS(uPlotStyles),
    css`
      :host {
        display: block;
        min-width: 0;
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        gap: 0 12px;
        align-items: center;
        min-height: 32px;
      }
      .legend button {
        border: none;
        background: none;
        padding: 0 4px;
        min-height: 28px;
        font-size: var(--small);
      }
      .legend button[aria-pressed="false"] {
        color: var(--dim);
        text-decoration: line-through;
      }
      .legend b {
        display: inline-block;
        min-width: 3.5em;
        text-align: end;
      }
      .time {
        min-width: 6.5em;
      }
      .mark {
        display: inline-flex;
        gap: 4px;
        align-items: center;
        font-size: var(--small);
      }
      .area {
        position: relative;
      }
      .plot {
        height: ${HEIGHT}px;
        overflow: hidden;
        border-radius: var(--radius);
      }
      .nothing {
        position: absolute;
        inset: 40% 0 auto;
        text-align: center;
        pointer-events: none;
      }
      .u-select {
        background: color-mix(in srgb, var(--accent) 20%, transparent);
      }
      .u-hz .u-cursor-x {
        border-right: 1px solid var(--dim);
      }
      summary {
        cursor: pointer;
        min-height: 24px;
        font-size: var(--small);
        color: var(--accent);
        width: max-content;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.stopWatching = watchColours(() => this.redrawn());
    void this.updateComplete.then(() => {
      if (!this.isConnected) return;
      this.sizes.observe(this.box);
      if (!this.plot) this.redrawn();
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stopWatching();
    this.sizes.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  override willUpdate(changed: PropertyValues): void {
    if (changed.has("times") || changed.has("series") || changed.has("away")) {
      this.rows = drawn(this.series, this.away, this.times.length);
    }
    if (this.at !== null && this.at >= this.times.length) this.at = null;
  }

  override updated(changed: PropertyValues): void {
    const before = changed.get("series") as readonly ChartSeries[] | undefined;
    if (!this.plot || !this.isConnected) return;
    if ((before && !alike(before, this.series)) || changed.has("unit")) this.redrawn();
    else if (["times", "series", "marks", "from", "to", "top", "away"].some((one) => changed.has(one))) {
      this.plot.show(this.view());
      this.placed();
    }
    if (changed.has("end") || (this.end !== null && this.at !== null)) this.plot.mark(this.end, this.at);
  }

  override render() {
    const last = this.lastKnown();
    const at = this.at ?? last;
    return html`<div class="spread">
        <h3>${this.heading}${this.unit ? html` <span class="dim">(${this.unit})</span>` : nothing}</h3>
        <hpm-menu .of=${this.heading} .actions=${this.actions()}></hpm-menu>
      </div>
      <div class="legend">
        <span class="dim time">${at === null ? "" : moment(this.times[at]!, this.to - this.from)}</span>
        ${this.series.map((one, place) => this.entry(one, place, at))} ${this.marksHref ? this.markEntries() : nothing}
      </div>
      <div class="area">
        <div
          class="plot"
          role="slider"
          tabindex="0"
          aria-label=${this.summary()}
          aria-orientation="horizontal"
          aria-valuemin="0"
          aria-valuemax=${Math.max(0, this.times.length - 1)}
          aria-valuenow=${at ?? 0}
          aria-valuetext=${this.at === null ? t("Left and right move through time") : this.said(this.at)}
          aria-describedby="how"
          @keydown=${this.typed}
          @blur=${this.unmarked}
        ></div>
        <span class="hidden-text" id="how">${t("In a chart: marks one end of a time, and pressed again the other, to zoom in.")}</span>
        <span class="hidden-text" role="status">${this.told}</span>
        ${last === null ? html`<p class="nothing dim">${t("Nothing is known of this time.")}</p>` : nothing}
        ${this.marksHref && this.marks.length > 0
          ? html`<hpm-chart-marks
              .marks=${this.marks}
              .from=${this.from}
              .to=${this.to}
              .left=${this.axis.left}
              .width=${this.axis.width}
              .hrefOf=${this.marksHref}
            ></hpm-chart-marks>`
          : nothing}
      </div>
      <details @toggle=${(event: Event) => (this.tabled = (event.target as HTMLDetailsElement).open)}>
        <summary>${t("Show as table")}</summary>
        ${this.tabled ? this.table() : nothing}
      </details>
      <i class="probe" hidden></i>`;
  }

  private entry(one: ChartSeries, place: number, at: number | null) {
    const shown = !this.away.has(one.key);
    return html`<button
      type="button"
      aria-pressed=${shown}
      title=${shown ? t("Hide {name}", { name: one.label }) : t("Show {name}", { name: one.label })}
      @click=${() => this.toggle(one.key)}
    >
      ${swatch(this.series, place)} ${one.label} <b>${fixed(at === null ? null : one.values[at], this.digits)}</b>
    </button>`;
  }

  /** What the marks of this chart mean. */
  private markEntries() {
    const shown = new Set(this.marks.filter(({ time }) => time >= this.from && time <= this.to).map((one) => one.outcome));
    return MARK_OUTCOMES.filter((one) => shown.has(one)).map((one) => html`<span class="mark">${markSwatch(one)} ${outcomeWord(one)}</span>`);
  }

  private table() {
    const columns: Column<number>[] = [
      { key: "time", label: t("Time"), width: 210, value: (at) => this.times[at]!, cell: (at) => exact(1000 * this.times[at]!) },
      ...this.series.map(
        (one): Column<number> => ({
          key: one.key,
          label: one.label,
          number: true,
          cell: (at) => fixed(one.values[at], this.digits),
        }),
      ),
    ];
    const rows = this.times.map((_, at) => at).filter((at) => this.series.some((one) => one.values[at] !== null && one.values[at] !== undefined));
    return html`<hpm-table .label=${this.heading} .columns=${columns} .rows=${rows.reverse()}></hpm-table>`;
  }

  private actions() {
    return [
      { label: t("Download as CSV"), run: () => this.asFile() },
      { label: t("Download as PNG"), run: () => void this.asPicture() },
    ];
  }

  /** All that the chart shows, for who does not see it. */
  private summary(): string {
    const parts = this.series.map((one) => `${one.label}: ${extremes(one.values, this.digits) || t("nothing is known")}`);
    return `${this.unit ? `${this.heading} (${this.unit})` : this.heading}. ${parts.join(". ")}`;
  }

  private said(at: number): string {
    const figures = this.series.map((one) => `${one.label} ${fixed(one.values[at], this.digits)}`);
    return `${moment(this.times[at]!, this.to - this.from)}: ${figures.join(", ")}`;
  }

  private lastKnown(): number | null {
    for (let at = this.times.length - 1; at >= 0; at--) {
      if (this.series.some((one) => one.kind !== "goal" && one.values[at] !== null && one.values[at] !== undefined)) return at;
    }
    return null;
  }

  private toggle(key: string): void {
    const next = new Set(this.away);
    if (!next.delete(key)) next.add(key);
    this.away = next;
  }

  private view(): View {
    const { times, series, rows, away, marks, from, to, top, unit } = this;
    return { times, series, rows, hidden: away, marks, from, to, top, unit };
  }

  /** Draws it all anew, in the colours of now. */
  private redrawn(): void {
    if (!this.box || !this.isConnected) return;
    this.plot?.destroy();
    const told = {
      cursor: (at: number | null) => (this.at = at),
      range: (from: number, to: number) => this.emit("range", wordsOf(from, to)),
    };
    this.plot = new Plot(this.box, this.view(), lookOf(this.probe, this.series), this.sync, told);
    this.placed();
  }

  private resized(): void {
    this.plot?.resize(this.box.clientWidth);
    this.placed();
  }

  /** Marks stand where the time axis is. */
  private placed(): void {
    const { left, width } = this.plot?.chart.bbox ?? { left: 0, width: 0 };
    const axis = { left: left / uPlot.pxRatio, width: width / uPlot.pxRatio };
    if (axis.left !== this.axis.left || axis.width !== this.axis.width) this.axis = axis;
  }

  private typed(event: KeyboardEvent): void {
    const last = this.times.length - 1;
    const now = this.at ?? this.lastKnown() ?? last;
    const far = Math.max(1, Math.round(last / 20));
    const moves: Record<string, number | null> = {
      ArrowRight: now + 1,
      ArrowLeft: now - 1,
      PageUp: now + far,
      PageDown: now - far,
      Home: 0,
      End: last,
      Escape: null,
    };
    if (event.key === "Enter" && this.at !== null) return this.marked(event, this.times[this.at]!);
    if (event.key === "Escape" && this.end !== null) {
      event.preventDefault();
      return this.unmarked();
    }
    const next = moves[event.key];
    if (next === undefined || last < 0) return;
    if (next === null && this.at === null) return; // for whoever else waits for it
    event.preventDefault();
    this.plot?.point(next === null ? null : Math.max(0, Math.min(last, next)));
  }

  private marked(event: KeyboardEvent, time: number): void {
    event.preventDefault();
    const length = this.to - this.from;
    if (this.end === null) {
      this.end = time;
      this.told = t("From {time}: move to the other end and press Enter, or Esc to leave off.", { time: moment(time, length) });
    } else if (time !== this.end) {
      const [from, to] = [Math.min(this.end, time), Math.max(this.end, time)];
      this.end = null;
      this.told = t("{from} to {to}", { from: moment(from, length), to: moment(to, length) });
      this.emit("range", wordsOf(from, to));
    }
  }

  private unmarked(): void {
    this.end = null;
    this.told = "";
  }

  private names(): string[] {
    const words = wordsOf(this.from, this.to);
    return [...(this.of ? [this.of] : []), this.heading, words.from, words.to];
  }

  private asFile(): void {
    saveFile(fileName(this.names(), "csv"), chartCsv(this.times, this.series, this.unit));
  }

  private async asPicture(): Promise<void> {
    const look = lookOf(this.probe, this.series);
    const entries = this.series.flatMap((one, at) =>
      this.away.has(one.key) ? [] : [{ label: one.label, colour: look.series[at]!, dash: dashOf(this.series, at) }],
    );
    const heading = `${this.of ? `${this.of} – ` : ""}${this.heading}${this.unit ? ` (${this.unit})` : ""}`;
    try {
      saveFile(fileName(this.names(), "png"), await png(this.plot!.chart.ctx.canvas, uPlot.pxRatio, look, heading, entries), "image/png");
    } catch (error) {
      complain(t("The picture was not made."), error);
    }
  }
}

/** Whether other figures are all that changed. */
function alike(one: readonly ChartSeries[], other: readonly ChartSeries[]): boolean {
  const looks = (series: readonly ChartSeries[]) => JSON.stringify(series.map(({ key, kind, colour, goal }) => [key, kind, colour, goal]));
  return looks(one) === looks(other);
}
