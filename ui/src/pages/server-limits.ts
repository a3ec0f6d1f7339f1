/** The dialog for a virtual server's reserve and cap. */

import type { Server, ServerUpdate } from "../api/types";
import { customElement, html, state } from "../base/element";
import { cpus } from "../base/format";
import { plural, t } from "../base/texts";
import { ServerDialog } from "./server-dialog";

@customElement("hpm-server-limits")
export class ServerLimits extends ServerDialog {
  @state() private reserve = "";
  @state() private cap = "";

  protected begin(server: Server): void {
    this.reserve = String(server["cpu-reserve"] ?? "");
    this.cap = String(server["cpu-cap"] ?? "");
  }

  protected wanted(): ServerUpdate | string {
    const inputs = [...this.renderRoot.querySelectorAll("input")];
    if (inputs.some((one) => one.validity.badInput)) return t("A reserve or a cap is a number of CPUs, such as 0.5; or empty for none.");
    const number = (text: string) => (text === "" ? null : Number(text));
    const vcpus = this.server?.vcpus ?? Infinity;
    // taken for percent, most likely; and a cap that holds back nothing is a mistake in any case
    if (Math.max(Number(this.reserve), Number(this.cap)) > vcpus) {
      return plural("It has one vCPU, and cannot use more CPUs than that.", "It has {n} vCPUs, and cannot use more CPUs than that.", vcpus);
    }
    return { "cpu-reserve": number(this.reserve), "cpu-cap": number(this.cap), move: false, release: false };
  }

  override render() {
    const { server } = this;
    return this.frame(
      t("Limits of {name}", { name: server?.name ?? "" }),
      t("Save"),
      html`<div class="stack">
        <div class="field">
          <label for="reserve">${t("Reserve (CPUs)")}</label>
          <input
            id="reserve"
            type="number"
            min="0.01"
            step="any"
            autofocus
            .value=${this.reserve}
            aria-invalid=${this.isWrong("cpu-reserve")}
            aria-describedby="reserve-help"
            @input=${(event: Event) => (this.reserve = (event.target as HTMLInputElement).value)}
          />
          <span class="help" id="reserve-help">${t("What it is entitled to whatever the goals say. Empty: none.")}</span>
          ${this.nowText(cpus(server?.["cpu-reserve"]))} ${this.wrong("cpu-reserve")}
        </div>
        <div class="field">
          <label for="cap">${t("Cap (CPUs)")}</label>
          <input
            id="cap"
            type="number"
            min="0.01"
            step="any"
            .value=${this.cap}
            aria-invalid=${this.isWrong("cpu-cap")}
            aria-describedby="cap-help"
            @input=${(event: Event) => (this.cap = (event.target as HTMLInputElement).value)}
          />
          <span class="help" id="cap-help">${t("What it never exceeds, also when the host is idle. Empty: none.")}</span>
          ${this.nowText(cpus(server?.["cpu-cap"]))} ${this.wrong("cpu-cap")}
        </div>
        <p class="dim">
          ${t("It has {vcpus} vCPUs and uses {using} CPUs now.", { vcpus: server?.vcpus ?? "", using: cpus(server?.["cpu-using"]) })}
        </p>
      </div>`,
    );
  }
}
