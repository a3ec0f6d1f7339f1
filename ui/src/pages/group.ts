/** One workload resource group: its goals, its servers, how they fared, what hpm did, and what can be done with it. */

import { Looking } from "../api/looking";
import { mirror, type Row } from "../api/mirror";
import { Resource } from "../api/resource";
import type { Adjustment, Group, GroupMetrics, GroupSummary, ServiceClassState, StartJob } from "../api/types";
import { mayWrite } from "../base/app";
import { adjustmentSentences } from "../base/adjusted";
import { css, customElement, html, nothing, query, state } from "../base/element";
import { ago, exact, fixed } from "../base/format";
import { link, PageElement } from "../base/page";
import { plural, t } from "../base/texts";
import { importanceWord } from "../base/words";
import { groupActions, moveQuestion } from "../groups/actions";
import { activePolicy, GROUP_KINDS, groupPath, GROUPS, MEMBER_KINDS, memberOf, type Member } from "../groups/data";
import { draftOf, forget } from "../groups/form";
import "../guest/group-section";
import type { GroupHandsPart } from "../groups/hands";
import { drag } from "../groups/moving";
import "../groups/partition";
import { serverColumns } from "../groups/server-columns";
import type { RangeWords } from "../parts/range";
import type { Column } from "../parts/table";
import { rowLook } from "../servers/columns";

const ADJUSTMENTS = 8; // the latest that are shown
const NONE: readonly Row[] = [];
const NO_NAMES: ReadonlyMap<string, string> = new Map();

@customElement("hpm-group")
export class GroupPage extends PageElement {
  @state() private selected: ReadonlySet<string> = new Set();
  @state() private dragging = false;
  @query("hpm-group-hands") private hands!: GroupHandsPart;

  private told = ""; // the name that the window's title has
  private columns: readonly Column<Row>[] | null = null;

  private readonly group = new Resource<Group>(this, () => groupPath(this.place.id), { kinds: MEMBER_KINDS, ticks: false });
  private readonly classes = new Resource<{ "service-classes": ServiceClassState[] }>(
    this,
    () => `${groupPath(this.place.id)}/service-classes`,
    { kinds: MEMBER_KINDS },
  );
  private readonly looking = new Looking(this);
  private readonly metrics = new Resource<GroupMetrics>(this, () => `/metrics/calculated${groupPath(this.place.id)}`, {
    kinds: GROUP_KINDS,
  });
  private readonly adjustments = new Resource<{ "dynamic-resource-adjustments": Adjustment[] }>(
    this,
    () => `/dynamic-resource-adjustments?group=${encodeURIComponent(this.place.id)}&limit=${ADJUSTMENTS}`,
    { kinds: ["dynamic-resource-adjustment"], ticks: false },
  );
  // the others, to move servers to
  private readonly groups = new Resource<{ "workload-resource-groups": GroupSummary[] }>(this, () => GROUPS, {
    kinds: MEMBER_KINDS,
  });

  static override styles = [
    PageElement.styles,
    css`
      .facts {
        margin-bottom: var(--gap);
        gap: 8px 20px;
      }
      .draft {
        padding: 8px 12px;
        margin-bottom: var(--gap);
        background: var(--soft);
        border-inline-start: 4px solid var(--accent);
      }
      .stack {
        gap: 24px;
      }
      section > h2 {
        margin-bottom: 8px;
      }
      .facts span a,
      li a {
        text-decoration: underline;
      }
      ol li {
        padding: 6px 0;
        border-bottom: 1px solid var(--line);
      }
      .bar {
        margin-bottom: 8px;
        min-height: 32px;
      }
      .bar input {
        width: min(20rem, 100%);
      }
    `,
  ];

  protected override does(what: string): boolean {
    if (!this.group.value) return false;
    if (what === "give") this.hands.edit(this.place.id, "policy", "rest");
    if (what === "servers" || what === "policy") this.hands.edit(this.place.id, what);
    return true;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.told = "";
  }

