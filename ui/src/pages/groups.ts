/** All workload resource groups: a table by importance, or a board on which servers are moved between them. */

import { Looking } from "../api/looking";
import { mirror } from "../api/mirror";
import { Resource } from "../api/resource";
import type { Group, GroupMetrics, GroupSummary } from "../api/types";
import { mayWrite } from "../base/app";
import { css, customElement, html, nothing, query } from "../base/element";
import { fixed, index, NONE } from "../base/format";
import { link, PageElement } from "../base/page";
import { plural, t } from "../base/texts";
import { importanceWord } from "../base/words";
import { duplicate, groupActions, moveQuestion } from "../groups/actions";
import { DEFAULT, GROUP_KINDS, groupRows, GROUPS, importanceRank, MEMBER_KINDS, type GroupRow, type Member } from "../groups/data";
import { copyOf, draftOf, forget } from "../groups/form";
import type { GroupHandsPart } from "../groups/hands";
import { bullet } from "../parts/bullet";
import { status } from "../parts/status";
import type { Column } from "../parts/table";

const BY_IMPORTANCE = "importance";

@customElement("hpm-groups")
export class GroupsPage extends PageElement {
  @query("hpm-group-hands") private hands!: GroupHandsPart;

  private readonly groups = new Resource<{ "workload-resource-groups": GroupSummary[] }>(this, () => GROUPS, { kinds: MEMBER_KINDS });
  // whole groups may be large: they are read again when somebody changes one
  private readonly details = new Resource<{ "workload-resource-groups": Group[] }>(this, () => `${GROUPS}/detail`, {
    kinds: GROUP_KINDS,
    ticks: false,
  });
  private readonly metrics = new Resource<{ "workload-resource-groups": GroupMetrics[]; problem: string | null }>(
    this,
    () => "/metrics/calculated/workload-resource-groups",
    { kinds: GROUP_KINDS },
  );
  private readonly looking = new Looking(this, () => this.isBoard);

  static override styles = [
    PageElement.styles,
    css`
      .bar {
        margin-bottom: 8px;
      }
      .bar input {
        width: min(20rem, 100%);
      }
      .draft {
        padding: 8px 12px;
        margin-bottom: var(--gap);
        background: var(--soft);
        border-inline-start: 4px solid var(--accent);
      }
      hpm-empty {
        margin-bottom: var(--gap);
      }
    `,
  ];

  private get isBoard(): boolean {
    return this.asked("view") === "servers";
  }

  protected override does(what: string): boolean {
    if (!this.groups.value) return false;
    if (what === "create") this.hands.create();
    return true;
  }

  override render() {
    const summaries = this.groups.value?.["workload-resource-groups"];
    const rows = groupRows(
      summaries ?? [],
      this.details.value?.["workload-resource-groups"] ?? [],
      this.metrics.value?.["workload-resource-groups"] ?? [],
    );
    return html`<hpm-head
        heading=${t("Workload resource groups")}
        sentence=${t("Virtual servers that serve one application, and the policy that says how fast they are to run.")}
        measured=${this.metrics.measured}
        .problem=${this.metrics.value?.problem ?? null}
        .error=${this.metrics.error}
      >
        ${mayWrite()
          ? html`<button slot="actions" class="primary" type="button" @click=${() => this.hands.create()}>${t("Create a group")}</button>`
          : nothing}
      </hpm-head>
      ${this.unsaved("", () => this.hands.create())}
      ${summaries?.map((one) => this.unsaved(copyOf(one["object-id"]), () => void duplicate(one, this.hands)))}
      ${summaries
        ? this.content(rows)
        : this.groups.error
          ? html`<hpm-problem .what=${t("The groups cannot be shown.")} .error=${this.groups.error} @retry=${() => this.groups.refresh()}></hpm-problem>`
          : html`<hpm-skeleton rows="6"></hpm-skeleton>`}
      <hpm-group-hands @saved=${this.changed} @deleted=${this.changed} @closed=${() => this.requestUpdate()}></hpm-group-hands>`;
  }

  /** What was typed for a new group and not saved. */
  private unsaved(id: string, goOn: () => void) {
    const kept = mayWrite() ? draftOf(id) : null;
    if (!kept) return nothing;
    const name = kept.form.name.trim();
    return html`<div class="draft spread">
      <p>${name ? t("You began to create the group {name} and did not save it.", { name }) : t("You began to create a group and did not save it.")}</p>
      <span class="row">
        <button type="button" @click=${goOn}>${t("Go on")}</button>
        <button class="plain" type="button" @click=${() => (forget(id), this.requestUpdate())}>${t("Discard")}</button>
      </span>
    </div>`;
  }

  private content(rows: readonly GroupRow[]) {
    const none = rows.length === 1 && rows[0]!["active-policy"] === null;
    const wanted = this.asked("q").trim().toLocaleLowerCase();
    const found = wanted ? rows.filter((one) => matches(one, wanted)) : rows;
    return html`${none ? this.firstStep(rows[0]!) : nothing}
      <div class="bar spread">
        <input
          type="search"
          aria-label=${t("Filter groups")}
          placeholder=${t("Filter by name, policy or description")}
          .value=${this.asked("q")}
          @input=${(event: InputEvent) => this.ask({ q: (event.target as HTMLInputElement).value })}
        />
        <span class="row">
          <span class="help" role="status">
            ${wanted ? t("{found} of {all} groups", { found: found.length, all: rows.length }) : plural("{n} group", "{n} groups", rows.length)}
          </span>
          <button type="button" aria-pressed=${this.isBoard} @click=${() => this.ask({ view: this.isBoard ? "" : "servers" }, "push")}>
            ${this.isBoard ? t("Show as a table") : t("Show their servers")}
          </button>
        </span>
      </div>
      ${found.length === 0
        ? html`<hpm-empty heading=${t("No group is found")} text=${t("None has this in its name, policy or description.")}>
            <button type="button" @click=${() => this.ask({ q: "" })}>${t("Show all groups")}</button>
          </hpm-empty>`
        : this.isBoard
          ? this.board(found)
          : this.table(found)}`;
  }

