/** The host now: CPU, contention, memory, pressure. */

import type { HostMetrics, MetricsHistory } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { bytes, cpus, fixed, NONE, percent } from "../base/format";
import { t } from "../base/texts";

@customElement("hpm-host-now")
export class HostNow extends HpmElement {
  @property({ attribute: false }) calculated: HostMetrics | undefined;
  @property({ attribute: false }) raw: HostMetrics | undefined;
  @property({ attribute: false }) past: MetricsHistory | undefined;

  static override styles = [
    HpmElement.styles,
    css`
      dl {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr));
        gap: 12px var(--gap);
        margin: 0;
      }
      dt {
        font-size: var(--small);
        color: var(--dim);
      }
      dd {
        margin: 0;
      }
      hpm-spark {
        margin-top: 6px;
      }
      strong {
        font-size: 1.25rem;
        font-weight: 600;
      }
    `,
  ];

  override render() {
    const now = this.calculated?.metrics ?? {};
    const raw = this.raw?.metrics ?? {};
    const size = raw["memory-size"];
    const free = raw["memory-available"];
    const used = typeof size === "number" && typeof free === "number" && size > 0 ? (100 * (size - free)) / size : null;
    const known = (value: number | null | undefined, unit: string) => (typeof value === "number" ? `${percent(value)}\u00a0${unit}` : NONE);
    return html`<dl>
      ${this.figure(t("CPU"), known(now["cpu-utilization"], "%"), t("{using} of {cpus} CPUs for servers", { using: cpus(now["cpu-using"]), cpus: fixed(raw["cpus"]) }), "cpu-utilization")}
      ${this.figure(t("CPU contention"), known(now["cpu-contention"], "%"), t("servers wait for {delay} CPUs", { delay: cpus(now["cpu-delay"]) }), "cpu-contention")}
      ${used === null ? nothing : this.figure(t("Memory"), known(used, "%"), t("{free} of {size} available", { free: bytes(free), size: bytes(size) }), "")}
      ${this.figure(
        t("Virtual servers"),
        fixed(raw["running-virtual-servers"]),
        t("running; {busy} busy, {all} in all", { busy: fixed(now["busy-virtual-servers"]), all: fixed(raw["virtual-servers"]) }),
        "",
      )}
      ${typeof raw["cpu-pressure"] === "number"
        ? this.figure(
            t("Pressure"),
            known(raw["cpu-pressure"], "%"),
            t("CPU; memory {memory} %, I/O {io} %", { memory: percent(raw["memory-pressure"]), io: percent(raw["io-pressure"]) }),
            "cpu-pressure",
          )
        : nothing}
    </dl>`;
  }

  private figure(label: string, value: string, more: string, metric: string) {
    const past = metric ? this.past?.metrics[metric]?.mean : undefined;
    return html`<div>
      <dt>${label}</dt>
      <dd>
        <strong>${value}</strong>
        <div class="help">${more}</div>
        ${past?.some((one) => one !== null)
          ? html`<hpm-spark .values=${past} .goal=${null} label=${t("{name} in the last hour", { name: label })}></hpm-spark>`
          : nothing}
      </dd>
    </div>`;
  }
}
