/** Adjustments: what hpm did, newest first, what came of it, and why it could not do more. */

import { Endless } from "../api/endless";
import { Resource } from "../api/resource";
import type { Adjustment, GroupSummary, Levels, Managed } from "../api/types";
import { mayWrite } from "../base/app";
import { customElement, html, nothing, state } from "../base/element";
import { link } from "../base/page";
import { t } from "../base/texts";
import { causes, causeWord, outcomeWord, resourceWord } from "../base/words";
import type { AdjustmentPart } from "../parts/adjustment";
import { saveAdjustments } from "../timeline/adjustments-file";
import { TimelinePage } from "../timeline/page";

const OUTCOMES: readonly Adjustment["outcome"][] = ["applied", "advised", "failed"];
const RESOURCES: readonly Managed[] = ["cpu", "memory"];

@customElement("hpm-adjustments")
export class AdjustmentsPage extends TimelinePage<Adjustment> {
  protected readonly filters = ["group", "server", "resource", "cause", "outcome"];
  protected readonly failures = { reading: t("Adjustments cannot be read."), saving: t("Adjustments were not exported.") };
  @state() private now = Date.now();
  private sought = "";
  /** The adjustment that a link named; the list begins with it where it is not among the newest. */
  private top: number | null = null;
  private readonly levels = new Resource<Levels>(this, () => "/mgmt-levels", { kinds: ["mgmt-levels"], ticks: false });
  private readonly groups = new Resource<{ "workload-resource-groups": GroupSummary[] }>(this, () => "/workload-resource-groups", {
    kinds: ["workload-resource-group", "workload-resource-group-removed"],
    ticks: false,
  });
  protected readonly list = new Endless<Adjustment>(this, () => this.wish(), "dynamic-resource-adjustments", {
    kinds: ["dynamic-resource-adjustment"],
    hold: this.hold,
  });
  private timer = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    this.timer = window.setInterval(() => (this.now = Date.now()), 10_000);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.timer);
  }

  override updated(): void {
    super.updated();
    void this.showSought();
  }

  override focusSearch(): void {
    this.renderRoot.querySelector<HTMLElement>("hpm-server-search")?.focus();
  }

  /** A link to one adjustment leads to it; `showSought` moves the focus there. */
  override focus(): void {
    if (!this.place.id) super.focus();
  }

  protected heading() {
    return { heading: t("Adjustments"), sentence: this.levels.value ? levelsSentence(this.levels.value) : "" };
  }

  protected override actions() {
    const levels = Object.values(this.levels.value ?? {});
    if (!mayWrite() || !levels.includes("advise")) return nothing;
    return html`<a slot="actions" class="button" href=${link("settings")}>${t("Set the management level")}</a>`;
  }

  protected fields() {
    const groups = this.groups.value?.["workload-resource-groups"] ?? [];
    return html`<hpm-server-search .uuid=${this.asked("server")} @server=${(event: CustomEvent<string>) => this.filter({ server: event.detail })}></hpm-server-search>
      <div class="field">
        <label for="group">${t("Group")}</label>
        <select id="group" @change=${(event: Event) => this.filter({ group: (event.target as HTMLSelectElement).value })}>
          <option value="" .selected=${!this.asked("group")}>${t("all groups")}</option>
          ${groups.map((one) => html`<option value=${one["object-id"]} .selected=${this.asked("group") === one["object-id"]}>${one.name}</option>`)}
        </select>
      </div>
      <div class="field">
        <label for="resource">${t("Resource")}</label>
        <select id="resource" @change=${(event: Event) => this.filter({ resource: (event.target as HTMLSelectElement).value, cause: "" })}>
          <option value="" .selected=${!this.asked("resource")}>${t("any")}</option>
          ${RESOURCES.map((one) => html`<option value=${one} .selected=${this.asked("resource") === one}>${resourceWord(one)}</option>`)}
        </select>
      </div>
      <div class="field">
        <label for="cause">${t("Cause")}</label>
        <select id="cause" @change=${(event: Event) => this.filter({ cause: (event.target as HTMLSelectElement).value })}>
          <option value="" .selected=${!this.asked("cause")}>${t("any")}</option>
          ${this.causes()}
        </select>
      </div>
      <div class="field">
        <label for="outcome">${t("Outcome")}</label>
        <select id="outcome" @change=${(event: Event) => this.filter({ outcome: (event.target as HTMLSelectElement).value })}>
          <option value="" .selected=${!this.asked("outcome")}>${t("any")}</option>
          ${OUTCOMES.map((one) => html`<option value=${one} .selected=${this.asked("outcome") === one}>${outcomeWord(one)}</option>`)}
        </select>
      </div>`;
  }

  /** What can be chosen: causes of the resource that is asked for; also one that a link names and nobody here knows. */
  private causes() {
    const asked = this.asked("cause");
    const option = (one: string) => html`<option value=${one} .selected=${asked === one}>${causeWord(one)}</option>`;
    const of = causes(RESOURCES.find((one) => one === this.asked("resource")) ?? "");
    const known = of.flatMap((one) => one.causes);
    return html`${of.map((one) => html`<optgroup label=${one.heading}>${one.causes.map(option)}</optgroup>`)}
    ${asked && !known.includes(asked) ? option(asked) : nothing}`;
  }

  protected entry(one: Adjustment) {
    return html`<hpm-adjustment
      class="entry"
      data-id=${one["object-id"]}
      .adjustment=${one}
      .now=${this.now}
      ?open=${this.place.id === String(one["object-id"])}
      @fold=${() => this.folded(one)}
    ></hpm-adjustment>`;
  }

  protected override lead() {
    if (!this.top) return nothing;
    const missing = String(this.list.items[0]?.["object-id"]) !== this.place.id && Number(this.place.id) === this.top;
    return html`<p class="row">
      <span>
        ${missing
          ? t("Adjustment {number} is not kept any more, or does not fit the filter. These are older ones.", { number: this.top })
          : t("These are adjustment {number} and older ones.", { number: this.top })}
      </span>
      <button type="button" @click=${this.newest}>${t("Show the newest")}</button>
    </p>`;
  }

  protected noneFits() {
    return { heading: t("No adjustment fits"), text: t("There are none like that, of this time, group and server.") };
  }

  protected none() {
    if (this.top) return html`<hpm-empty heading=${t("Nothing here any more")} text=${t("Adjustment {number} and older ones are not kept any more, or do not fit the filter.", { number: this.top })}>
      <button class="primary" type="button" @click=${this.newest}>${t("Show the newest")}</button>
    </hpm-empty>`;
    if (this.levels.value?.["cpu-mgmt"] === "off" && this.levels.value["memory-mgmt"] === "off") {
      const how = mayWrite()
        ? t("To see what it would do, set the management level to advise; to have it done, to on.")
        : t("An administrator can set the management level to advise, to see what it would do, or to on.");
      return html`<hpm-empty heading=${t("hpm only watches")} text=${how}>
        ${mayWrite() ? html`<a class="button primary" href=${link("settings")}>${t("Set the management level")}</a>` : nothing}
      </hpm-empty>`;
    }
    return html`<hpm-empty
      heading=${t("Nothing had to be adjusted yet")}
      text=${this.levels.value?.["cpu-mgmt"] === "off"
        ? t("Adjustments appear here as soon as the host, or a server, runs short of memory.")
        : t("Adjustments appear here as soon as a goal of a group's policy is missed while something less important has CPU to give.")}
    >
      <a class="button" href=${link("groups")}>${t("See the groups")}</a>
    </hpm-empty>`;
  }

  protected save(all: readonly Adjustment[]): void {
    saveAdjustments(all);
  }

  private wish() {
    const query = {
      ...this.period, group: this.asked("group"), resource: this.asked("resource"), cause: this.asked("cause"),
      outcome: this.asked("outcome"), "virtual-server": this.asked("server"),
    };
    return { path: "/dynamic-resource-adjustments", query, top: this.top };
  }

  protected override filter(words: Record<string, string>): void {
    this.top = null;
    super.filter(words);
  }

  private readonly newest = (): void => {
    this.filter({});
  };

  private folded(one: Adjustment): void {
    this.fold(one);
    this.sought = this.place.id; // it is in sight already
  }

  /** Brings the adjustment that the URL names into sight, once; where it is not among the newest, the list begins there. */
  private async showSought(): Promise<void> {
    const { id } = this.place;
    if (id === this.sought || !this.list.known) return;
    this.sought = id;
    const found = this.renderRoot.querySelector<AdjustmentPart>(`[data-id="${CSS.escape(id)}"]`);
    if (found) {
      await found.updateComplete;
      found.scrollIntoView({ block: "center" });
      found.focus();
    } else if (/^[1-9]\d{0,15}$/.test(id) && this.top !== Number(id)) {
      this.top = Number(id);
      this.sought = "";
      this.requestUpdate();
    }
  }
}

/** What hpm only says, or does not even look after. */
function levelsSentence({ "cpu-mgmt": cpu, "memory-mgmt": memory }: Levels): string {
  if (cpu === "off" && memory === "off") return t("hpm only watches, and adjusts nothing: management of CPU and memory is off.");
  if (cpu !== "on" && memory !== "on") return t("At the level Advise hpm says what it would do, and changes nothing.");
  if (cpu === "advise") return t("Of CPU hpm only says what it would do.");
  if (memory === "advise") return t("Of memory hpm only says what it would do.");
  return cpu === "off" ? t("CPU management is off: hpm adjusts only memory.") : "";
}
