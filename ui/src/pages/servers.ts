/** All virtual servers of the host: a table that can be searched, filtered and sorted, with what can be done to many. */

import { LeftAlone } from "../api/leftalone";
import { mirror, type Row } from "../api/mirror";
import { Resource } from "../api/resource";
import type { GroupSummary, StartJob } from "../api/types";
import { mayWrite } from "../base/app";
import { cache, css, customElement, html, nothing, query, state, type PropertyValues } from "../base/element";
import { complain, tell } from "../base/notices";
import { PageElement } from "../base/page";
import { locale, plural, t } from "../base/texts";
import type { Action } from "../parts/menu";
import type { Column, TablePart } from "../parts/table";
import "../server/goal";
import "../server/limits";
import "../server/move";
import { tellSaved } from "../server/actions";
import type { Saved, ServerDialog } from "../server/dialog";
import { actionsOf } from "../servers/actions";
import type { BulkDialog, BulkKind } from "../servers/bulk-dialog";
import "../servers/bulk-dialog";
import { rowLook, serverColumns } from "../servers/columns";
import { classesOf, filtered, tally, wantedOf, wantsAll, WORDS, type Wanted } from "../servers/filter";
import { poweredServers } from "../starts/actions";
import type { PowerPart } from "../starts/power";
import { groupOf } from "../starts/words";
import { filterBar, filterStyle, NOTHING } from "../servers/filter-bar";

type Groups = { "workload-resource-groups": GroupSummary[] };

/** Milliseconds after the last letter until the search stands in the URL: browsers refuse to change it too often. */
const TYPED = 300;
const BY_NAME = "name";

@customElement("hpm-servers")
export class ServersPage extends PageElement {
  @state() private typed: string | null = null; // the name that is searched, while it is not in the URL yet
  @state() private selected: ReadonlySet<string | number> = new Set();
  @state() private unfolded = false;
  @query("hpm-table") private table!: TablePart<Row> | null;
  @query("hpm-servers-bulk") private bulk!: BulkDialog;
  @query("hpm-server-move") private move!: ServerDialog;
  @query("hpm-server-limits") private limits!: ServerDialog;
  @query("hpm-server-goal") private goal!: ServerDialog;
  @query("hpm-power") private power!: PowerPart;
  private readonly groups = new Resource<Groups>(this, () => (this.place.id ? null : "/workload-resource-groups"), {
    kinds: ["workload-resource-group", "workload-resource-group-removed"],
  });
  private readonly leftAlone = new LeftAlone();
  private stopLooking: (() => void) | null = null;
  private soon = 0;
  private shown: readonly Row[] = [];
  /** The same, but while there are none, the last ones, in a hidden table: to make all rows anew takes a long frame. */
  private inTable: readonly Row[] = [];
  private shownOf = "";
  private columns: Column<Row>[] = [];
  private columnsOf: unknown[] = [];

