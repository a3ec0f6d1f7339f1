/**
 * What a guest policy says, field by field, to be changed: of a server, of a service class, or of a group. Dispatches
 * `guest-policy` with the changed policy; it changes nothing by itself.
 */

import type { GuestPolicy, HostNode, Placement, StartPolicy } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { later, t } from "../base/texts";
import { wrongBelow, type Wrong } from "../policies/rule";
import { numberIn, textOf } from "./number";
import { driftWord, fieldLabel, hugePagesWord, plain, type FieldName } from "./words";

/** What holds where a field is not said here: in words. */
export type Below = Partial<Record<FieldName, string>>;

/** What is edited: all, all but when it starts and stops, or that alone. */
export type Extent = "all" | "guest" | "start";

interface NumberField {
  name: "cpu-weight" | "cpu-reserve" | "cpu-cap" | "blkio-weight" | "memory-minimum-mib" | "memory-swap-limit-mib";
  help: string;
}

const CPU: readonly NumberField[] = [
  { name: "cpu-weight", help: later("CPU shares while no goal decides on them, 2 to 10000.") },
  { name: "cpu-reserve", help: later("What it is entitled to whatever the goals say.") },
  { name: "cpu-cap", help: later("What it never exceeds, also when the host is idle.") },
];
const BLOCK: readonly NumberField[] = [{ name: "blkio-weight", help: later("The weight of its block I/O, 10 to 1000.") }];
const MEMORY: readonly NumberField[] = [
  { name: "memory-minimum-mib", help: later("What it keeps while memory is managed.") },
  { name: "memory-swap-limit-mib", help: later("What it may have together on the host, swapped out or not.") },
];

