/** Adjustments: what hpm did, newest first, what came of it, and why it could not do more. */

import { isAbort } from "../api/client";
import { Endless } from "../api/endless";
import { Resource } from "../api/resource";
import type { Adjustment, GroupSummary, Levels } from "../api/types";
import { mayWrite } from "../base/app";
import { css, customElement, html, nothing, query, repeat, state } from "../base/element";
import { complain } from "../base/notices";
import { link, PageElement } from "../base/page";
import { Ranges } from "../base/range";
import { plural, t } from "../base/texts";
import type { AdjustmentPart } from "../parts/adjustment";
import { saveAdjustments } from "./adjustments-file";
import { byDay } from "./days";

/** Older ones are read by themselves up to so many; then by the button. */
const BY_ITSELF = 500;
/** Words of the URL that are filters. */
const FILTERS = ["group", "server", "outcome", "range", "from", "to"] as const;

@customElement("hpm-adjustments")
export class AdjustmentsPage extends PageElement {
  override readonly whole = true;
  @state() private now = Date.now();
  @state() private saving = "";
  @query("#top") private readonly topMark!: HTMLElement;
  @query("#end") private readonly endMark!: HTMLElement | null;
  private atTop = true;
  private sought = "";
  /** The adjustment that a link named; the list begins with it where it is not among the newest. */
  private top: number | null = null;
  private readonly ranges = new Ranges();
  private readonly levels = new Resource<Levels>(this, () => "/mgmt-levels", { kinds: ["mgmt-levels"], ticks: false });
  private readonly groups = new Resource<{ "workload-resource-groups": GroupSummary[] }>(this, () => "/workload-resource-groups", {
    kinds: ["workload-resource-group", "workload-resource-group-removed"],
    ticks: false,
  });
  private readonly list = new Endless<Adjustment>(this, () => this.wish(), "dynamic-resource-adjustments", {
    kinds: ["dynamic-resource-adjustment"],
    hold: () => !this.atTop || this.place.id !== "",
  });
  private readonly seen = new IntersectionObserver((entries) => this.scrolled(entries), { rootMargin: "400px 0px" });
  private timer = 0;

