/**
 * How a group's service classes fared over time: the PI of all of them, and the velocity of one against its goal.
 *
 * The time stands in the URL as `from` and `to`, the class as `class`; charts and buttons dispatch `range`, and the
 * choice of a class dispatches `class`.
 */

import { Resource } from "../api/resource";
import type { MetricsHistory, ServiceClass } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { Now } from "../base/now";
import { t } from "../base/texts";
import { goalPercent, MET } from "../base/words";
import { pastOf, timesOf, type ChartSeries } from "../parts/chart-data";
import { rangeOf, type TimeRange } from "../parts/range";
import { groupPath } from "./data";

@customElement("hpm-group-history")
export class GroupHistoryPart extends HpmElement {
  @property() group = "";
  @property() name = "";
  /** The classes of the active policy. */
  @property({ attribute: false }) classes: readonly ServiceClass[] = [];
  /** The words of the URL. */
  @property() from = "";
  @property() to = "";
  @property() chosen = "";
  private readonly now = new Now(this, () => this.history.loading);
  private readonly history = new Resource<MetricsHistory>(this, () => this.path(), { ticks: false });

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: var(--gap);
        grid-template-columns: minmax(0, 1fr);
      }
    `,
  ];

  override render() {
    const range = this.range();
    return html`<hpm-range .range=${range}></hpm-range> ${this.charts(range)}`;
  }

  private charts(range: TimeRange) {
    const past = this.history.value;
    if (!past) {
      return this.history.error
        ? html`<hpm-problem .what=${t("The history cannot be shown.")} .error=${this.history.error} @retry=${() => this.history.refresh()}></hpm-problem>`
        : html`<hpm-skeleton rows="8"></hpm-skeleton>`;
    }
    const times = timesOf(past);
    const chart = (heading: string, unit: string, digits: number, top: number, series: ChartSeries[]) =>
      html`<hpm-chart
        class="panel"
        .heading=${heading}
        .unit=${unit}
        .digits=${digits}
        .top=${top}
        .of=${this.name}
        .times=${times}
        .series=${series}
        .from=${range.from}
        .to=${range.to}
      ></hpm-chart>`;
    const one = this.classes.find((each) => each.name === this.chosen) ?? this.classes[0];
    return html`${chart(t("Performance index of the service classes"), t("PI"), 2, 1.2, this.indexes(past, times.length))}
    ${one ? html`${this.choice(one)} ${chart(t("Velocity of {name} against its goal", { name: one.name }), t("percent"), 0, 100, this.velocity(past, one, times.length))}` : nothing}`;
  }

  private choice(one: ServiceClass) {
    if (this.classes.length < 2) return nothing;
    return html`<div class="row">
      <label for="class">${t("Velocity of the class")}</label>
      <select id="class" @change=${(event: Event) => this.emit("class", (event.target as HTMLSelectElement).value)}>
        ${this.classes.map((each) => html`<option value=${each.name} .selected=${each === one}>${each.name}</option>`)}
      </select>
    </div>`;
  }

  private indexes(past: MetricsHistory, length: number): ChartSeries[] {
    const goal: ChartSeries = { key: "met", label: t("met up to"), kind: "goal", values: Array<number>(length).fill(MET) };
    return [
      // a class without a goal has a PI by convention, which says nothing
      ...this.classes
        .filter((one) => one.goal.type === "velocity")
        .map((one): ChartSeries => ({ key: one.name, label: one.name, kind: "line", values: of(past, one.name, "performance-index").values })),
      goal,
    ];
  }

  private velocity(past: MetricsHistory, one: ServiceClass, length: number): ChartSeries[] {
    const goal = goalPercent(one.goal);
    const line: ChartSeries = { key: "velocity", label: t("velocity"), kind: "line", ...of(past, one.name, "velocity") };
    if (goal === null) return [line];
    return [
      { ...line, goal: "goal" },
      { key: "goal", label: t("goal now"), kind: "goal", values: Array<number>(length).fill(goal) },
    ];
  }

  private range(): TimeRange {
    return rangeOf({ from: this.from, to: this.to }, this.now.ms);
  }

  private path(): string | null {
    if (!this.group) return null;
    const { from, to, live } = this.range();
    const moment = (time: number) => new Date(1000 * time).toISOString();
    const time = `from=${moment(Math.floor(from))}${live ? "" : `&to=${moment(to)}`}`;
    return `/metrics/calculated${groupPath(this.group)}?metrics=velocity,performance-index&${time}`;
  }
}

/** A metric of one class of a group's history. */
function of(past: MetricsHistory, name: string, metric: string) {
  const found = past["service-classes"].find((one) => one.name === name);
  return pastOf({ ...past, metrics: found?.metrics ?? {} }, metric);
}
