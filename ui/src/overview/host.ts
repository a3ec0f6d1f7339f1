/** The host now: CPU, contention, servers, pressure. Its memory has a card of its own (`memory.ts`). */

import type { HostMetrics, MetricsHistory } from "../api/types";
import { customElement, html, HpmElement, nothing, property } from "../base/element";
import { cpus, fixed, percent } from "../base/format";
import { t } from "../base/texts";
import { figure, FIGURES, known } from "./figure";

@customElement("hpm-host-now")
export class HostNow extends HpmElement {
  @property({ attribute: false }) calculated: HostMetrics | undefined;
  @property({ attribute: false }) raw: HostMetrics | undefined;
  @property({ attribute: false }) past: MetricsHistory | undefined;

  static override styles = [HpmElement.styles, FIGURES];

  override render() {
    const now = this.calculated?.metrics ?? {};
    const raw = this.raw?.metrics ?? {};
    const past = (metric: string) => this.past?.metrics[metric]?.mean;
    return html`<dl>
      ${figure(
        t("CPU"),
        known(now["cpu-utilization"], "%"),
        t("{using} of {cpus} CPUs for servers", { using: cpus(now["cpu-using"]), cpus: fixed(raw["cpus"]) }),
        past("cpu-utilization"),
      )}
      ${figure(t("CPU contention"), known(now["cpu-contention"], "%"), t("servers wait for {delay} CPUs", { delay: cpus(now["cpu-delay"]) }), past("cpu-contention"))}
      ${figure(
        t("Virtual servers"),
        fixed(raw["running-virtual-servers"]),
        t("running; {busy} busy, {all} in all", { busy: fixed(now["busy-virtual-servers"]), all: fixed(raw["virtual-servers"]) }),
      )}
      ${typeof raw["cpu-pressure"] === "number"
        ? figure(t("Pressure"), known(raw["cpu-pressure"], "%"), t("CPU; I/O {io}\u00a0%", { io: percent(raw["io-pressure"]) }))
        : nothing}
    </dl>`;
  }
}