@customElement("hpm-guest-policy")
export class GuestPolicyPart extends HpmElement {
  @property({ attribute: false }) policy: GuestPolicy = {};
  @property({ attribute: false }) below: Below = {};
  @property({ attribute: false }) nodes: readonly HostNode[] = [];
  @property({ attribute: false }) wrong: Wrong | null = null;
  @property({ type: Boolean }) readonly = false;
  @property() extent: Extent = "all";

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: var(--gap);
        min-width: 0;
      }
      .fields {
        display: grid;
        gap: 12px var(--gap);
        grid-template-columns: repeat(auto-fill, minmax(min(12rem, 100%), 1fr));
      }
      .field {
        align-content: start;
      }
      legend {
        margin-bottom: 4px;
      }
    `,
  ];

  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>("[aria-invalid=true], hpm-placement, hpm-start-policy, input")?.focus();
  }

  override render() {
    const { policy, readonly } = this;
    if (this.extent === "start") return this.start();
    return html`<hpm-placement
        .label=${fieldLabel("placement")}
        .placement=${policy.placement ?? null}
        .nodes=${this.nodes}
        .wrong=${wrongBelow(this.wrong, "placement")}
        .otherwise=${this.otherwise("placement")}
        ?readonly=${readonly}
        @placement=${(event: CustomEvent<Placement | null>) => this.change({ placement: event.detail })}
      ></hpm-placement>
      <div class="fields">${this.emulator()} ${CPU.map((one) => this.number(one))}</div>
      <div class="fields">${MEMORY.map((one) => this.number(one))} ${this.hugePages()} ${this.pageSharing()}</div>
      <fieldset>
        <legend>${fieldLabel("disk-limits")}</legend>
        <hpm-disk-limits
          .disks=${policy["disk-limits"] ?? null}
          .wrong=${wrongBelow(this.wrong, "disk-limits")}
          .otherwise=${this.otherwise("disk-limits")}
          ?readonly=${readonly}
          @disks=${(event: CustomEvent<GuestPolicy["disk-limits"]>) => this.change({ "disk-limits": event.detail ?? null })}
        ></hpm-disk-limits>
      </fieldset>
      <div class="fields">${BLOCK.map((one) => this.number(one))}</div>
      ${this.select("drift", (["correct", "report"] as const).map((one) => [one, driftWord(one)]), t("Of values that are in force only; what hpm changes itself is never drift."), (value) =>
        this.change({ drift: (value || null) as NonNullable<GuestPolicy["drift"]> | null }),
      )}
      ${this.extent === "all" ? this.start() : nothing}`;
  }

  private start() {
    return html`<hpm-start-policy
      .start=${this.policy.start ?? null}
      .wrong=${wrongBelow(this.wrong, "start")}
      .otherwise=${this.otherwise("start")}
      ?readonly=${this.readonly}
      @start-policy=${(event: CustomEvent<StartPolicy | null>) => this.change({ start: event.detail })}
    ></hpm-start-policy>`;
  }

  private emulator() {
    return this.field(
      "emulator-cpus",
      t("Such as 0-3,8."),
      html`<input
        id="emulator-cpus"
        autocomplete="off"
        spellcheck="false"
        .value=${this.policy["emulator-cpus"] ?? ""}
        ?readonly=${this.readonly}
        aria-invalid=${wrongBelow(this.wrong, "emulator-cpus") !== null}
        aria-describedby="emulator-cpus-help"
        @input=${(event: Event) => this.change({ "emulator-cpus": (event.target as HTMLInputElement).value.replace(/\s/g, "") || null })}
      />`,
    );
  }

  private number({ name, help }: NumberField) {
    return this.field(
      name,
      t(help),
      html`<input
        id=${name}
        inputmode="decimal"
        autocomplete="off"
        .value=${textOf(this.policy[name])}
        ?readonly=${this.readonly}
        aria-invalid=${wrongBelow(this.wrong, name) !== null}
        aria-describedby="${name}-help"
        @change=${(event: Event) => this.change({ [name]: numberIn(event) })}
      />`,
    );
  }

  private hugePages() {
    const options = (["transparent", "hugetlbfs", "none"] as const).map((one): [string, string] => [one, hugePagesWord(one)]);
    return this.select("huge-pages", options, t("From its next start on."), (value) => this.change({ "huge-pages": (value || null) as GuestPolicy["huge-pages"] | null }));
  }

  private pageSharing() {
    const options: [string, string][] = [["true", t("yes")], ["false", t("no")]];
    return this.select("page-sharing", options, t("Whether its memory is merged with equal pages of others (KSM); from its next start on."), (value) =>
      this.change({ "page-sharing": value === "" ? null : value === "true" }),
    );
  }

  private select(name: FieldName, options: readonly (readonly [string, string])[], help: string, change: (value: string) => void) {
    const value = this.policy[name];
    const now = value === null || value === undefined ? "" : String(value);
    return this.field(
      name,
      help,
      html`<select id=${name} ?disabled=${this.readonly} aria-describedby="${name}-help" @change=${(event: Event) => change((event.target as HTMLSelectElement).value)}>
        <option value="" .selected=${now === ""}>${this.otherwise(name)}</option>
        ${options.map(([key, label]) => html`<option value=${key} .selected=${key === now}>${label}</option>`)}
      </select>`,
      false,
    );
  }

  private field(name: FieldName, help: string, control: unknown, tells = true) {
    const wrong = wrongBelow(this.wrong, name);
    const value = this.policy[name];
    const empty = value === null || value === undefined;
    return html`<div class="field">
      <label for=${name}>${fieldLabel(name)}</label>
      ${control} ${wrong ? html`<span class="wrong">${wrong.text}</span>` : nothing}
      <span class="help" id="${name}-help">${help} ${tells && empty ? t("Empty: {what}.", { what: this.otherwise(name) }) : nothing}</span>
    </div>`;
  }

  private otherwise(name: FieldName): string {
    return this.below[name] ?? t("as the host has it");
  }

  private change(part: GuestPolicy): void {
    this.emit("guest-policy", plain({ ...this.policy, ...part }));
  }
}
