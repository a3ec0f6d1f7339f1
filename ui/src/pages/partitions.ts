/** Partitions of the host: the tree of all (`#/partitions`), and one with all that is known of it (`#/partitions/ID`). */

import { Looking } from "../api/looking";
import { mirror, type Row } from "../api/mirror";
import { Resource } from "../api/resource";
import type { GroupSummary, HostMetrics, Partition, PartitionList } from "../api/types";
import { idOf } from "../api/uris";
import { mayWrite } from "../base/app";
import { css, customElement, html, nothing, query } from "../base/element";
import { fixed, MIB } from "../base/format";
import { complain } from "../base/notices";
import { link, PageElement } from "../base/page";
import { plural, t } from "../base/texts";
import { serverColumns } from "../groups/server-columns";
import { partitionActions, type Hands } from "../partitions/actions";
import type { PartitionChangeDialog } from "../partitions/change";
import "../partitions/change";
import type { PartitionCreateDialog } from "../partitions/create";
import "../partitions/create";
import { howSentence, lineage, nameOf, PARTITIONS, ROOT } from "../partitions/data";
import { DETAIL, effectiveFacts, nowFacts, parameterTable } from "../partitions/detail";
import type { PartitionEditDialog } from "../partitions/edit";
import "../partitions/edit";
import type { GroupName } from "../partitions/parameters";
import "../partitions/tree";
import type { Column } from "../parts/table";
import { rowLook } from "../servers/columns";

@customElement("hpm-partitions")
export class PartitionsPage extends PageElement {
  private told = "";
  /** Paths of partitions by their ids, also of those that are gone: for where to go then. */
  private readonly paths = new Map<string, string>();
  @query("hpm-partition-create") private creating!: PartitionCreateDialog | null;
  @query("hpm-partition-edit") private editing!: PartitionEditDialog | null;
  @query("hpm-partition-change") private changing!: PartitionChangeDialog | null;
  private readonly list = new Resource<PartitionList>(this, () => PARTITIONS);
  private readonly groups = new Resource<{ "workload-resource-groups": GroupSummary[] }>(this, () => "/workload-resource-groups", {
    kinds: ["workload-resource-group", "workload-resource-group-removed"],
    ticks: false,
  });
  private readonly host = new Resource<HostMetrics>(this, () => "/metrics/raw/hypervisor", { ticks: false });
  private readonly looking = new Looking(this, () => this.place.id !== "");
  private columns: Column<Row>[] | null = null;

  static override styles = [
    PageElement.styles,
    ...DETAIL,
    css`
      .crumbs {
        font-size: var(--small);
        margin-bottom: 4px;
      }
      .crumbs a {
        text-decoration: underline;
      }
      .panels {
        display: grid;
        gap: var(--gap);
        grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr));
      }
      .note {
        padding: 8px 12px;
        border: 1px solid var(--edge);
        border-inline-start-width: 6px;
      }
    `,
  ];

  protected override does(what: string): boolean {
    if (!this.list.value || !this.creating) return false;
    if (what === "create") this.creating.open(this.list.value);
    return true;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.told = "";
  }

  override updated(): void {
    const name = this.one?.path ?? "";
    if (name !== this.told) this.named(name);
    this.told = name;
  }

  private get one(): Partition | undefined {
    return this.list.value?.partitions.find((one) => one["object-id"] === this.place.id);
  }

  private get groupNames(): ReadonlyMap<string, GroupSummary> {
    return new Map(this.groups.value?.["workload-resource-groups"].map((one) => [one["object-id"], one]));
  }

  private get hostMib(): number | null {
    const size = this.host.value?.metrics["memory-size"];
    return typeof size === "number" ? size / MIB : null;
  }

  private get measured(): number {
    return this.list.measured;
  }

  override render() {
    const list = this.list.value;
    if (!list) {
      return html`<hpm-head heading=${t("Partitions")}></hpm-head>
        ${this.list.error
          ? html`<hpm-problem .what=${t("The partitions cannot be shown.")} .error=${this.list.error} @retry=${() => this.list.refresh()}></hpm-problem>`
          : html`<hpm-skeleton rows="8"></hpm-skeleton>`}`;
    }
    for (const one of list.partitions) this.paths.set(one["object-id"], one.path);
    return html`${this.place.id === "" ? this.all(list) : this.detail(list)}
    ${mayWrite()
      ? html`<div @saved=${this.saved}>
          <hpm-partition-create></hpm-partition-create>
          <hpm-partition-edit></hpm-partition-edit>
          <hpm-partition-change></hpm-partition-change>
        </div>`
      : nothing}`;
  }

