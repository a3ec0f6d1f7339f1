/** One virtual server: where it stands, why, what it did over time, and what can be done with it. */

import { Resource } from "../api/resource";
import type { Adjustment, Explanation, Group, GroupSummary, Levels, PartitionList, Server, StartJob } from "../api/types";
import { app, mayWrite } from "../base/app";
import { adjustmentSentences } from "../base/adjusted";
import { css, customElement, html, nothing, query } from "../base/element";
import { ago, exact, fixed, percent } from "../base/format";
import { complain } from "../base/notices";
import { Now } from "../base/now";
import { link, PageElement } from "../base/page";
import { t } from "../base/texts";
import { goalPercent, goalWord, importanceWord, runStateThen, whyLeftAlone, whyMemoryLeftAlone, whyUnknown } from "../base/words";
import { belowServer } from "../guest/below";
import type { GuestDialog } from "../guest/dialog";
import type { GuestPersist } from "../guest/persist";
import type { GuestSection } from "../guest/section";
import { ofServer } from "../guest/targets";
import { isOld } from "../parts/head";
import { MEMORY_BAR } from "../parts/memory-bar";
import type { Action } from "../parts/menu";
import type { RangeWords } from "../parts/range";
import type { PowerPart } from "../starts/power";
import type { StartSection, StartStrip } from "../starts/section";
import { powerActions } from "../starts/actions";
import { act, endGoal, exclude, manageAgain, release, tellSaved, type Deed } from "../server/actions";
import "../server/attributes";
import "../server/charts";
import type { Saved, ServerDialog } from "../server/dialog";
import { attributes, figures, memory, place, standing } from "../server/facts";
import "../server/goal";
import "../server/limits";
import "../server/move";
import "../server/partition";

const SERVER = ["virtual-server", "workload-resource-group", "mgmt-levels"];
const WHY = [...SERVER, "dependency-cycle"];
const LATEST = 8;

@customElement("hpm-server")
export class ServerPage extends PageElement {
  private readonly now = new Now(this);
  private readonly server = new Resource<Server>(this, () => this.path(), { kinds: SERVER });
  private readonly explanation = new Resource<Explanation>(this, () => `${this.path()}/explain`, { kinds: WHY });
  private readonly groups = new Resource<{ "workload-resource-groups": GroupSummary[] }>(this, () => "/workload-resource-groups", {
    kinds: ["workload-resource-group", "workload-resource-group-removed"],
    ticks: false,
  });
  private readonly latest = new Resource<{ "dynamic-resource-adjustments": Adjustment[] }>(
    this,
    () => `/dynamic-resource-adjustments?virtual-server=${this.place.id}&limit=${LATEST}`,
    { kinds: ["dynamic-resource-adjustment"], ticks: false },
  );
  private readonly levels = new Resource<Levels>(this, () => "/mgmt-levels", { kinds: ["mgmt-levels"], ticks: false });
  private readonly partitions = new Resource<PartitionList>(this, () => "/partitions", { ticks: false });
  private told = ""; // the name that the window's title has
  @query("hpm-server-limits") private limits!: ServerDialog;
  @query("hpm-server-attributes") private attributesDialog!: ServerDialog;
  @query("hpm-server-goal") private goal!: ServerDialog;
  @query("hpm-server-move") private move!: ServerDialog;
  @query("hpm-server-partition") private partition!: ServerDialog;
  @query("hpm-guest-dialog") private guest!: GuestDialog;
  @query("hpm-guest-persist") private persist!: GuestPersist;
  @query("hpm-guest-section") private guestSection!: GuestSection | null;
  @query("hpm-start-section") private startSection!: StartSection | null;
  @query("hpm-start-strip") private strip!: StartStrip | null;
  @query("hpm-power") private power!: PowerPart;

  static override styles = [
    PageElement.styles,
    MEMORY_BAR,
    css`
      .crumbs {
        font-size: var(--small);
        margin-bottom: 4px;
      }
      .crumbs a {
        text-decoration: underline;
      }
      .state {
        gap: 4px var(--gap);
        margin-bottom: var(--gap);
      }
      .note {
        padding: 8px 12px;
        border: 1px solid var(--edge);
        border-inline-start-width: 6px;
      }
      .panels {
        display: grid;
        gap: var(--gap);
        grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr));
      }
      .panel > h2 {
        margin-bottom: 8px;
      }
      .old {
        color: var(--dim);
      }
      .unknown {
        filter: grayscale(1); /* nothing in it calls for something */
      }
      .facts {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr));
        gap: 8px var(--gap);
        margin: 8px 0 0;
      }
      .facts dt {
        font-size: var(--small);
      }
      .bar {
        margin: 8px 0;
      }
      .why {
        margin: 8px 0 0;
        padding-inline-start: 1.2em;
      }
      .why li + li,
      .latest li + li {
        margin-top: 6px;
      }
      .latest {
        margin-top: 8px;
      }
      .latest time {
        color: var(--dim);
      }
    `,
  ];