  static override styles = [
    PageElement.styles,
    filterStyle,
    css`
      .many {
        padding: 4px 12px;
        margin-bottom: 8px;
        background: var(--chosen);
        border-radius: var(--radius);
      }
      code {
        user-select: all;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    mirror.addEventListener("change", this.changed);
    this.leftAlone.addEventListener("change", this.changed);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    mirror.removeEventListener("change", this.changed);
    this.leftAlone.removeEventListener("change", this.changed);
    this.look(false);
    clearTimeout(this.soon);
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("place") && this.soon === 0) this.typed = null;
    this.look(!this.place.id);
    if (this.place.id) {
      // or what was being typed would get into the server's URL
      clearTimeout(this.soon);
      this.soon = 0;
      this.removeAttribute("stale"); // which is that of the list; one server has its own
      return;
    }
    const wanted = this.wanted();
    const { reasons } = this.leftAlone;
    const filter = JSON.stringify(wanted);
    const now = `${mirror.version} ${reasons?.size} ${filter}`;
    if (now !== this.shownOf) {
      if (this.shownOf && !this.shownOf.endsWith(` ${filter}`)) this.table?.toTop();
      this.shown = filtered(mirror.rows, wanted, reasons);
      this.shownOf = now;
      if (this.shown.length > 0 || wantsAll(wanted)) this.inTable = this.shown;
    }
    this.arrangeColumns();
  }

  override render() {
    // the list is put aside meanwhile, and comes back as it was left
    return html`${cache(this.place.id ? html`<hpm-server .place=${this.place}></hpm-server>` : this.list())}`;
  }

  /** What is to be done with one server, its page does. */
  protected override does(): boolean {
    return this.place.id === "";
  }

  /** Moves the focus to what is shown: the list, or one server. */
  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>(this.place.id ? "hpm-server" : "hpm-head")?.focus();
  }

  override focusSearch(): void {
    const server = this.renderRoot.querySelector<PageElement>("hpm-server");
    if (server) server.focusSearch?.();
    else super.focusSearch();
  }

  private list() {
    return html`<hpm-head
        heading=${t("Virtual servers")}
        sentence=${this.sentence()}
        .measured=${mirror.measured}
        .problem=${mirror.problem}
        .error=${mirror.complete ? mirror.error : undefined}
      ></hpm-head>
      <hpm-start-strip
        .groups=${this.groups.value?.["workload-resource-groups"] ?? []}
        @job=${this.showJob}
      ></hpm-start-strip>
      ${this.content()}
      ${mayWrite() ? this.dialogs() : nothing}
      <hpm-power @begun=${() => void mirror.ask()}></hpm-power>`;
  }

  private dialogs() {
    return html`<hpm-servers-bulk @done=${this.left}></hpm-servers-bulk>
      <hpm-server-move @saved=${this.saved}></hpm-server-move>
      <hpm-server-limits @saved=${this.saved}></hpm-server-limits>
      <hpm-server-goal @saved=${this.saved}></hpm-server-goal>`;
  }

  private content() {
    if (!mirror.complete) {
      return mirror.error
        ? html`<hpm-problem .what=${t("The virtual servers cannot be read.")} .error=${mirror.error} @retry=${mirror.ask}></hpm-problem>`
        : html`<hpm-skeleton rows="12"></hpm-skeleton>`;
    }
    if (mirror.rows.length === 0) return empty();
    const groups = this.groups.value?.["workload-resource-groups"] ?? [];
    const wanted = this.wanted();
    const none = this.shown.length === 0 && !wantsAll(wanted);
    return html`${filterBar({
        wanted, groups, classes: classesOf(mirror.rows, wanted.group), counted: this.counted(), unfolded: this.unfolded,
        change: this.filter, unfold: () => (this.unfolded = !this.unfolded),
      })}
      ${this.leftAlone.error ? html`<p class="wrong" role="alert">${t("It is not known which servers are left alone:")} ${this.leftAlone.error.message}</p>` : nothing}
      ${this.selected.size > 0 ? this.many() : nothing}
      <hpm-table
        ?hidden=${none}
        label=${t("Virtual servers")}
        .columns=${this.columns}
        .rows=${this.inTable}
        .keyOf=${keyOf}
        .nameOf=${nameOf}
        .rowClass=${rowLook}
        .sort=${this.asked("sort") || BY_NAME}
        .selected=${this.selected}
        .actions=${mayWrite() ? this.actions : null}
        opens
        @sort=${(event: CustomEvent<string>) => this.ask({ sort: event.detail === BY_NAME ? "" : event.detail })}
        @select=${(event: CustomEvent<ReadonlySet<number>>) => (this.selected = event.detail)}
        @open=${(event: CustomEvent<Row>) => this.go("servers", event.detail.uuid)}
      ></hpm-table>
      ${none
        ? html`<hpm-empty heading=${t("No virtual server is like that")} text=${t("Other filters, or none, show others.")}>
            <button class="primary" type="button" @click=${() => this.filter(NOTHING)}>${t("Clear all filters")}</button>
          </hpm-empty>`
        : nothing}`;
  }

  /** What can be done to the selected servers. */
  private many() {
    const rows = this.chosen();
    const there = new Set(this.shown.map(keyOf));
    const hidden = rows.filter((row) => !there.has(keyOf(row))).length;
    return html`<div class="many row" role="group" aria-label=${t("Selected virtual servers")}>
      <strong role="status">${plural("{n} selected", "{n} selected", rows.length)}</strong>
      ${hidden > 0 ? html`<span>${plural("one of them is not shown now", "{n} of them are not shown now", hidden)}</span>` : nothing}
      ${mayWrite()
        ? html`<button type="button" @click=${() => void this.power.start(poweredServers(rows))}>${t("Start")}</button>
            <button type="button" @click=${() => this.change("group", rows)}>${t("Put in a group…")}</button>
            <button type="button" @click=${() => this.change("exclude", rows)}>${t("Leave alone…")}</button>
            <button type="button" @click=${() => this.change("manage", rows)}>${t("Manage again…")}</button>
            <button class="danger" type="button" @click=${() => void this.power.stop(poweredServers(rows))}>${t("Stop…")}</button>`
        : nothing}
      <button type="button" @click=${this.copy}>${t("Copy")}</button>
      <button class="plain" type="button" @click=${() => (this.selected = new Set())}>${t("Select none")}</button>
    </div>`;
  }

  // -- what is looked at

  private readonly changed = (): void => this.requestUpdate();

  private look(now: boolean): void {
    if (now && !this.stopLooking && this.isConnected) this.stopLooking = mirror.look();
    else if (!now) {
      this.stopLooking?.();
      this.stopLooking = null;
    }
    this.leftAlone.want(now && this.isConnected && this.wanted().leftAlone);
  }

  private wanted(): Wanted {
    const wanted = wantedOf(this.place.query);
    return this.typed === null ? wanted : { ...wanted, name: this.typed };
  }

  private readonly filter = (change: Partial<Wanted>): void => {
    clearTimeout(this.soon);
    this.soon = 0;
    const { name } = change;
    if (name !== undefined && Object.keys(change).length === 1 && name) {
      this.typed = name;
      this.soon = window.setTimeout(() => this.write({}), TYPED);
    } else this.write(change);
  };

  /** Puts the filters in the URL, with a search that was not there yet. */
  private write(change: Partial<Wanted>): void {
    this.soon = 0;
    const next = { ...this.wanted(), ...change };
    // what was typed is forgotten when the URL has come back as the page's place: shown in between would be the search
    // before, in the very field in which somebody types
    this.ask({
      [WORDS.name]: next.name, [WORDS.group]: next.group, [WORDS.class]: next.class, [WORDS.status]: next.status,
      [WORDS.state]: next.state, [WORDS.leftAlone]: next.leftAlone ? "yes" : "",
    });
  }

  private arrangeColumns(): void {
    const of = [this.groups.value, this.leftAlone.reasons];
    if (this.columns.length > 0 && of.every((one, at) => one === this.columnsOf[at])) return;
    const groups = this.groups.value?.["workload-resource-groups"] ?? [];
    this.columns = serverColumns(new Map(groups.map((one) => [one["object-id"], one.name])), this.leftAlone.reasons);
    this.columnsOf = of;
  }

  private sentence(): string {
    if (!mirror.complete || mirror.rows.length === 0) return "";
    const unknown = mirror.stale === 0 ? "" : plural("Of {n} server it is not known how it is now.", "Of {n} servers it is not known how they are now.", mirror.stale);
    return `${this.goals()} ${unknown}`.trim();
  }

  private goals(): string {
    const { missed, goals } = tally(mirror.rows);
    if (goals === 0) return t("No server has a goal yet: groups without a policy are only watched.");
    if (missed === 0) return plural("The goal of one server is met.", "The goals of all {n} servers that have one are met.", goals);
    return plural("{n} of {all} servers misses its goal.", "{n} of {all} servers miss their goals.", missed, { all: goals.toLocaleString(locale()) });
  }

  private counted(): string {
    const { length } = mirror.rows;
    if (this.shown.length === length) return plural("{n} virtual server", "{n} virtual servers", length);
    return plural("{shown} of {n} virtual server", "{shown} of {n} virtual servers", length, { shown: this.shown.length.toLocaleString(locale()) });
  }

  // -- what is done

  private chosen(): Row[] {
    return mirror.rows.filter((row) => this.selected.has(keyOf(row)));
  }

  private readonly actions = (row: Row): Promise<Action[]> =>
    actionsOf(row, () => ({ move: this.move, limits: this.limits, goal: this.goal, power: this.power }));

  private readonly saved = (event: CustomEvent<Saved>): void => {
    tellSaved(event.detail, () => void mirror.ask());
    void mirror.ask();
  };

  private readonly showJob = ({ detail: job }: CustomEvent<StartJob>): void => {
    this.power.show(job["object-id"], groupOf(job, this.groups.value?.["workload-resource-groups"]) ?? "");
  };

  private change(kind: BulkKind, rows: readonly Row[]): void {
    this.bulk.show(kind, rows, this.groups.value?.["workload-resource-groups"] ?? []);
  }

  /** What could not be changed stays selected. */
  private readonly left = (event: CustomEvent<Row[]>): void => {
    if (this.selected.size > 0) this.selected = new Set(event.detail.map(keyOf));
  };

  private readonly copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(this.table!.copied());
      tell(plural("One row is copied.", "{n} rows are copied.", this.selected.size));
    } catch (error) {
      complain(t("Not copied."), error);
    }
  };
}

const keyOf = (row: Row): number => row.number;
const nameOf = (row: Row): string => row.name;

function empty() {
  return html`<hpm-empty
    heading=${t("This host has no virtual servers")}
    text=${t("hpm shows what libvirt has, within seconds. Define or start a guest, for example with virt-install or virsh.")}
  >
    <p class="help">
      ${t("To try hpm without guests:")} <code>hpm serve --connect simulated:50</code>
    </p>
    <button class="primary" type="button" @click=${mirror.ask}>${t("Look again")}</button>
  </hpm-empty>`;
}