  override updated(): void {
    const name = this.group.value?.name ?? "";
    if (name && name !== this.told) this.named(name);
    this.told = name;
  }

  override render() {
    const group = this.group.value;
    const back = html`<p><a href=${link("groups")}>${t("All groups")}</a></p>`;
    if (!group) {
      return html`${back}<hpm-head heading=${t("Group")}></hpm-head>
        ${this.group.error
          ? html`<hpm-problem
              .what=${this.group.error.status === 404 ? t("There is no such group; perhaps it was deleted.") : t("The group cannot be shown.")}
              .error=${this.group.error}
              @retry=${() => this.group.refresh()}
            ></hpm-problem>`
          : html`<hpm-skeleton rows="6"></hpm-skeleton>`}`;
    }
    const summary = this.summary;
    return html`${back}
      <hpm-head
        heading=${group.name}
        sentence=${group.description}
        measured=${mirror.measured}
        .problem=${mirror.problem}
        .error=${mirror.error ?? this.group.error}
      >
        ${mayWrite() && summary
          ? html`<button slot="actions" type="button" @click=${() => this.hands.edit(group["object-id"])}>${t("Edit…")}</button>
              <hpm-menu slot="actions" label=${t("Actions")} of=${group.name} .actions=${groupActions(summary, () => this.hands)}></hpm-menu>`
          : nothing}
      </hpm-head>
      <hpm-start-strip
        .group=${group["object-id"]}
        @job=${(event: CustomEvent<StartJob>) => this.hands.job(event.detail["object-id"], group.name)}
      ></hpm-start-strip>
      ${this.facts(group, summary)} ${this.unsaved(group)}
      <div class="stack">
        ${this.goals(group)} ${this.history(group)} ${this.members()} <hpm-group-guest .group=${group} @edit=${() => summary && this.hands.guest(summary)}></hpm-group-guest>
        ${this.latest(group)}
      </div>
      <hpm-group-hands
        @saved=${this.changed}
        @deleted=${() => this.go("groups")}
        @closed=${() => this.requestUpdate()}
      ></hpm-group-hands>
      ${this.dragging ? html`<hpm-drop-strip .groups=${this.others}></hpm-drop-strip>` : nothing}`;
  }

  private facts(group: Group, summary: GroupSummary | undefined) {
    const policy = activePolicy(group);
    const id = group["object-id"];
    return html`<div class="row facts">
      ${summary ? html`<hpm-status status=${summary["goal-status"]}></hpm-status>` : nothing}
      <span>${t("Importance: {importance}", { importance: importanceWord(policy?.importance) })}</span>
      <span>
        ${t("Active policy:")}
        ${policy ? html`<a href=${link("policies", id)}>${policy.name}</a>` : html`<span class="dim">${t("none")}</span>`}
        ${group.schedule?.length ? html`<span class="help">${t("by schedule")}</span>` : nothing}
      </span>
      <a href=${link("policies", id)}>
        ${plural("{n} policy and the schedule", "{n} policies and the schedule", group["perf-policies"].length)}
      </a>
      <hpm-group-partition .group=${group} .names=${this.serverNames(group)} @saved=${this.changed}></hpm-group-partition>
    </div>`;
  }

  /** Of servers that do not stand in the partition that backs the group. */
  private serverNames(group: Group): ReadonlyMap<string, string> {
    if (!group["virtual-servers-elsewhere"]?.length) return NO_NAMES;
    return new Map((this.servers ?? NONE).map((one) => [one.uuid, one.name]));
  }

  private unsaved(group: Group) {
    const id = group["object-id"];
    if (!mayWrite() || !draftOf(id)) return nothing;
    return html`<div class="draft spread">
      <p>${t("You began to change this group and did not save it.")}</p>
      <span class="row">
        <button type="button" @click=${() => this.hands.edit(id)}>${t("Go on")}</button>
        <button class="plain" type="button" @click=${() => (forget(id), this.requestUpdate())}>${t("Discard")}</button>
      </span>
    </div>`;
  }

