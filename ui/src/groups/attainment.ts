/** For how much of the last hour, day and week a group's goals were met. */

import type { GroupMetrics } from "../api/types";
import { css, customElement, html, HpmElement, property } from "../base/element";
import { fixed, NONE } from "../base/format";
import { t } from "../base/texts";

@customElement("hpm-group-attainment")
export class GroupAttainmentPart extends HpmElement {
  @property({ attribute: false }) metrics: GroupMetrics["metrics"] = {};

  static override styles = [
    HpmElement.styles,
    css`
      dl {
        display: flex;
        flex-wrap: wrap;
        gap: 8px 32px;
      }
      dt {
        font-size: var(--small);
      }
      dd {
        font-size: 1.25rem;
        font-weight: 600;
      }
    `,
  ];

  override render() {
    const { metrics } = this;
    return html`<dl>
      ${this.figure(t("Goals met, last hour"), metrics["goal-attainment-hour"])}
      ${this.figure(t("last day"), metrics["goal-attainment-day"])} ${this.figure(t("last week"), metrics["goal-attainment-week"])}
    </dl>`;
  }

  private figure(label: string, value: number | null | undefined) {
    const known = typeof value === "number";
    return html`<div>
      <dt>${label}</dt>
      <dd>${known ? html`${fixed(value, value < 99.95 && value > 0 ? 1 : 0)}\u00a0%` : NONE}</dd>
    </div>`;
  }
}