  private firstStep(only: GroupRow) {
    const n = only["virtual-server-count"];
    return html`<hpm-empty
      heading=${t("No group has a policy yet")}
      text=${plural(
        "There is {n} server, in the group default. Nothing is managed until a group has a policy. First step: make a group, choose its servers and a policy.",
        "There are {n} servers, all in the group default. Nothing is managed until a group has a policy. First step: make a group, choose its servers and a policy.",
        n,
      )}
    >
      ${mayWrite()
        ? html`<button class="primary" type="button" @click=${() => this.hands.create()}>${t("Create a group")}</button>`
        : html`<p class="dim">${t("An administrator can do that.")}</p>`}
    </hpm-empty>`;
  }

  private table(rows: readonly GroupRow[]) {
    return html`<hpm-table
      label=${t("Workload resource groups")}
      .columns=${this.columns()}
      .rows=${byImportance(rows)}
      .keyOf=${(row: GroupRow) => row["object-id"]}
      .nameOf=${(row: GroupRow) => row.name}
      .sort=${this.asked("sort") || BY_IMPORTANCE}
      .actions=${mayWrite() ? (row: GroupRow) => groupActions(row, () => this.hands) : null}
      opens
      @open=${(event: CustomEvent<GroupRow>) => this.go("groups", event.detail["object-id"])}
      @sort=${(event: CustomEvent<string>) => this.ask({ sort: event.detail === BY_IMPORTANCE ? "" : event.detail })}
    ></hpm-table>`;
  }

  private columns(): Column<GroupRow>[] {
    return [
      { key: "name", label: t("Name"), value: (row) => row.name, cell: (row) => html`<a href=${link("groups", row["object-id"])} title=${row.name}>${row.name}</a>` },
      {
        key: "importance", label: t("Importance"), width: 124, from: 520, value: (row) => importanceRank(row.importance),
        cell: (row) => importanceWord(row.importance),
      },
      {
        key: "status", label: t("Goal"), width: 132, value: (row) => STATUS_ORDER.indexOf(row["goal-status"]),
        cell: (row) => status(row["goal-status"]),
      },
      {
        key: "velocity", label: t("Velocity"), title: t("Of the worst service class, against its goal"), width: 144, from: 640, value: (row) => row.velocity,
        cell: (row) => (row.policies.length > 0 && row["active-policy"] ? bullet(row.velocity, row.goal) : NONE),
      },
      {
        key: "pi", label: t("PI"), title: t("Performance index of the worst service class: up to 1.05 its goal is met"), width: 64, number: true, from: 440,
        value: (row) => row["performance-index"], cell: (row) => index(row["performance-index"]),
      },
      {
        key: "servers", label: t("Servers"), width: 80, number: true, value: (row) => row["virtual-server-count"],
        cell: (row) => fixed(row["virtual-server-count"]),
      },
      { key: "policy", label: t("Active policy"), from: 760, value: (row) => row["active-policy"], cell: (row) => this.policy(row) },
      { key: "description", label: t("Description"), from: 980, value: (row) => row.description || null, cell: (row) => html`<span title=${row.description}>${row.description}</span>` },
    ];
  }

  private policy(row: GroupRow) {
    const name = row["active-policy"];
    return html`${name === null
      ? html`<span class="dim">${t("none")}</span>`
      : html`<a href=${link("policies", row["object-id"])} title=${name}>${name}</a>`}${row.scheduled ? html` <span class="help">${t("by schedule")}</span>` : nothing}`;
  }

  private board(rows: readonly GroupRow[]) {
    const servers = this.looking.groups;
    if (!servers) {
      return mirror.error
        ? html`<hpm-problem .what=${t("The servers cannot be shown.")} .error=${mirror.error} @retry=${mirror.ask}></hpm-problem>`
        : html`<hpm-skeleton rows="6"></hpm-skeleton>`;
    }
    return html`<hpm-group-board
      .groups=${byImportance(rows)}
      .servers=${servers}
      @move=${(event: CustomEvent<Member[]>) =>
        this.hands.ask(moveQuestion(event.detail, this.groups.value?.["workload-resource-groups"] ?? [], event.detail[0]!.group))}
    ></hpm-group-board>`;
  }

  private readonly changed = (): void => {
    void this.groups.refresh();
    void this.details.refresh();
  };
}

/** The order in which goals need attention. */
const STATUS_ORDER = ["missed", "met", "idle", "discretionary", "paused", "unmanaged"];

function matches(row: GroupRow, wanted: string): boolean {
  return [row.name, row["active-policy"] ?? "", row.description].some((text) => text.toLocaleLowerCase().includes(wanted));
}

/** The most important first, by name within one importance, `default` last of its equals. */
function byImportance(rows: readonly GroupRow[]): GroupRow[] {
  const rank = (row: GroupRow) => (importanceRank(row.importance) ?? 9) + (row["object-id"] === DEFAULT ? 0.5 : 0);
  return [...rows].sort((one, other) => rank(one) - rank(other));
}