  protected override does(what: string): boolean {
    if (!this.server.value) return false;
    if (what === "limits") void this.open(this.limits);
    if (what === "goal") void this.open(this.goal);
    return true;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.told = "";
  }

  override updated(): void {
    const name = this.server.value?.name ?? "";
    if (name && name !== this.told) this.named(name);
    this.told = name;
  }

  override render() {
    const server = this.server.value;
    return html`<nav class="crumbs" aria-label=${t("Breadcrumb")}>
        <a href=${link("servers")}>${t("Virtual servers")}</a> <span aria-hidden="true">›</span> <span aria-current="page">${server?.name ?? this.place.id}</span>
      </nav>
      ${server ? this.known(server) : this.unknown()}
      <div class="stack">
        ${server ? this.panels(server) : nothing}
        ${server ? html`<hpm-guest-section .server=${server["object-id"]} @edit=${() => this.editGuest("guest")}></hpm-guest-section>
              <hpm-start-section .server=${server["object-id"]} .name=${server.name} @edit=${() => this.editGuest("start")}></hpm-start-section>` : nothing}
        <hpm-server-charts
          .server=${this.place.id}
          .name=${server?.name ?? ""}
          .from=${this.asked("from")}
          .to=${this.asked("to")}
          @range=${(event: CustomEvent<RangeWords>) => this.ask({ ...event.detail }, "push")}
        ></hpm-server-charts>
        ${this.adjustments()}
      </div>`;
  }

  private unknown() {
    const { error } = this.server;
    if (!error) return html`<hpm-skeleton rows="6"></hpm-skeleton>`;
    const gone = error.status === 404;
    return html`<hpm-head .heading=${this.place.id}></hpm-head>
      <hpm-problem
        .what=${gone ? t("This host has no such virtual server, or has it no more.") : t("The server cannot be shown.")}
        .error=${gone ? undefined : error}
        @retry=${() => this.server.refresh()}
      ></hpm-problem>`;
  }

  private known(server: Server) {
    return html`<hpm-head .heading=${server.name} .measured=${this.server.measured} .error=${this.server.error}>
        ${mayWrite() ? html`<hpm-menu slot="actions" .label=${t("Actions")} .of=${server.name} .actions=${this.actions(server)}></hpm-menu>` : nothing}
      </hpm-head>
      <div class="row state ${server["stale-since"] ? "unknown" : ""}">
        <hpm-status .status=${server["goal-status"]}></hpm-status>
        <span>${runStateThen(server.status, server["stale-since"])}</span>
        <hpm-bullet .velocity=${server.velocity} .goal=${goalPercent(server.goal)}></hpm-bullet>
        <span>${this.velocity(server)}</span>
      </div>
      ${mayWrite()
        ? html`<div @saved=${this.saved}>
            <hpm-server-limits></hpm-server-limits>
            <hpm-server-attributes></hpm-server-attributes>
            <hpm-server-goal></hpm-server-goal>
            <hpm-server-move></hpm-server-move>
            <hpm-server-partition></hpm-server-partition>
            <hpm-guest-dialog></hpm-guest-dialog>
            <hpm-guest-persist></hpm-guest-persist>
          </div>`
        : nothing}
      <hpm-power @begun=${() => this.readAnew()}></hpm-power>`;
  }

  /** Its velocity and goal in words, or why there is none. */
  private velocity(server: Server): string {
    const values = { velocity: percent(server.velocity), goal: goalWord(server.goal) };
    if (server["stale-since"]) return ""; // which a note says
    if (server.status === "paused") return t("It is paused: nothing runs, and nothing waits.");
    if (server.status !== "running") return t("It does not run.");
    if (server["goal-status"] === "idle") return t("It is idle: it neither runs nor waits for a CPU.");
    if (server.velocity === null) return t("Nothing has been measured of it yet.");
    return server.goal ? t("velocity {velocity}, goal {goal}", values) : t("velocity {velocity}, no goal", values);
  }