  /** Whether partitions can be made on this host. */
  private able(list: PartitionList): boolean {
    return !list.how.startsWith("none:");
  }

  private all(list: PartitionList) {
    const others = list.partitions.filter((one) => one.path !== ROOT);
    const create = mayWrite() && this.able(list);
    return html`<hpm-head
        heading=${t("Partitions")}
        .sentence=${this.sentence(others)}
        .measured=${this.measured}
        .problem=${list.problem}
        .error=${this.list.error}
      >
        ${create && others.length > 0
          ? html`<button slot="actions" class="primary" type="button" @click=${() => this.hands.create(ROOT)}>${t("Create a partition")}</button>`
          : nothing}
      </hpm-head>
      <div class="stack">
        ${this.able(list) ? nothing : html`<p class="note">${t("This host has no partitions to make. {why}", { why: list.how })}</p>`}
        ${others.length === 0 && this.able(list)
          ? html`<hpm-empty
              heading=${t("There is no partition yet")}
              text=${t("A partition is a place on the host for several virtual servers, whose weight, cap, reserve, memory and disk limits hold for all of them together. Two partitions of equal weight share the host equally, whatever the number of servers in each. A workload resource group can be backed by one.")}
            >
              ${create ? html`<button class="primary" type="button" @click=${() => this.hands.create(ROOT)}>${t("Create the first partition")}</button>` : nothing}
            </hpm-empty>`
          : nothing}
        ${this.tree(list, t("Partitions of the host"), "")}
        ${this.able(list) ? html`<p class="help">${howSentence(list)}</p>` : nothing}
      </div>`;
  }

  private sentence(others: readonly Partition[]): string {
    const drifted = others.filter((one) => one.drift.length > 0).map((one) => one.path);
    const count = others.length === 0 ? "" : plural("There is {n} partition below {root}.", "There are {n} partitions below {root}.", others.length, { root: ROOT });
    const drift = drifted.length > 0 ? plural("In {n} of them somebody changed what is in force.", "In {n} of them somebody changed what is in force.", drifted.length) : "";
    return `${count} ${drift}`.trim();
  }

  private tree(list: PartitionList, label: string, below: string) {
    const folded = this.asked("folded");
    return html`<hpm-partition-tree
      label=${label}
      .all=${list.partitions}
      .below=${below}
      .groups=${this.groupNames}
      .hostMib=${this.hostMib}
      .folded=${new Set(folded ? folded.split(" ") : [])}
      .actions=${mayWrite() && this.able(list) ? (one: Partition) => partitionActions(one, list, this.hands) : null}
      @fold=${(event: CustomEvent<string[]>) => this.ask({ folded: event.detail.join(" ") })}
      @open=${(event: CustomEvent<Partition>) => this.go("partitions", event.detail["object-id"])}
    ></hpm-partition-tree>`;
  }

