/** When a server starts, is ready, and stops, to be changed. Dispatches `start-policy` with the new one; null: it is not said. */

import { Looking } from "../api/looking";
import { mirror } from "../api/mirror";
import { Resource } from "../api/resource";
import type { Dependency, GroupSummary, Readiness, RunWindow, StartPolicy } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { later, t } from "../base/texts";
import { GROUP_KINDS, GROUPS } from "../groups/data";
import { replaced } from "../policies/model";
import { wrongBelow, type Wrong } from "../policies/rule";
import { numberIn, textOf } from "./number";
import { needName, USUAL_TIMEOUT, type Names } from "./words";

type When = NonNullable<Dependency["when-it-stops"]>;

const READY: readonly (readonly [Readiness["type"], string])[] = [
  ["running", later("after it ran for a while")],
  ["guest-agent", later("when its guest agent answers")],
  ["tcp-port", later("when a TCP port answers")],
  ["heartbeat-file", later("while a file in it is fresh")],
];
const WHEN: readonly (readonly [When, string])[] = [
  ["warn", later("a warning is logged")],
  ["stop", later("this one is stopped first")],
  ["ignore", later("nothing is done")],
];

@customElement("hpm-start-policy")
export class StartPolicyPart extends HpmElement {
  @property({ attribute: false }) start: StartPolicy | null = null;
  @property({ attribute: false }) wrong: Wrong | null = null;
  @property({ type: Boolean }) readonly = false;
  @property() otherwise = "";
  private readonly looking = new Looking(this);
  private readonly groups = new Resource<{ "workload-resource-groups": GroupSummary[] }>(this, () => GROUPS, { kinds: GROUP_KINDS, ticks: false });

  static override styles = [
    HpmElement.styles,
    css`
      :host,
      .more {
        display: grid;
        gap: var(--gap);
        min-width: 0;
      }
      fieldset {
        display: grid;
        gap: 8px;
      }
      legend {
        margin-bottom: 4px;
      }
      .fields {
        display: grid;
        gap: 12px var(--gap);
        grid-template-columns: repeat(auto-fill, minmax(min(12rem, 100%), 1fr));
      }
      .field {
        align-content: start;
      }
      .needs li {
        display: grid;
        gap: 4px 12px;
        grid-template-columns: minmax(8rem, 1fr) auto auto;
        align-items: center;
        padding: 4px 0;
        border-bottom: 1px solid var(--line);
        overflow-wrap: anywhere;
      }
      @media (max-width: 760px) {
        .needs li {
          grid-template-columns: minmax(0, 1fr) auto;
        }
        .needs select {
          grid-column: 1;
        }
      }
    `,
  ];

  /** What ids are called, as far as it is known. */
  private get names(): Names {
    const groups = this.groups.value?.["workload-resource-groups"];
    return {
      server: (id) => (this.looking.groups ? mirror.byUuid(id)?.name : undefined) ?? id,
      group: (id) => groups?.find((one) => one["object-id"] === id)?.name ?? id,
    };
  }

  override render() {
    const { start } = this;
    return html`<label class="choice">
        <input
          type="checkbox"
          .checked=${start !== null}
          ?disabled=${this.readonly}
          @change=${(event: Event) => this.emit("start-policy", (event.target as HTMLInputElement).checked ? {} : null)}
        />${t("Say here when it starts and stops")}
      </label>
      ${start ? this.more(start) : html`<p class="dim">${this.otherwise}</p>`}
      ${this.wrong?.path === "" ? html`<span class="wrong">${this.wrong.text}</span>` : nothing}`;
  }

  private more(start: StartPolicy) {
    const windows = start.windows ?? [];
    return html`<div class="more">
      <label class="choice">
        <input type="checkbox" .checked=${start.autostart ?? false} ?disabled=${this.readonly} @change=${(event: Event) => this.change({ autostart: (event.target as HTMLInputElement).checked })} />
        ${t("Start it with the host, in the order of what it depends on")}
      </label>
      ${this.needs(start)} ${this.ready(start)}
      <fieldset>
        <legend>${t("Hours in which it runs (the host's time)")}</legend>
        <hpm-run-windows
          .windows=${windows}
          .wrong=${wrongBelow(this.wrong, "windows")}
          ?readonly=${this.readonly}
          @windows=${(event: CustomEvent<RunWindow[]>) => this.change({ windows: event.detail })}
        ></hpm-run-windows>
        ${windows.length > 0
          ? this.select("outside", t("Outside of them it is"), [["stop", t("stopped")], ["suspend", t("suspended")]], start.outside ?? "stop", (outside) =>
              this.change({ outside: outside as "stop" | "suspend" }),
            )
          : nothing}
      </fieldset>
    </div>`;
  }