  static override styles = [
    PageElement.styles,
    css`
      .filters {
        align-items: end;
        margin-bottom: var(--gap);
      }
      h2 {
        padding: var(--gap) 8px 4px;
        border-bottom: 1px solid var(--line);
      }
      .new {
        position: sticky;
        inset-block-start: 8px;
        z-index: 2;
        display: flex;
        justify-content: center;
        height: 0; /* it comes without moving what is read */
      }
      .more {
        display: flex;
        justify-content: center;
        padding: var(--gap);
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.timer = window.setInterval(() => (this.now = Date.now()), 10_000);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.timer);
    this.seen.disconnect();
    this.atTop = true;
  }

  override render() {
    const off = this.levels.value?.["cpu-mgmt"] === "off";
    return html`<hpm-head
        heading=${t("Adjustments")}
        sentence=${off ? t("CPU management is off: hpm only watches, and adjusts nothing.") : ""}
        .error=${this.list.items.length > 0 ? this.list.error : undefined}
      >
        ${this.list.items.length > 0
          ? html`<button slot="actions" type="button" ?disabled=${this.saving !== ""} @click=${this.save}>${this.saving || t("Export as CSV")}</button>`
          : nothing}
      </hpm-head>
      ${this.filters()}
      <div id="top"></div>
      <div class="new" role="status">
        ${this.list.waiting > 0
          ? html`<button class="primary" type="button" @click=${this.showNew}>${plural("{n} new", "{n} new", this.list.waiting)}</button>`
          : nothing}
      </div>
      ${this.body()}`;
  }

  override updated(): void {
    // observed anew, so that it is told again where it stands: a short piece may leave the end in sight
    this.seen.disconnect();
    this.seen.observe(this.topMark);
    if (this.endMark) this.seen.observe(this.endMark);
    void this.showSought();
  }

  override focusSearch(): void {
    this.renderRoot.querySelector<HTMLElement>("hpm-server-search")?.focus();
  }

  /** A link to one adjustment leads to it; `showSought` moves the focus there. */
  override focus(): void {
    if (!this.place.id) super.focus();
  }

  private filters() {
    const groups = this.groups.value?.["workload-resource-groups"] ?? [];
    return html`<div class="filters row" role="search">
      <hpm-server-search .uuid=${this.asked("server")} @server=${(event: CustomEvent<string>) => this.filter({ server: event.detail })}></hpm-server-search>
      <div class="field">
        <label for="group">${t("Group")}</label>
        <select id="group" @change=${(event: Event) => this.filter({ group: (event.target as HTMLSelectElement).value })}>
          <option value="" .selected=${!this.asked("group")}>${t("all groups")}</option>
          ${groups.map((one) => html`<option value=${one["object-id"]} .selected=${this.asked("group") === one["object-id"]}>${one.name}</option>`)}
        </select>
      </div>
      <div class="field">
        <label for="outcome">${t("Outcome")}</label>
        <select id="outcome" @change=${(event: Event) => this.filter({ outcome: (event.target as HTMLSelectElement).value })}>
          ${[["", t("any")], ["applied", t("applied")], ["advised", t("advised")], ["failed", t("failed")]].map(
            ([value, label]) => html`<option value=${value!} .selected=${this.asked("outcome") === value}>${label}</option>`,
          )}
        </select>
      </div>
      <hpm-period
        .range=${this.asked("range")}
        .from=${this.asked("from")}
        .to=${this.asked("to")}
        @range=${(event: CustomEvent<Record<string, string>>) => this.filter(event.detail)}
      ></hpm-period>
      ${this.filtered ? html`<button type="button" @click=${this.clear}>${t("Clear filter")}</button>` : nothing}
    </div>`;
  }

  private body() {
    const { items, error, known, more, loading } = this.list;
    if (items.length === 0) {
      if (error) return html`<hpm-problem .what=${t("Adjustments cannot be read.")} .error=${error} @retry=${() => this.list.begin()}></hpm-problem>`;
      return known ? this.empty() : html`<hpm-skeleton rows="8"></hpm-skeleton>`;
    }
    return html`${this.top ? this.earlier() : nothing}
      ${repeat(
        byDay(items),
        ([day]) => day,
        ([day, some]) => html`<section aria-label=${day}>
          <h2>${day}</h2>
          <ol class="plain-list" @keydown=${this.typed}>
            ${repeat(
              some,
              (one) => one["object-id"],
              (one) => html`<li>
                <hpm-adjustment
                  data-id=${one["object-id"]}
                  .adjustment=${one}
                  .now=${this.now}
                  ?open=${this.place.id === String(one["object-id"])}
                  @fold=${() => this.fold(one)}
                ></hpm-adjustment>
              </li>`,
            )}
          </ol>
        </section>`,
      )}
      ${more ? html`<div id="end" class="more"><button type="button" ?disabled=${loading} @click=${() => this.list.older()}>${t("Older")}</button></div>` : nothing}`;
  }

  private earlier() {
    const missing = String(this.list.items[0]?.["object-id"]) !== this.place.id && Number(this.place.id) === this.top;
    return html`<p class="row">
      <span>
        ${missing
          ? t("Adjustment {number} is not kept any more, or does not fit the filter. These are older ones.", { number: this.top! })
          : t("These are adjustment {number} and older ones.", { number: this.top! })}
      </span>
      <button type="button" @click=${this.newest}>${t("Show the newest")}</button>
    </p>`;
  }

  private empty() {
    if (this.top) return html`<hpm-empty heading=${t("Nothing here any more")} text=${t("Adjustment {number} and older ones are not kept any more, or do not fit the filter.", { number: this.top })}>
      <button class="primary" type="button" @click=${this.newest}>${t("Show the newest")}</button>
    </hpm-empty>`;
    if (this.filtered) {
      return html`<hpm-empty heading=${t("No adjustment fits")} text=${t("There are none of this time, group, server and outcome.")}>
        <button class="primary" type="button" @click=${this.clear}>${t("Clear filter")}</button>
      </hpm-empty>`;
    }
    if (this.levels.value?.["cpu-mgmt"] === "off") {
      const how = mayWrite()
        ? t("To see what it would do, set the management level to advise; to have it done, to on.")
        : t("An administrator can set the management level to advise, to see what it would do, or to on.");
      return html`<hpm-empty heading=${t("hpm only watches")} text=${how}>
        ${mayWrite() ? html`<a class="button primary" href=${link("settings")}>${t("Set the management level")}</a>` : nothing}
      </hpm-empty>`;
    }
    return html`<hpm-empty
      heading=${t("Nothing had to be adjusted yet")}
      text=${t("Adjustments appear here as soon as a goal of a group's policy is missed while something less important has CPU to give.")}
    >
      <a class="button" href=${link("groups")}>${t("See the groups")}</a>
    </hpm-empty>`;
  }

  private get filtered(): boolean {
    return FILTERS.some((name) => this.asked(name) !== "");
  }

  private wish() {
    const { from, to } = this.ranges.of(this.asked("range"), this.asked("from"), this.asked("to"));
    const query = { from, to, group: this.asked("group"), outcome: this.asked("outcome"), "virtual-server": this.asked("server") };
    return { path: "/dynamic-resource-adjustments", query, top: this.top };
  }

  /** Shows another choice; what was unfolded may not be part of it. */
  private filter(words: Record<string, string>): void {
    this.top = null;
    this.place = { ...this.place, id: "" };
    this.ask(words, "push");
  }

  private readonly clear = (): void => {
    this.filter(Object.fromEntries(FILTERS.map((name) => [name, ""])));
  };

  private readonly newest = (): void => {
    this.filter({});
  };

  private readonly showNew = (): void => {
    this.list.showNew();
    this.topMark.scrollIntoView({ block: "center" });
  };

  private fold(one: Adjustment): void {
    const number = String(one["object-id"]);
    this.place = { ...this.place, id: this.place.id === number ? "" : number };
    this.sought = this.place.id; // it is in sight already
    this.ask({});
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

  private scrolled(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      if (target === this.topMark) this.atTop = isIntersecting;
      else if (isIntersecting && !this.list.error && this.list.items.length < BY_ITSELF) void this.list.older();
    }
  }

  /** Arrows go from one adjustment to the next. */
  private typed(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const from = event.target as HTMLElement;
    const within = event.composedPath()[0] as Element;
    if (!step || !within.matches(".fold")) return;
    const all = [...this.renderRoot.querySelectorAll<AdjustmentPart>("hpm-adjustment")];
    all[all.indexOf(from as AdjustmentPart) + step]?.focus();
    event.preventDefault();
  }

  private readonly save = async (): Promise<void> => {
    this.saving = t("Working…");
    try {
      const all = await this.list.all((count) => (this.saving = plural("{n} read…", "{n} read…", count)));
      saveAdjustments(all);
    } catch (error) {
      if (!isAbort(error)) complain(t("Adjustments were not exported."), error);
    } finally {
      this.saving = "";
    }
  };
}
