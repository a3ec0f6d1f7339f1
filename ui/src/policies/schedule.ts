/**
 * The schedule of a group: its week, its entries, what holds now and next. It is painted in the grid or changed in the
 * list; what is changed is a draft until it is applied to the group.
 */

import { Resource } from "../api/resource";
import type { Group, ScheduleEntry, Version } from "../api/types";
import { app, mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, state, type PropertyValues } from "../base/element";
import { complaint, tellUndo } from "../base/notices";
import { place } from "../base/place";
import { t } from "../base/texts";
import { groupPath } from "../groups/data";
import { Drafting } from "../parts/drafting";
import type { Merged } from "../parts/merge";
import { keepScheduleDraft, scheduleDraft, type Plan, type ScheduleDraft } from "./draft";
import type { Painted } from "./grid";
import { wrongBelow, type Wrong } from "./rule";
import { DAY, entriesOf, minuteNow, nextChange, painted, timeOf, weekOf } from "./week";
import { DAYS, dayWord, entriesWords } from "./words";

@customElement("hpm-schedule")
export class SchedulePart extends HpmElement {
  /** As the list of groups knows it; what is saved goes by what is read here. */
  @property({ attribute: false }) group!: Group;
  /** The name of the policy that is looked at: it is painted with, until another one is chosen. */
  @property() shown = "";
  @state() private brush = "";
  @state() private minute = -1;
  private timer = 0;
  private readonly stored = new Resource<Group>(this, () => this.path, { kinds: ["workload-resource-group"], ticks: false });
  private readonly drafting = new Drafting<Plan, ScheduleDraft>(this, {
    mine: (draft) => draft.plan,
    draft: (plan, { base, etag }) => ({ plan, base: base!, etag }), // there is one, though it be empty
    keep: (draft) => keepScheduleDraft(this.group["object-id"], draft),
    send: (kept) => this.send(kept),
    now: async () => {
      const { content, etag } = await app.client.get<Group>(this.path);
      return { value: planOf(content), etag };
    },
    refresh: () => void this.stored.refresh(),
  });
  private readonly version = new Resource<Version>(this, () => "/version", { ticks: false });

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: var(--gap);
        grid-template-columns: minmax(0, 1fr);
      }
      .brushes {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 16px;
        margin: 0;
        padding: 0;
        border: none;
      }
      .brushes .choice {
        min-height: 28px;
      }
      .swatch {
        width: 14px;
        height: 14px;
        border: 2px solid var(--edge);
        border-radius: 2px;
      }
      .s0 {
        border-color: var(--series-1);
      }
      .s1 {
        border-color: var(--series-2);
      }
      .s2 {
        border-color: var(--series-3);
      }
      .s3 {
        border-color: var(--series-4);
      }
      .s4 {
        border-color: var(--series-5);
      }
      .s5 {
        border-color: var(--series-6);
      }
      .bar {
        position: sticky;
        bottom: 0;
        padding: 10px var(--gap);
        background: var(--raised);
        border: 1px solid var(--advice);
        border-inline-start-width: 6px;
        border-radius: var(--radius);
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.timer = window.setInterval(() => this.tick(), 20_000);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.timer);
  }

  override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get("group") as Group | undefined;
    if (changed.has("group") && before?.["object-id"] !== this.group["object-id"]) {
      this.drafting.begin(scheduleDraft(this.group["object-id"]));
    }
    this.tick();
  }

  private get kept(): ScheduleDraft | null {
    return this.drafting.kept;
  }

  private get path(): string {
    return groupPath(this.group["object-id"]);
  }

  /** What the grid is painted with: the name of a policy, or `/`. */
  private get paints(): string {
    return this.brush || (this.policies.includes(this.shown) ? this.shown : this.policies[0]!);
  }

  private get policies(): string[] {
    return (this.stored.value ?? this.group)["perf-policies"].map((one) => one.name);
  }

  override render() {
    const stored = this.stored.value;
    if (!stored) {
      return this.stored.error
        ? html`<hpm-problem .what=${t("The schedule cannot be shown.")} .error=${this.stored.error} @retry=${() => this.stored.refresh()}></hpm-problem>`
        : html`<hpm-skeleton></hpm-skeleton>`;
    }
    if (this.policies.length === 0) return html`<p class="dim">${t("A schedule activates policies by day and hour; this group has none yet.")}</p>`;
    const plan = this.kept?.plan ?? planOf(stored);
    const readonly = !mayWrite();
    const week = weekOf(plan.schedule);
    return html`<p>${this.nowWords(plan, stored)}</p>
      ${readonly ? nothing : this.brushes()}
      <hpm-week
        .week=${week}
        .policies=${this.policies}
        .otherwise=${plan.schedule.length === 0 ? t("activated by hand") : (plan.otherwise ?? t("no policy"))}
        .now=${this.minute}
        ?readonly=${readonly}
        @paint=${(event: CustomEvent<Painted>) => this.paint(plan, event.detail)}
      ></hpm-week>
      <p class="help">${this.zoneWords()} ${readonly ? "" : t("Press and move in the grid to paint with the policy that is chosen above it; or change the list below.")}</p>
      <h2>${t("Entries: the first that holds says which policy is active")}</h2>
      <hpm-entries
        .entries=${plan.schedule}
        .policies=${this.policies}
        .wrong=${this.wrongOf("schedule")}
        ?readonly=${readonly}
        @entries=${(event: CustomEvent<ScheduleEntry[]>) => this.edit({ ...plan, schedule: event.detail })}
      ></hpm-entries>
      ${this.otherwise(plan, readonly)} ${this.kept ? this.bar() : nothing} ${this.merge()}`;
  }

  private otherwise(plan: Plan, readonly: boolean) {
    if (plan.schedule.length === 0) return html`<p class="dim">${t("No entries: policies are activated by hand.")}</p>`;
    const wrong = this.wrongOf("otherwise");
    return html`<div class="field">
      <label for="otherwise">${t("Otherwise, where no entry holds")}</label>
      <select
        id="otherwise"
        ?disabled=${readonly}
        aria-invalid=${wrong ? "true" : "false"}
        aria-describedby=${wrong ? "otherwise-wrong" : nothing}
        @change=${(event: Event) => this.edit({ ...plan, otherwise: (event.target as HTMLSelectElement).value || null })}
      >
        <option value="" ?selected=${!plan.otherwise}>${t("no policy: unmanaged")}</option>
        ${this.policies.map((one) => html`<option value=${one} ?selected=${one === plan.otherwise}>${one}</option>`)}
      </select>
      ${wrong ? html`<span class="wrong" id="otherwise-wrong">${wrong.text}</span>` : nothing}
    </div>`;
  }

  private brushes() {
    const chosen = this.paints;
    const brush = (value: string, label: string, colour: string) => html`<label class="choice">
      <input type="radio" name="brush" value=${value} .checked=${chosen === value} @change=${() => (this.brush = value)} /><span class="swatch ${colour}"></span>${label}
    </label>`;
    return html`<fieldset class="brushes">
      <legend>${t("Paint with")}</legend>
      ${this.policies.map((one, at) => brush(one, one, `s${at % 6}`))} ${brush("/", t("nothing: otherwise"), "")}
    </fieldset>`;
  }

  private bar() {
    const { error, busy } = this.drafting;
    return html`<section class="bar spread" aria-label=${t("Unsaved changes")}>
      <span>
        <strong>${t("Unsaved changes")}</strong>
        ${error ? html`<span class="wrong" role="alert">${t("Not applied.")} ${complaint(error)}</span>` : nothing}
      </span>
      <span class="row">
        <button class="primary apply" type="button" ?disabled=${busy} @click=${() => this.drafting.apply()}>${busy ? t("Working…") : t("Apply schedule")}</button>
        <button type="button" @click=${this.discard}>${t("Discard")}</button>
      </span>
    </section>`;
  }

  private merge() {
    const [base, mine, theirs] = this.drafting.versions ?? [];
    return html`<hpm-merge
      .what=${t("the schedule of {name}", { name: this.group.name })}
      .base=${base}
      .mine=${mine}
      .theirs=${theirs}
      .fields=${[
        { key: "schedule", label: t("schedule"), text: (value: Plan[keyof Plan]) => entriesWords(value as ScheduleEntry[]) || t("none") },
        { key: "otherwise", label: t("otherwise"), text: (value: Plan[keyof Plan]) => (value as string | null) ?? t("no policy") },
      ]}
      @merged=${(event: CustomEvent<Merged<Plan>>) => this.drafting.merged(event.detail.value)}
    ></hpm-merge>`;
  }

  private nowWords(plan: Plan, stored: Group): string {
    const active = stored["active-policy"];
    const now = active ? t("Active now: {policy}.", { policy: active }) : t("No policy is active now.");
    if (plan.schedule.length === 0 || this.minute < 0) return now;
    const week = weekOf(plan.schedule).map((one) => one ?? plan.otherwise);
    const wanted = week[this.minute] ?? null;
    const byHand = !this.kept && wanted !== active ? ` ${t("It was activated by hand; the schedule would have {policy} now.", { policy: wanted ?? t("no policy") })}` : "";
    const next = nextChange(week, this.minute);
    if (this.kept && wanted !== active) return `${now} ${t("Once these changes are applied, {policy} is active at once.", { policy: wanted ?? t("no policy") })}`;
    if (next === null) return now + byHand;
    const words = { day: dayWord(DAYS[Math.floor(next / DAY)]!, "long"), time: timeOf(next), policy: week[next] ?? t("no policy") };
    return `${now}${byHand} ${t("Next by the schedule: {day} {time}, {policy}.", words)}`;
  }

  private zoneWords(): string {
    const version = this.version.value;
    if (!version) return t("Days and hours are those of the host's time zone.");
    const hours = version["utc-offset-minutes"] / 60;
    const offset = `UTC${hours < 0 ? "−" : "+"}${timeOf(Math.abs(version["utc-offset-minutes"]))}`;
    return t("Days and hours are those of the host's time zone, {zone} ({offset}); there it is {time} now.", { zone: version["time-zone"], offset, time: timeOf(this.minute) });
  }

  private tick(): void {
    const version = this.version.value;
    this.minute = version ? minuteNow(version["utc-offset-minutes"]) : -1;
  }

  private wrongOf(part: string): Wrong | null {
    const { error } = this.drafting;
    return error ? wrongBelow({ path: error.field, text: complaint(new Error(error.said)) }, part) : null;
  }

  private paint(plan: Plan, { days, minutes }: Painted): void {
    const brush = this.paints;
    const week = painted(weekOf(plan.schedule), days, minutes, brush === "/" ? null : brush);
    this.edit({ ...plan, schedule: entriesOf(week) });
  }

  private edit(changed: Plan): void {
    const active = this.stored.value!["active-policy"];
    const now = planOf(this.stored.value!);
    let { otherwise } = changed;
    // without entries there is nothing else; and the first one does not leave the rest of the week without a policy
    if (changed.schedule.length === 0) otherwise = null;
    else if ((this.kept?.plan ?? now).schedule.length === 0) otherwise ??= active;
    this.drafting.edit({ ...changed, otherwise }, { base: now, etag: this.stored.etag });
  }

  private readonly discard = (): void => {
    const id = this.group["object-id"];
    this.drafting.discard((kept) => this.bringBack(id, kept));
  };

  /** Puts a draft back where it was, whatever is shown by now. */
  private bringBack(id: string, kept: ScheduleDraft | null): void {
    keepScheduleDraft(id, kept);
    if (this.isConnected && this.group["object-id"] === id) this.drafting.begin(kept);
    else app.places.go(place("policies", id, { tab: "schedule" }));
  }

  private async send({ plan, etag, base }: ScheduleDraft): Promise<void> {
    const { path } = this;
    const answer = await app.client.post<Group>(path, plan, { etag });
    this.drafting.keep(null);
    await this.stored.refresh();
    this.emit("changed");
    tellUndo(t("The schedule of {name} was changed.", { name: this.group.name }), async () => {
      await app.client.post(path, base, { etag: answer.etag });
      await this.stored.refresh();
      this.emit("changed");
    });
  }
}

function planOf(group: Group): Plan {
  return { schedule: group.schedule ?? [], otherwise: group.otherwise ?? null };
}
