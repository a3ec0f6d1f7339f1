/** Who needs whom before it starts: drawn, and as a table; and the jobs that start and stop servers in that order. */

import { Resource } from "../api/resource";
import type { DependencyGraph, GroupSummary, StartJob, StartJobList } from "../api/types";
import { css, customElement, html, nothing } from "../base/element";
import { order, some } from "../base/format";
import { link, PageElement } from "../base/page";
import { plural, t } from "../base/texts";
import "../dependencies/graph";
import { around } from "../dependencies/layout";
import { knotsOf, needsId, STANDING_SHAPES, standingOf, standingWord, waitsId, whenItStops, type Knot } from "../dependencies/words";
import type { Column } from "../parts/table";
import "../starts/job";
import { groupOf } from "../starts/words";

/** So many servers are drawn at most: of more, nobody finds one in a picture. */
const DRAWN = 80;
const NAMES = 4;
/** Jobs that are over and are still shown. */
const OVER = 5;

@customElement("hpm-dependencies")
export class DependenciesPage extends PageElement {
  private readonly graph = new Resource<DependencyGraph>(this, () => "/dependencies", { kinds: ["virtual-server", "virtual-server-removed", "start-job", "dependency-stopped", "dependency-cycle"] });
  private readonly jobs = new Resource<StartJobList>(this, () => "/start-jobs", { kinds: ["start-job"] });
  private readonly groups = new Resource<{ "workload-resource-groups": GroupSummary[] }>(this, () => "/workload-resource-groups", {
    kinds: ["workload-resource-group", "workload-resource-group-removed"],
    ticks: false,
  });
  private known: { of: DependencyGraph | undefined; knots: ReadonlyMap<string, Knot>; rows: readonly Knot[]; drawn: ReadonlyMap<string, Knot>; around: string } = {
    of: undefined,
    knots: new Map(),
    rows: [],
    drawn: new Map(),
    around: "",
  };
  private columns: Column<Knot>[] | null = null;

  static override styles = [
    PageElement.styles,
    css`
      .note a {
        text-decoration: underline;
      }
      .note p + p {
        margin-top: 4px;
      }
      .note {
        padding: 8px 12px;
        border: 1px solid var(--missed);
        border-inline-start-width: 6px;
      }
      section > h2 {
        margin-bottom: 8px;
      }
      hpm-start-job + hpm-start-job {
        margin-top: 12px;
        padding-top: 12px;
        border-top: 1px solid var(--line);
      }
      .only {
        margin-bottom: 8px;
      }
    `,
  ];

  override render() {
    const graph = this.graph.value;
    return html`<hpm-head heading=${t("Dependencies")} .sentence=${graph ? this.sentence(graph) : ""} .error=${this.graph.error}></hpm-head>
      ${graph
        ? html`<div class="stack">${this.cycle(graph)} ${this.running()} ${graph["virtual-servers"].length === 0 ? this.empty() : this.shown(graph)} ${this.over()}</div>`
        : this.graph.error
          ? html`<hpm-problem .what=${t("The dependencies cannot be shown.")} .error=${this.graph.error} @retry=${() => this.graph.refresh()}></hpm-problem>`
          : html`<hpm-skeleton rows="8"></hpm-skeleton>`}`;
  }

  private sentence(graph: DependencyGraph): string {
    const all = graph["virtual-servers"];
    if (all.length === 0) return "";
    const waiting = all.filter((one) => !one.ready).length;
    const said = plural("{n} server needs others, or others need it.", "{n} servers need others, or others need them.", all.length);
    return waiting === 0 ? `${said} ${t("All of them are ready.")}` : `${said} ${plural("{n} is not ready.", "{n} are not ready.", waiting)}`;
  }

  private empty() {
    return html`<hpm-empty
      heading=${t("No server needs another one")}
      text=${t("A server can wait with its start until others are ready, such as a web server for its database, and stop with them. First step: say so in its guest policy, on its own page, or on that of a group.")}
    >
      <a class="button" href=${link("servers")}>${t("To the virtual servers")}</a>
    </hpm-empty>`;
  }

  private cycle(graph: DependencyGraph) {
    if (!graph.cycle) return nothing;
    const ids = new Map(graph["virtual-servers"].map((one) => [one.name, one["object-id"]]));
    const named = (name: string) => (ids.has(name) ? html`<a href=${link("servers", ids.get(name))}>${name}</a>` : name);
    const names = graph.cycle.map((name, at) => html`${at > 0 ? " → " : ""}${named(name)}`);
    return html`<div class="note" role="status">
      <p>▲ ${t("These wait for each other for ever:")} ${names}. ${t("hpm starts none of them; who starts one by other means is let through.")}</p>
      <p>${t("Nobody asked for that: a schedule may have made it, or a server that changed its class. Leave one of these dependencies out, in the guest policy of one of them.")}
        <a href=${link("activity", "", { user: "hpm" })}>${t("When it was noticed")}</a></p>
    </div>`;
  }