  private goals(group: Group) {
    const classes = this.classes.value?.["service-classes"];
    const managed = activePolicy(group) !== null;
    return html`<section>
      <h2>${t("Service classes")}</h2>
      ${!managed
        ? html`<hpm-empty
            heading=${t("The group is unmanaged")}
            text="${t("It has no active policy: its servers keep their shares, and are neither squeezed nor helped.")} ${mayWrite()
              ? t("First step: give it a policy.")
              : ""}"
          >
            ${mayWrite()
              ? html`<button class="primary" type="button" @click=${() => this.hands.edit(group["object-id"], "policy")}>${t("Choose a policy")}</button>`
              : nothing}
          </hpm-empty>`
        : classes
          ? html`<hpm-group-classes
              .classes=${classes}
              group=${group["object-id"]}
              .unfolded=${this.asked("classes") ? this.asked("classes").split("/") : []}
              @unfold=${(event: CustomEvent<string[]>) => this.ask({ classes: event.detail.join("/") })}
            ></hpm-group-classes>`
          : this.classes.error
            ? html`<hpm-problem .what=${t("The service classes cannot be shown.")} .error=${this.classes.error} @retry=${() => this.classes.refresh()}></hpm-problem>`
            : html`<hpm-skeleton rows="2"></hpm-skeleton>`}
    </section>`;
  }

  private history(group: Group) {
    if (!activePolicy(group)) return nothing;
    const metrics = this.metrics.value?.metrics;
    return html`<section class="stack">
      ${metrics ? html`<hpm-group-attainment .metrics=${metrics}></hpm-group-attainment>` : nothing}
      <hpm-group-history
        group=${group["object-id"]}
        .classes=${activePolicy(group)!["service-classes"]}
        name=${group.name}
        from=${this.asked("from")}
        to=${this.asked("to")}
        chosen=${this.asked("class")}
        @range=${(event: CustomEvent<RangeWords>) => this.ask({ ...event.detail }, "push")}
        @class=${(event: CustomEvent<string>) => this.ask({ class: event.detail })}
      ></hpm-group-history>
    </section>`;
  }

  private members() {
    const servers = this.servers;
    if (!servers) {
      return mirror.error
        ? html`<hpm-problem .what=${t("The servers cannot be shown.")} .error=${mirror.error} @retry=${mirror.ask}></hpm-problem>`
        : html`<hpm-skeleton rows="4"></hpm-skeleton>`;
    }
    return html`<section>
      <h2>${t("Virtual servers")} <span class="dim">(${fixed(servers.length)})</span></h2>
      ${servers.length === 0
        ? html`<hpm-empty heading=${t("No servers yet")} text=${t("The group does nothing until it has servers. First step: choose them.")}>
            ${mayWrite() && !this.group.value!["is-default"]
              ? html`<button class="primary" type="button" @click=${() => this.hands.edit(this.place.id, "servers")}>${t("Choose servers")}</button>`
              : nothing}
          </hpm-empty>`
        : html`${this.bar(servers.length)}${this.table(this.found(servers))}`}
    </section>`;
  }

  private bar(all: number) {
    const moving = this.chosen();
    return html`<div class="bar spread">
      ${all > 10
        ? html`<input
            type="search"
            aria-label=${t("Filter servers")}
            placeholder=${t("Filter by name")}
            .value=${this.asked("q")}
            @input=${(event: InputEvent) => this.ask({ q: (event.target as HTMLInputElement).value })}
          />`
        : html`<span></span>`}
      ${moving.length > 0
        ? html`<button type="button" @click=${() => this.move(moving)}>${plural("Move {n} server to…", "Move {n} servers to…", moving.length)}</button>`
        : mayWrite()
          ? html`<span class="help">${t("Drag servers to move them to another group, or use their menu.")}</span>`
          : nothing}
    </div>`;
  }

  /** Those that are searched for; the same array until they are others. */
  private found(servers: readonly Row[]): readonly Row[] {
    const wanted = this.asked("q").trim().toLocaleLowerCase();
    if (!wanted) return servers;
    if (servers !== this.searched.of || wanted !== this.searched.wanted) {
      this.searched = { of: servers, wanted, rows: servers.filter((one) => one.name.toLocaleLowerCase().includes(wanted)) };
    }
    return this.searched.rows;
  }
  private searched: { of: readonly Row[]; wanted: string; rows: readonly Row[] } = { of: [], wanted: "", rows: [] };

  private table(servers: readonly Row[]) {
    const may = mayWrite();
    this.columns ??= serverColumns(may ? (event, server) => this.dragged(event, server) : null, () => (this.dragging = false));
    return html`<hpm-table
      label=${t("Virtual servers of the group")}
      .columns=${this.columns}
      .rows=${servers}
      .keyOf=${(row: Row) => row.uuid}
      .nameOf=${(row: Row) => row.name}
      .rowClass=${rowLook}
      .sort=${this.asked("sort")}
      .selected=${may ? this.selected : null}
      .actions=${may ? (row: Row) => [{ label: t("Move to…"), run: () => this.move([memberOf(row)]) }] : null}
      opens
      @open=${(event: CustomEvent<Row>) => this.go("servers", event.detail.uuid)}
      @sort=${(event: CustomEvent<string>) => this.ask({ sort: event.detail })}
      @select=${(event: CustomEvent<Set<string>>) => (this.selected = event.detail)}
    ></hpm-table>`;
  }

  private latest(group: Group) {
    const found = this.adjustments.value?.["dynamic-resource-adjustments"];
    if (!found && !this.adjustments.error) return nothing;
    return html`<section>
      <h2>${t("Latest adjustments")}</h2>
      ${this.adjustments.error && !found
        ? html`<hpm-problem .what=${t("The adjustments cannot be shown.")} .error=${this.adjustments.error} @retry=${() => this.adjustments.refresh()}></hpm-problem>`
        : found!.length === 0
          ? html`<p class="dim">${t("hpm has adjusted nothing for this group yet.")}</p>`
          : html`<ol class="plain-list">
                ${found!.map(
                  (one) => html`<li>
                    <span class="help" title=${exact(one.time)}>${ago(one.time)}</span>
                    <a href=${link("adjustments", String(one["object-id"]))}>${adjustmentSentences(one)[0]}</a>
                    ${adjustmentSentences(one).slice(1).join(" ")}
                  </li>`,
                )}
              </ol>
              <p><a href=${link("adjustments", "", { group: group["object-id"] })}>${t("All adjustments of this group")}</a></p>`}
    </section>`;
  }

  /** The servers of the group, by name; undefined: not known yet. */
  private get servers(): readonly Row[] | undefined {
    const groups = this.looking.groups;
    return groups && (groups.get(this.place.id) ?? NONE);
  }

  private get summary(): GroupSummary | undefined {
    return this.groups.value?.["workload-resource-groups"].find((one) => one["object-id"] === this.place.id);
  }

  private get others(): readonly GroupSummary[] {
    return (this.groups.value?.["workload-resource-groups"] ?? []).filter((one) => one["object-id"] !== this.place.id);
  }

  /** The selected servers that are still in the group. */
  private chosen(): Member[] {
    if (this.selected.size === 0) return [];
    return (this.servers ?? []).filter((one) => this.selected.has(one.uuid)).map(memberOf);
  }

  private move(servers: readonly Member[]): void {
    this.hands.ask(moveQuestion(servers, this.others, this.place.id));
  }

  /** One that is selected takes the others that are along. */
  private dragged(event: DragEvent, server: Row): void {
    drag(event, this.selected.has(server.uuid) ? this.chosen() : [memberOf(server)]);
    // later, or the strip that is put under the pointer ends the dragging at once (Chromium)
    setTimeout(() => (this.dragging = true));
  }

  private readonly changed = (): void => {
    for (const one of [this.group, this.groups, this.classes, this.metrics]) void one.refresh();
    void mirror.ask();
  };
}
