/** The dialog for a virtual server's reserve and cap, and for the memory that it keeps. */

import type { Server, ServerUpdate } from "../api/types";
import { customElement, html } from "../base/element";
import { cpus, fixed } from "../base/format";
import { plural, t } from "../base/texts";
import { ServerDialog } from "./dialog";

/** What the fields say. */
interface Limits {
  reserve: string;
  cap: string;
  minimum: string;
}

/** The API's names of them. */
const PATHS = { reserve: "cpu-reserve", cap: "cpu-cap", minimum: "memory-minimum-mib" } as const;

interface Unit {
  min: string;
  step: string;
  text: (value: number | null | undefined) => string;
}

const CPUS: Unit = { min: "0.01", step: "any", text: cpus };
const MEBIBYTES: Unit = { min: "1", step: "1", text: fixed };

@customElement("hpm-server-limits")
export class ServerLimits extends ServerDialog<Limits> {
  protected begin(server: Server) {
    return { reserve: String(server["cpu-reserve"] ?? ""), cap: String(server["cpu-cap"] ?? ""), minimum: String(server["memory-minimum-mib"] ?? "") };
  }

  protected wanted(): ServerUpdate | string {
    const { reserve, cap, minimum } = this.form;
    const bad = new Set([...this.renderRoot.querySelectorAll("input")].filter((one) => one.validity.badInput).map(({ id }) => id));
    if (bad.has("reserve") || bad.has("cap")) return t("A reserve or a cap is a number of CPUs, such as 0.5; or empty for none.");
    if (bad.has("minimum") || !Number.isInteger(Number(minimum))) return t("A minimum of memory is a whole number of MiB, such as 2048; or empty for none.");
    const number = (text: string) => (text === "" ? null : Number(text));
    const vcpus = this.server?.vcpus ?? Infinity;
    // taken for percent, most likely; and a cap that holds back nothing is a mistake in any case
    if (Math.max(Number(reserve), Number(cap)) > vcpus) {
      return plural("It has one vCPU, and cannot use more CPUs than that.", "It has {n} vCPUs, and cannot use more CPUs than that.", vcpus);
    }
    const mib = this.server?.["memory-mib"] ?? Infinity;
    if (Number(minimum) > mib) return t("It has {mib}\u00a0MiB of memory, and cannot keep more than that.", { mib: fixed(mib) });
    return { "cpu-reserve": number(reserve), "cpu-cap": number(cap), "memory-minimum-mib": number(minimum), move: false, release: false };
  }

  protected content() {
    const { server } = this;
    return this.frame(
      t("Limits of {name}", { name: server?.name ?? "" }),
      t("Save"),
      html`<div class="stack">
        ${this.number("reserve", t("Reserve (CPUs)"), CPUS, t("What it is entitled to whatever the goals say. Empty: none."))}
        ${this.number("cap", t("Cap (CPUs)"), CPUS, t("What it never exceeds, also when the host is idle. Empty: none."))}
        ${this.number("minimum", t("Minimum of memory (MiB)"), MEBIBYTES, t("What it keeps while memory is managed. Empty: as its definition says, if at all."))}
        <p class="dim">
          ${t("It has {vcpus} vCPUs and uses {using} CPUs now.", { vcpus: server?.vcpus ?? "", using: cpus(server?.["cpu-using"]) })}
        </p>
      </div>`,
    );
  }

  private number(name: keyof Limits, label: string, { min, step, text }: Unit, help: string) {
    const path = PATHS[name];
    return html`<div class="field">
      <label for=${name}>${label}</label>
      <input
        id=${name}
        type="number"
        min=${min}
        step=${step}
        ?autofocus=${name === "reserve"}
        .value=${this.form[name]}
        aria-invalid=${this.isWrong(path)}
        aria-describedby="${name}-help"
        @input=${(event: Event) => this.type({ [name]: (event.target as HTMLInputElement).value })}
      />
      <span class="help" id="${name}-help">${help}</span>
      ${this.nowText(text(this.server?.[path]))} ${this.wrong(path)}
    </div>`;
  }
}