  private needs(start: StartPolicy) {
    const needs = start["depends-on"] ?? [];
    const groups = this.groups.value?.["workload-resource-groups"] ?? [];
    const set = (all: readonly Dependency[]) => this.change({ "depends-on": [...all] });
    const add = (one: Dependency) => {
      const there = needs.some((known) => known["virtual-server"] === one["virtual-server"] && known["workload-resource-group"] === one["workload-resource-group"]);
      if (!there) set([...needs, one]);
    };
    return html`<fieldset>
      <legend>${t("It starts after these are ready")}</legend>
      ${needs.length === 0 ? html`<p class="dim">${t("It depends on nothing.")}</p>` : nothing}
      <ul class="plain-list needs">
        ${needs.map((one, at) => {
          const name = needName(one, this.names);
          const wrong = wrongBelow(this.wrong, `depends-on[${at}]`);
          return html`<li>
            <span>${name}${wrong ? html`<br /><span class="wrong">${wrong.text}</span>` : nothing}</span>
            <select
              aria-label=${t("When {name} stops", { name })}
              ?disabled=${this.readonly}
              @change=${(event: Event) => set(replaced(needs, at, { ...one, "when-it-stops": (event.target as HTMLSelectElement).value as When }))}
            >
              ${WHEN.map(([value, label]) => html`<option value=${value} .selected=${value === (one["when-it-stops"] ?? "warn")}>${t("when it stops, {what}", { what: t(label) })}</option>`)}
            </select>
            ${this.readonly ? nothing : html`<button class="plain" type="button" aria-label=${t("Remove {what}", { what: name })} @click=${() => set(replaced(needs, at, undefined))}>✕</button>`}
          </li>`;
        })}
      </ul>
      ${this.readonly
        ? nothing
        : html`<div class="fields">
            <hpm-server-search
              .empty=${t("add a server")}
              @keydown=${this.typed}
              @server=${(event: CustomEvent<string>) => {
                event.stopPropagation();
                if (event.detail) add({ "virtual-server": event.detail });
              }}
            ></hpm-server-search>
            <div class="field">
              <label for="group">${t("Group")}</label>
              <select
                id="group"
                @change=${(event: Event) => {
                  const field = event.target as HTMLSelectElement;
                  if (field.value) add({ "workload-resource-group": field.value });
                  field.value = "";
                }}
              >
                <option value="">${t("add all of a group")}</option>
                ${groups.map((one) => html`<option value=${one["object-id"]}>${one.name}</option>`)}
              </select>
            </div>
          </div>`}
      <div class="fields">
        ${this.select("not-ready", t("A start by others before that"), [["refuse", t("is refused")], ["wait", t("waits")]], start["not-ready"] ?? "refuse", (value) =>
          this.change({ "not-ready": value as "refuse" | "wait" }),
        )}
        ${this.text("timeout", t("Longest wait (seconds)"), textOf(start["timeout-seconds"] ?? USUAL_TIMEOUT), "timeout-seconds", (event) =>
          this.change({ "timeout-seconds": numberIn(event) ?? USUAL_TIMEOUT }),
        )}
      </div>
    </fieldset>`;
  }

  /** Enter adds the server that is named, and does not send the form. */
  private typed(event: KeyboardEvent): void {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    (event.composedPath()[0] as HTMLElement).blur(); // so that it has changed
    (event.currentTarget as HTMLElement).focus();
  }

  private ready(start: StartPolicy) {
    const ready: Readiness = start.ready ?? { type: "running", seconds: 0 };
    const change = (one: Readiness) => this.change({ ready: one });
    return html`<fieldset>
      <legend>${t("It is ready for those that need it")}</legend>
      <div class="fields">
        ${this.select("ready", t("Ready"), READY.map(([type, label]) => [type, t(label)]), ready.type, (type) => change(begun(type as Readiness["type"])))}
        ${ready.type === "running"
          ? this.text("seconds", t("Seconds"), textOf(ready.seconds ?? 0), "ready.seconds", (event) => change({ ...ready, seconds: numberIn(event) ?? 0 }))
          : nothing}
        ${ready.type === "tcp-port"
          ? html`${this.text("port", t("Port"), textOf(ready.port), "ready.port", (event) => change({ ...ready, port: numberIn(event) ?? 0 }))}
            ${this.text("address", t("Address (empty: as its agent says)"), ready.address ?? "", "ready.address", (event) =>
              change({ ...ready, address: (event.target as HTMLInputElement).value.trim() || null }),
            )}`
          : nothing}
        ${ready.type === "heartbeat-file"
          ? html`${this.text("path", t("File in the guest"), ready.path, "ready.path", (event) => change({ ...ready, path: (event.target as HTMLInputElement).value.trim() }))}
            ${this.text("age", t("Not older than (seconds)"), textOf(ready["max-age-seconds"] ?? 60), "ready.max-age-seconds", (event) => change({ ...ready, "max-age-seconds": numberIn(event) ?? 60 }))}`
          : nothing}
      </div>
    </fieldset>`;
  }

  private select(id: string, label: string, options: readonly (readonly [string, string])[], now: string, change: (value: string) => void) {
    return html`<div class="field">
      <label for=${id}>${label}</label>
      <select id=${id} ?disabled=${this.readonly} @change=${(event: Event) => change((event.target as HTMLSelectElement).value)}>
        ${options.map(([value, text]) => html`<option value=${value} .selected=${value === now}>${text}</option>`)}
      </select>
    </div>`;
  }

  private text(id: string, label: string, value: string, path: string, change: (event: Event) => void) {
    const wrong = wrongBelow(this.wrong, path);
    return html`<div class="field">
      <label for=${id}>${label}</label>
      <input
        id=${id}
        autocomplete="off"
        spellcheck="false"
        .value=${value}
        ?readonly=${this.readonly}
        aria-invalid=${wrong !== null}
        aria-describedby=${wrong ? `${id}-wrong` : nothing}
        @change=${change}
      />
      ${wrong ? html`<span class="wrong" id="${id}-wrong">${wrong.text}</span>` : nothing}
    </div>`;
  }

  private change(part: StartPolicy): void {
    this.emit("start-policy", { ...this.start, ...part });
  }
}

/** A readiness of a type, as one begins with. */
function begun(type: Readiness["type"]): Readiness {
  if (type === "tcp-port") return { type, port: 22, address: null };
  if (type === "heartbeat-file") return { type, path: "/run/heartbeat", "max-age-seconds": 60 };
  if (type === "guest-agent") return { type };
  return { type, seconds: 0 };
}