  private panels(server: Server) {
    const groupId = app.client.path(server["workload-resource-group"]).split("/").pop() ?? "";
    const group = this.groups.value?.["workload-resource-groups"].find((one) => one["object-id"] === groupId);
    const stale = server["stale-since"] ?? null;
    const unknown = stale === null ? "" : "unknown";
    const old = stale !== null || isOld(this.server.measured, this.now.ms) ? "old" : "";
    return html`<hpm-start-strip
        .server=${server["object-id"]}
        @job=${(event: CustomEvent<StartJob>) => this.power.show(event.detail["object-id"], server.name)}
      ></hpm-start-strip>
      ${stale === null ? nothing : html`<p class="note" role="status">${whyUnknown(stale)} ${t("What is shown of it is as it was then.")}</p>`}
      ${this.notes(server)}
      <div class="panels">
        <section class="panel ${old} ${unknown}">
          <h2>${t("Now")}</h2>
          ${figures(server)}
        </section>
        <section class="panel">
          <h2>${t("Goal and limits")}</h2>
          ${standing(server, group, groupId, this.levels.value?.["cpu-mgmt"])} ${place(server, this.partitions.value)}
        </section>
        <section class="panel ${old} ${unknown}">
          <h2>${t("Memory")}</h2>
          ${memory(server)}
        </section>
        <section class="panel">
          <h2>${t("Why it is where it is")}</h2>
          ${this.why()}
        </section>
        <section class="panel">
          <h2>${t("What rules can compare")}</h2>
          ${Object.keys(server.attributes).length > 0 ? attributes(server) : html`<p class="dim">${t("Nothing but its name and UUID is known of it.")}</p>`}
        </section>
      </div>`;
  }

  private why() {
    const { value, error } = this.explanation;
    if (value) return html`<ol class="why plain-list">${value.sentences.map((one) => html`<li>${one}</li>`)}</ol>`;
    if (!error) return html`<hpm-skeleton rows="3"></hpm-skeleton>`;
    return html`<hpm-problem .what=${t("It cannot be told now.")} .error=${error} @retry=${() => this.explanation.refresh()}></hpm-problem>`;
  }

  /** What is out of the ordinary, with what ends it. */
  private notes(server: Server) {
    const goal = server["temporary-goal"];
    const reason = server["management-reason"];
    const byHand = reason !== "excluded" && [reason, server["memory-management-reason"]].includes("changed-by-administrator");
    const end = reason === "excluded" ? manageAgain(server) : byHand ? release(server) : null;
    const left = end !== null || ["own-quota", "pinned", "real-time", "unreachable"].includes(reason ?? "");
    return html`${goal
      ? html`<div class="note spread" role="status">
          <p title=${exact(goal.until)}>
            ${t("Temporary goal until {time}: velocity {goal}{importance}.", {
              time: exact(goal.until),
              goal: goalWord({ type: "velocity", velocity: goal.velocity } as Server["goal"]),
              importance: goal.importance ? t(", importance {importance}", { importance: importanceWord(goal.importance) }) : "",
            })}
          </p>
          ${mayWrite() ? html`<button type="button" @click=${() => this.act(endGoal(server))}>${t("End it now")}</button>` : nothing}
        </div>`
      : nothing}
    ${left
      ? html`<div class="note spread" role="status">
          <p>${this.leftAlone(server)}</p>
          ${mayWrite() && end
            ? html`<button type="button" @click=${() => this.act(end)}>${reason === "excluded" ? t("Manage it again") : t("Release it")}</button>`
            : nothing}
        </div>`
      : nothing}`;
  }

  private leftAlone(server: Server): string {
    const [reason, held] = [server["management-reason"], server["memory-management-reason"]];
    const cpu = reason && reason !== "no-policy" ? `${t("hpm leaves it alone.")} ${whyLeftAlone(reason)}` : "";
    const memory = held === "changed-by-administrator" && reason !== "excluded" ? whyMemoryLeftAlone(held) : "";
    return `${cpu} ${memory}`.trim();
  }

  private adjustments() {
    const { value, error } = this.latest;
    const all = value?.["dynamic-resource-adjustments"];
    return html`<section class="panel">
      <div class="spread">
        <h2>${t("Latest adjustments")}</h2>
        ${all && all.length > 0 ? html`<a href=${link("adjustments", "", { server: this.place.id })}>${t("All of this server")}</a>` : nothing}
      </div>
      ${all
        ? all.length > 0
          ? html`<ul class="latest plain-list">${all.map((one) => this.adjustment(one))}</ul>`
          : html`<p class="dim">${t("hpm has not changed anything about it yet.")}</p>`
        : error
          ? html`<hpm-problem .what=${t("Adjustments cannot be shown.")} .error=${error} @retry=${() => this.latest.refresh()}></hpm-problem>`
          : html`<hpm-skeleton rows="3"></hpm-skeleton>`}
    </section>`;
  }

