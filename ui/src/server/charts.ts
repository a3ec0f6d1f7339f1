/**
 * The charts of one virtual server, all on one axis of time: how fast it was, what CPU and memory it had, and what
 * hpm did.
 */

import { Resource } from "../api/resource";
import type { Adjustment, MetricsHistory } from "../api/types";
import { adjustmentSentences } from "../base/adjusted";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { clock } from "../base/format";
import { complaint } from "../base/notices";
import { Now } from "../base/now";
import { link } from "../base/page";
import { t } from "../base/texts";
import { pastOf, timesOf, type ChartMark, type ChartSeries } from "../parts/chart-data";
import { rangeOf, type TimeRange } from "../parts/range";

const METRICS = ["velocity", "goal-velocity", "cpu-using", "cpu-delay", "cpu-throttled", "cpu-entitlement", "cpu-shares", "memory-balloon", "memory-used", "memory-resident"];
const GIB = 2 ** 30;
/** As many adjustments as the API tells at once; the newest ones. */
const MOST_MARKS = 1000;

@customElement("hpm-server-charts")
export class ServerCharts extends HpmElement {
  @property() server = ""; // its UUID
  @property() name = "";
  /** The words of the URL that say which time is shown. */
  @property() from = "";
  @property() to = "";
  private readonly now = new Now(this, () => this.history.loading);
  private readonly history = new Resource<MetricsHistory>(this, () => this.historyPath(), { ticks: false });
  private readonly adjustments = new Resource<{ "dynamic-resource-adjustments": Adjustment[] }>(this, () => this.adjustmentsPath(), {
    kinds: ["dynamic-resource-adjustment"],
    ticks: false,
  });

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
      }
    `,
  ];

  override render() {
    const range = this.range();
    return html`<section class="stack" aria-label=${t("Charts")}>
      <hpm-range .range=${range}></hpm-range>
      ${this.charts(range)}
    </section>`;
  }

  private charts(range: TimeRange) {
    const past = this.history.value;
    if (!past) {
      const { error } = this.history;
      if (!error) return html`<hpm-skeleton rows="12"></hpm-skeleton>`;
      if (error.status === 404) return html`<p class="dim">${t("No history is kept of it.")}</p>`;
      return html`<hpm-problem .what=${t("The history cannot be shown.")} .error=${error} @retry=${() => this.history.refresh()}></hpm-problem>`;
    }
    const marks = this.marks();
    const times = timesOf(past);
    const chart = (heading: string, unit: string, digits: number, top: number, series: ChartSeries[], linked: boolean) =>
      html`<hpm-chart
        class="panel"
        .heading=${heading}
        .unit=${unit}
        .digits=${digits}
        .top=${top}
        .of=${this.name}
        .times=${times}
        .series=${series}
        .marks=${marks}
        .marksHref=${linked ? this.marksHref : null}
        .from=${range.from}
        .to=${range.to}
      ></hpm-chart>`;
    return html`${this.history.error ? html`<p class="wrong" role="status">${t("The charts are not up to date: {why}", { why: complaint(this.history.error) })}</p>` : nothing}
    ${chart(t("Velocity against goal"), t("percent"), 0, 100, this.velocity(past), true)}
    ${chart(t("CPU used and waited for"), t("CPUs"), 2, 0.1, this.cpu(past), false)}
    ${chart(t("CPU shares"), "", 0, 100, this.shares(past), false)}
    ${chart(t("Memory"), t("GiB"), 2, 0.25, this.memory(past), false)}
    ${marks.length === 0 ? html`<p class="dim">${t("No adjustment of this server in this time.")}</p>` : nothing}`;
  }

  private velocity(past: MetricsHistory): ChartSeries[] {
    return [
      { key: "velocity", label: t("velocity"), kind: "line", goal: "goal", ...pastOf(past, "velocity") },
      { key: "goal", label: t("goal"), kind: "goal", values: pastOf(past, "goal-velocity").values },
    ];
  }

  private cpu(past: MetricsHistory): ChartSeries[] {
    const throttled = pastOf(past, "cpu-throttled").values;
    const series: ChartSeries[] = [
      { key: "using", label: t("used"), kind: "area", values: pastOf(past, "cpu-using").values },
      { key: "delay", label: t("waited for"), kind: "area", values: pastOf(past, "cpu-delay").values },
      { key: "entitlement", label: t("entitled to by its shares"), kind: "line", colour: 4, values: pastOf(past, "cpu-entitlement").values },
    ];
    // few have a quota; without one there is nothing to see
    if (throttled.some((value) => value !== null && value > 0.005)) {
      series.splice(2, 0, { key: "throttled", label: t("held back by its cap"), kind: "area", colour: 3, values: throttled });
    }
    return series;
  }

  private shares(past: MetricsHistory): ChartSeries[] {
    return [{ key: "shares", label: t("shares"), kind: "steps", colour: 3, ...pastOf(past, "cpu-shares") }];
  }

  private memory(past: MetricsHistory): ChartSeries[] {
    const of = (metric: string) => pastOf(past, metric).values.map((value) => (value === null ? null : value / GIB));
    return [
      { key: "balloon", label: t("left by its balloon"), kind: "steps", colour: 4, values: of("memory-balloon") },
      { key: "used", label: t("used"), kind: "line", colour: 3, values: of("memory-used") },
      { key: "resident", label: t("held of the host"), kind: "line", colour: 1, values: of("memory-resident") },
    ];
  }

  private marks(): ChartMark[] {
    return (this.adjustments.value?.["dynamic-resource-adjustments"] ?? []).map((one) => ({
      id: one["object-id"],
      outcome: one.outcome,
      time: Date.parse(one.time) / 1000,
      label: `${clock(one.time)} ${adjustmentSentences(one).join(" ")}`,
      href: link("adjustments", String(one["object-id"])),
    }));
  }

  private readonly marksHref = (from: number, to: number): string => {
    // whole seconds around both
    const moment = (time: number) => new Date(1000 * time).toISOString();
    return link("adjustments", "", { server: this.server, from: moment(Math.floor(from)), to: moment(Math.ceil(to + 0.001)) });
  };

  private range(): TimeRange {
    return rangeOf({ from: this.from, to: this.to }, this.now.ms);
  }

  /** The words of a query for the time that is shown; from the beginning of so many seconds on. */
  private asked(grain: number): string {
    const { from, to, live } = this.range();
    const moment = (time: number) => new Date(1000 * time).toISOString();
    const begin = `from=${moment(Math.floor(from / grain) * grain)}`;
    return live ? begin : `${begin}&to=${moment(to)}`;
  }

  private historyPath(): string | null {
    return this.server && `/metrics/calculated/virtual-servers/${this.server}?metrics=${METRICS.join(",")}&${this.asked(1)}`;
  }

  private adjustmentsPath(): string | null {
    // events say when there is another one, so it need not be asked for each interval
    return this.server && `/dynamic-resource-adjustments?virtual-server=${this.server}&limit=${MOST_MARKS}&${this.asked(60)}`;
  }
}