  /** What is known of the graph; the same values until it is another, or another part of it is drawn. */
  private knowledge(graph: DependencyGraph) {
    const wanted = this.asked("around");
    if (graph !== this.known.of || wanted !== this.known.around) {
      const compare = order();
      const knots = knotsOf(graph);
      const arrows = graph.dependencies.map((edge) => ({ from: needsId(edge), to: waitsId(edge) }));
      const near = knots.has(wanted) ? around(wanted, arrows) : null;
      const drawn = near ? new Map([...knots].filter(([id]) => near.has(id))) : knots;
      this.known = { of: graph, knots, rows: [...knots.values()].sort((a, b) => compare(a.node.name, b.node.name)), drawn, around: wanted };
    }
    return this.known;
  }

  private shown(graph: DependencyGraph) {
    const { knots, rows, drawn, around: wanted } = this.knowledge(graph);
    const one = knots.get(wanted);
    this.columns ??= columns(() => this.known.knots);
    return html`<section>
        <h2>${t("Who needs whom")}</h2>
        ${one
          ? html`<p class="row only">
              ${t("Only {name}, and what it is connected with.", { name: one.node.name })}
              <button type="button" @click=${() => this.ask({ around: "" }, "push")}>${t("Draw all")}</button>
            </p>`
          : nothing}
        ${drawn.size <= DRAWN
          ? html`<hpm-dependency-graph .knots=${drawn}></hpm-dependency-graph>`
          : html`<p class="dim">${t("There are too many to be drawn at once. Choose one in the table below by its menu, to see what it is connected with.")}</p>`}
      </section>
      <section>
        <h2>${t("The same as a table")}</h2>
        <hpm-table
          label=${t("Dependencies")}
          .columns=${this.columns}
          .rows=${rows}
          .keyOf=${(row: Knot) => row.id}
          .nameOf=${(row: Knot) => row.node.name}
          .sort=${this.asked("sort")}
          .actions=${(row: Knot) => [
            { label: t("Draw only what it is connected with"), run: () => this.ask({ around: row.id }, "push") },
            { label: t("To its page"), run: () => this.go("servers", row.id) },
          ]}
          opens
          @open=${(event: CustomEvent<Knot>) => this.go("servers", event.detail.id)}
          @sort=${(event: CustomEvent<string>) => this.ask({ sort: event.detail })}
        ></hpm-table>
      </section>`;
  }

  private running() {
    const { value, error } = this.jobs;
    if (!value) {
      return error
        ? html`<hpm-problem .what=${t("Start jobs cannot be shown.")} .error=${error} @retry=${() => this.jobs.refresh()}></hpm-problem>`
        : nothing;
    }
    return this.list(t("Being started and stopped now"), value["start-jobs"].filter((one) => one.state === "running"));
  }

  private over() {
    const over = (this.jobs.value?.["start-jobs"] ?? []).filter((one) => one.state !== "running");
    return this.list(t("Last starts and stops"), over.slice(0, OVER));
  }

  private list(heading: string, jobs: readonly StartJob[]) {
    if (jobs.length === 0) return nothing;
    const groups = this.groups.value?.["workload-resource-groups"];
    return html`<section class="panel">
      <h2>${heading}</h2>
      ${jobs.map((one) => html`<hpm-start-job .job=${one} .group=${groupOf(one, groups)} @changed=${() => this.jobs.refresh()}></hpm-start-job>`)}
    </section>`;
  }
}

function columns(knots: () => ReadonlyMap<string, Knot>): Column<Knot>[] {
  const name = (id: string) => knots().get(id)?.node.name ?? id;
  const needs = (row: Knot) => row.needs.map((edge) => t("{name}: {what}", { name: name(needsId(edge)), what: whenItStops(edge) }));
  const neededBy = (row: Knot) => row.neededBy.map((edge) => name(waitsId(edge)));
  return [
    { key: "name", label: t("Name"), width: 144, value: (row) => row.node.name, cell: (row) => html`<a href=${link("servers", row.id)}>${row.node.name}</a>` },
    {
      key: "state", label: t("State"), width: 144, value: (row) => standingOf(row.node), text: (row) => standingWord(row.node),
      cell: (row) => html`<span aria-hidden="true">${STANDING_SHAPES[standingOf(row.node)]}</span> ${standingWord(row.node)}`,
    },
    {
      key: "needs", label: t("Needs"), title: t("What it needs, and what becomes of it when that stops"), from: 700, value: (row) => row.needs.length, text: (row) => needs(row).join("; "),
      cell: (row) => html`<span title=${needs(row).join("; ")}>${some(needs(row), NAMES)}</span>`,
    },
    {
      key: "needed-by", label: t("Needed by"), from: 900, value: (row) => row.neededBy.length, text: (row) => neededBy(row).join(", "),
      cell: (row) => html`<span title=${neededBy(row).join(", ")}>${some(neededBy(row), NAMES)}</span>`,
    },
    { key: "why", label: t("Why it is not ready"), from: 560, value: (row) => row.node.reason, cell: (row) => html`<span title=${row.node.reason ?? ""}>${row.node.reason ?? nothing}</span>` },
  ];
}