  private adjustment(one: Adjustment) {
    const own = [...one.receivers, ...one.donors].find((other) => other["virtual-server"].endsWith(this.place.id));
    const became = (before: number | null | undefined, after: number | null | undefined) => ({ before: fixed(before), after: fixed(after) });
    const shares = own && own["shares-after"] !== null && own["shares-after"] !== own["shares-before"] ? became(own["shares-before"], own["shares-after"]) : null;
    const memory = own && typeof own["memory-after-mib"] === "number" ? became(own["memory-before-mib"], own["memory-after-mib"]) : null;
    const alone = one.receivers.length + one.donors.length === 1; // then the sentences say it
    return html`<li>
      <a href=${link("adjustments", String(one["object-id"]))}><time datetime=${one.time} title=${exact(one.time)}>${ago(one.time, this.now.ms)}</time></a>
      ${adjustmentSentences(one).join(" ")} ${shares ? html`<span class="dim">${t("Its shares: {before} → {after}.", shares)}</span>` : nothing}
      ${memory && !alone ? html`<span class="dim">${t("Its memory: {before} → {after}\u00a0MiB.", memory)}</span>` : nothing}
    </li>`;
  }

  private actions(server: Server): Action[] {
    const goal = server["temporary-goal"];
    const reason = server["management-reason"];
    const { start, stop } = powerActions(server, () => this.power);
    return [
      ...start,
      { label: t("Change limits…"), run: () => this.open(this.limits) },
      { label: t("Change guest policy…"), run: () => this.editGuest("guest") },
      { label: t("Change start and stop…"), run: () => this.editGuest("start") },
      { label: t("Write guest policy into its definition…"), run: () => this.persist.ask({ id: server["object-id"], name: server.name }) },
      { label: goal ? t("Change temporary goal…") : t("Set a temporary goal…"), run: () => this.open(this.goal) },
      ...(goal ? [{ label: t("End temporary goal"), run: () => this.act(endGoal(server)) }] : []),
      { label: t("Move to another group…"), run: () => this.open(this.move) },
      { label: t("Set its partition…"), run: () => this.open(this.partition) },
      { label: t("Change attributes…"), run: () => this.open(this.attributesDialog) },
      ...([reason, server["memory-management-reason"]].includes("changed-by-administrator") ? [{ label: t("Release"), run: () => this.act(release(server)) }] : []),
      server.excluded
        ? { label: t("Manage again"), run: () => this.act(manageAgain(server)) }
        : { label: t("Exclude from management"), run: () => this.act(exclude(server)) },
      ...stop,
    ];
  }

  /** Opens a dialog on what is there now, which may be news since the last interval. */
  private async open(dialog: ServerDialog): Promise<void> {
    await this.server.refresh();
    try {
      if (this.server.value) await dialog.open(this.server.value, this.server.etag);
    } catch (error) {
      complain(t("The dialog cannot be opened."), error);
    }
  }

  /** Opens the dialog of its own guest policy; what holds where that says nothing, its class and its group say. */
  private async editGuest(extent: "guest" | "start"): Promise<void> {
    const server = this.server.value;
    if (!server) return;
    try {
      const { content: group } = await app.client.get<Group>(app.client.path(server["workload-resource-group"]));
      const below = belowServer(group, server["service-class"] ?? null);
      await this.guest.open(ofServer({ id: server["object-id"], name: server.name }, extent, below, () => this.readAnew()));
    } catch (error) {
      complain(t("The dialog cannot be opened."), error);
    }
  }

  private act(deed: Deed): void {
    const server = this.server.value;
    if (server) void act(server, this.server.etag, deed, () => this.readAnew());
  }

  private readonly saved = (event: CustomEvent<Saved>): void => {
    this.server.set(event.detail.answer);
    tellSaved(event.detail, () => this.readAnew());
    this.readAnew();
  };

  private readAnew(): void {
    void this.server.refresh();
    void this.explanation.refresh();
    for (const one of [this.guestSection, this.startSection, this.strip]) one?.refresh();
  }

  private path(): string {
    return `/virtual-servers/${this.place.id}`;
  }
}
