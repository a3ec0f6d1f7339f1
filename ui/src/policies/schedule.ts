/**
 * The schedule of a group: its week, its entries, what holds now and next. It is painted in the grid or changed in the
 * list; what is changed is a draft until it is applied to the group.
 */

import { ApiError } from "../api/client";
import { Resource } from "../api/resource";
import type { Group, ScheduleEntry, Version } from "../api/types";
import { app, mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, query, state, type PropertyValues } from "../base/element";
import { complain, complaint, tell } from "../base/notices";
import { place } from "../base/place";
import { t } from "../base/texts";
import { groupPath } from "../groups/data";
import { same, type Merged, type MergePart } from "../parts/merge";
import { keepScheduleDraft, scheduleDraft, type Plan, type ScheduleDraft } from "./draft";
import type { Painted } from "./grid";
import { wrongBelow, type Wrong } from "./rule";
import { DAY, entriesOf, minuteNow, nextChange, painted, timeOf, weekOf } from "./week";
import { DAYS, dayWord, entriesWords } from "./words";

@customElement("hpm-schedule")
export class SchedulePart extends HpmElement {
  /** As the list of groups knows it; what is saved goes by what is read here. */
  @property({ attribute: false }) group!: Group;
  @state() private kept: ScheduleDraft | null = null;
  @state() private brush = "";
  @state() private error: ApiError | null = null;
  @state() private busy = false;
  @state() private versions: Plan[] | null = null;
  @state() private minute = -1;
  @query("hpm-merge") private question!: MergePart<Plan>;
  private theirEtag: string | null = null;
  private timer = 0;
  private readonly stored = new Resource<Group>(this, () => this.path, { kinds: ["workload-resource-group"], ticks: false });
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
      this.kept = scheduleDraft(this.group["object-id"]);
      this.error = null;
    }
    this.tick();
  }

  private get path(): string {
    return groupPath(this.group["object-id"]);
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
        .otherwise=${plan.otherwise ?? t("no policy")}
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
    const chosen = this.brush || this.policies[0]!;
    const brush = (value: string, label: string, colour: string) => html`<label class="choice">
      <input type="radio" name="brush" value=${value} .checked=${chosen === value} @change=${() => (this.brush = value)} /><span class="swatch ${colour}"></span>${label}
    </label>`;
    return html`<fieldset class="brushes">
      <legend>${t("Paint with")}</legend>
      ${this.policies.map((one, at) => brush(one, one, `s${at % 6}`))} ${brush("/", t("nothing: otherwise"), "")}
    </fieldset>`;
  }

  private bar() {
    return html`<section class="bar spread" aria-label=${t("Unsaved changes")}>
      <span>
        <strong>${t("Unsaved changes")}</strong>
        ${this.error ? html`<span class="wrong" role="alert">${t("Not applied.")} ${complaint(this.error)}</span>` : nothing}
      </span>
      <span class="row">
        <button class="primary apply" type="button" ?disabled=${this.busy} @click=${() => this.apply()}>${this.busy ? t("Working…") : t("Apply schedule")}</button>
        <button type="button" @click=${this.discard}>${t("Discard")}</button>
      </span>
    </section>`;
  }

  private merge() {
    const [base, mine, theirs] = this.versions ?? [];
    return html`<hpm-merge
      .what=${t("the schedule of {name}", { name: this.group.name })}
      .base=${base}
      .mine=${mine}
      .theirs=${theirs}
      .fields=${[
        { key: "schedule", label: t("schedule"), text: (value: Plan[keyof Plan]) => entriesWords(value as ScheduleEntry[]) || t("none") },
        { key: "otherwise", label: t("otherwise"), text: (value: Plan[keyof Plan]) => (value as string | null) ?? t("no policy") },
      ]}
      @merged=${(event: CustomEvent<Merged<Plan>>) => this.merged(event.detail)}
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
    return this.error ? wrongBelow({ path: this.error.field, text: complaint(new Error(this.error.said)) }, part) : null;
  }

  private paint(plan: Plan, { days, minutes }: Painted): void {
    const brush = this.brush || this.policies[0]!;
    const week = painted(weekOf(plan.schedule), days, minutes, brush === "/" ? null : brush);
    this.edit({ ...plan, schedule: entriesOf(week) });
  }

  private edit(plan: Plan): void {
    const base = this.kept?.base ?? planOf(this.stored.value!);
    this.keep(same(base, plan) ? null : { plan, base, etag: this.kept ? this.kept.etag : this.stored.etag });
  }

  private keep(draft: ScheduleDraft | null): void {
    keepScheduleDraft(this.group["object-id"], draft);
    this.kept = draft;
    if (!draft) this.error = null;
  }

  private readonly discard = (): void => {
    const { kept } = this;
    const id = this.group["object-id"];
    this.keep(null);
    tell(t("The changes were discarded."), { label: t("Undo"), run: () => this.bringBack(id, kept) });
  };

  /** Puts a draft back where it was, whatever is shown by now. */
  private bringBack(id: string, kept: ScheduleDraft | null): void {
    keepScheduleDraft(id, kept);
    if (this.isConnected && this.group["object-id"] === id) this.kept = kept;
    else app.places.go(place("policies", id, { tab: "schedule" }));
  }

  private async apply(): Promise<void> {
    const { kept } = this;
    if (!kept || this.busy) return;
    this.busy = true;
    this.error = null;
    try {
      await this.send(kept.plan, kept.etag, kept.base);
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) await this.changedMeanwhile(kept);
      else this.error = error instanceof ApiError ? error : new ApiError(String(error));
    } finally {
      this.busy = false;
    }
  }

  private async send(plan: Plan, etag: string | null, before: Plan): Promise<void> {
    const { path } = this;
    const answer = await app.client.post<Group>(path, plan, { etag });
    this.keep(null);
    await this.stored.refresh();
    this.emit("changed");
    const undo = async () => {
      try {
        await app.client.post(path, before, { etag: answer.etag });
        await this.stored.refresh();
        this.emit("changed");
      } catch (error) {
        complain(t("Not undone."), error);
      }
    };
    tell(t("The schedule of {name} was changed.", { name: this.group.name }), { label: t("Undo"), run: () => void undo() });
  }

  /** Something of the group is another: only if it is the schedule, who sits here is asked. */
  private async changedMeanwhile(kept: ScheduleDraft): Promise<void> {
    try {
      const { content, etag } = await app.client.get<Group>(this.path);
      const theirs = planOf(content);
      if (same(kept.base, theirs)) return await this.send(kept.plan, etag, kept.base);
      this.theirEtag = etag;
      this.versions = [kept.base, kept.plan, theirs];
      await this.updateComplete; // it knows the three of them only then
      this.question.ask();
    } catch (error) {
      this.error = error instanceof ApiError ? error : new ApiError(String(error));
    }
  }

  private merged({ value }: Merged<Plan>): void {
    const base = this.versions![2]!;
    this.keep(same(base, value) ? null : { plan: value, base, etag: this.theirEtag });
    void this.stored.refresh();
  }
}

function planOf(group: Group): Plan {
  return { schedule: group.schedule ?? [], otherwise: group.otherwise ?? null };
}
