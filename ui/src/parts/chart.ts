/**
 * A chart over time: `<hpm-chart heading unit .times .series .from .to .marks>`. All charts of a page share one range of
 * time and one crosshair; what is under that stands in the legend, whose entries show and hide series.
 *
 * Dispatches `range` (`RangeWords`, see `range.ts`) when a part of the time was marked with the pointer.
 */

import { css, customElement, html, HpmElement, property } from "../base/element";
import type { ChartMark, ChartSeries } from "./chart-data";

@customElement("hpm-chart")
export class ChartPart extends HpmElement {
  @property() heading = "";
  /** Of all series; it stands at the axis. */
  @property() unit = "";
  /** Times of the points, in seconds since 1970, in order. */
  @property({ attribute: false }) times: readonly number[] = [];
  @property({ attribute: false }) series: readonly ChartSeries[] = [];
  /** What happened: lines in the chart, and links below it. */
  @property({ attribute: false }) marks: readonly ChartMark[] = [];
  /** The time that is shown, in seconds since 1970. */
  @property({ attribute: false }) from = 0;
  @property({ attribute: false }) to = 0;
  /** The axis reaches at least up to here. */
  @property({ type: Number }) top = 0;
  @property({ type: Number }) digits = 0;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
        min-width: 0;
      }
    `,
  ];

  override render() {
    return html`<h3>${this.heading}</h3>`;
  }
}