  private detail(list: PartitionList) {
    const { one } = this;
    const path = one?.path ?? this.paths.get(this.place.id) ?? "";
    const known = new Map(list.partitions.map((other) => [other.path, other["object-id"]]));
    const crumbs = html`<nav class="crumbs" aria-label=${t("Breadcrumb")}>
      <a href=${link("partitions")}>${t("Partitions")}</a>
      ${lineage(path || "/").filter(Boolean).map((step) => {
        const id = known.get(step);
        return html`<span aria-hidden="true">›</span> ${step === path
            ? html`<span aria-current="page">${nameOf(step)}</span>`
            : id
              ? html`<a href=${link("partitions", id)}>${nameOf(step)}</a>`
              : nameOf(step)} `;
      })}
    </nav>`;
    if (!one) {
      return html`${crumbs}<hpm-head .heading=${path || t("Partition")}></hpm-head>
        <hpm-empty heading=${t("There is no such partition")} text=${t("It was destroyed and is not defined, or it never was.")}>
          <a class="button" href=${link("partitions")}>${t("To all partitions")}</a>
        </hpm-empty>`;
    }
    const may = mayWrite() && this.able(list);
    const change = may && one.path !== ROOT ? (group: GroupName) => void this.change(one, group, list) : null;
    return html`${crumbs}
      <hpm-head .heading=${one.path} .sentence=${one.description} .measured=${this.measured} .problem=${list.problem} .error=${this.list.error}>
        ${may ? html`<hpm-menu slot="actions" .label=${t("Actions")} .of=${one.path} .actions=${partitionActions(one, list, this.hands)}></hpm-menu>` : nothing}
      </hpm-head>
      <div class="stack">
        ${this.notes(one)}
        <div class="panels">
          <section class="panel">
            <h2>${t("Now")}</h2>
            ${nowFacts(one, list, this.groupNames, this.hostMib)}
          </section>
          <section class="panel">
            <h2>${t("What it can have at most")}</h2>
            ${effectiveFacts(one, list)}
          </section>
        </div>
        <section class="panel">
          <h2>${t("Parameters of all in it together")}</h2>
          ${one.path === ROOT ? html`<p class="help">${t("hpm shows those of the root, and does not change them.")}</p>` : nothing}
          ${parameterTable(one, list, change)}
        </section>
        ${one.children.length > 0
          ? html`<section>
              <h2>${t("Partitions in it")}</h2>
              ${this.tree(list, t("Partitions in {path}", { path: one.path }), one.path)}
            </section>`
          : nothing}
        ${this.members(one)}
      </div>`;
  }

  private notes(one: Partition) {
    if (one.drift.length > 0) {
      return html`<p class="note" role="status">${t("What is in force is not what is configured: {names}. Somebody else changed it, or it was changed only live.", { names: one.drift.join(", ") })}</p>`;
    }
    if (one.state === "active" && !one.persistent && one.path !== ROOT) {
      return html`<p class="note" role="status">${t("It is transient: it ends with the host, and nothing is kept of it.")}</p>`;
    }
    if (one.state === "inactive") return html`<p class="note" role="status">${t("It is defined, and not there: create it before a server can stand in it.")}</p>`;
    return nothing;
  }

  /** The servers that stand directly in it. */
  private members(one: Partition) {
    const uuids = new Set(one["virtual-servers"].map(idOf));
    const rows = uuids.size > 0 && this.looking.groups ? mirror.rows.filter((row) => uuids.has(row.uuid)) : [];
    this.columns ??= serverColumns(null, () => {});
    return html`<section>
      <h2>${t("Virtual servers in it")} <span class="dim">(${fixed(uuids.size)})</span></h2>
      ${uuids.size === 0
        ? html`<p class="dim">${t("None stands in it itself. A server is put here on its own page, and stands here from its next start on.")}</p>`
        : rows.length === 0
          ? mirror.error
            ? html`<hpm-problem .what=${t("The servers cannot be shown.")} .error=${mirror.error} @retry=${mirror.ask}></hpm-problem>`
            : html`<hpm-skeleton rows="4"></hpm-skeleton>`
          : html`<hpm-table
              label=${t("Virtual servers in {path}", { path: one.path })}
              .columns=${this.columns}
              .rows=${rows}
              .keyOf=${(row: Row) => row.uuid}
              .nameOf=${(row: Row) => row.name}
              .rowClass=${rowLook}
              .sort=${this.asked("sort")}
              opens
              @open=${(event: CustomEvent<Row>) => this.go("servers", event.detail.uuid)}
              @sort=${(event: CustomEvent<string>) => this.ask({ sort: event.detail })}
            ></hpm-table>`}
    </section>`;
  }

  private readonly hands: Hands = {
    create: (above) => this.list.value && this.creating?.open(this.list.value, above),
    edit: (one) => void this.editing?.open(one["object-id"]).catch((error: unknown) => complain(t("The dialog cannot be opened."), error)),
    done: () => void this.list.refresh(),
  };

  private async change(one: Partition, group: GroupName, list: PartitionList): Promise<void> {
    try {
      await this.changing?.open(one, group, list.lacking);
    } catch (error) {
      complain(t("The dialog cannot be opened."), error);
    }
  }

  private readonly saved = (): void => void this.list.refresh();
}
