/**
 * When a virtual server starts and stops: what it needs and whether that is ready, who needs it, when it is ready
 * itself, its hours; and how a job stands that it is a part of. Dispatches `edit`, and `job` with a job to be shown.
 */

import { Looking } from "../api/looking";
import { mirror } from "../api/mirror";
import { Resource } from "../api/resource";
import type { DependencyGraph, EffectivePolicy, GroupSummary, StartJob, StartPolicy } from "../api/types";
import { idOf } from "../api/uris";
import { mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, type TemplateResult } from "../base/element";
import { fixed, list } from "../base/format";
import { link } from "../base/page";
import { plural, t } from "../base/texts";
import { GROUP_KINDS, GROUPS } from "../groups/data";
import { needName, originWords, readyWords, USUAL_TIMEOUT, windowWords } from "../guest/words";
import { groupOf, jobHeading, jobProgress, phaseWord } from "./words";

const KINDS = ["virtual-server", "workload-resource-group", "start-job", "dependency-stopped", "dependency-cycle"];

type Node = DependencyGraph["virtual-servers"][number];

@customElement("hpm-start-section")
export class StartSection extends HpmElement {
  @property() server = "";
  @property() name = "";
  private readonly effective = new Resource<EffectivePolicy>(this, () => (this.server ? `/virtual-servers/${this.server}/effective-policy` : null), { kinds: KINDS, ticks: false });
  private readonly graph = new Resource<DependencyGraph>(this, () => "/dependencies", { kinds: KINDS });
  private readonly groups = new Resource<{ "workload-resource-groups": GroupSummary[] }>(this, () => GROUPS, { kinds: GROUP_KINDS, ticks: false });
  /** Only while there are ids to be named. */
  private readonly looking = new Looking(this, () => Boolean(this.start?.["depends-on"]?.length));

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
      }
      h2 {
        margin-bottom: 4px;
      }
      dl {
        display: grid;
        grid-template-columns: minmax(7rem, 12rem) minmax(0, 1fr);
        gap: 8px var(--gap);
        margin: 8px 0 0;
      }
      dt {
        font-size: var(--small);
      }
      li + li {
        margin-top: 4px;
      }
      li a {
        text-decoration: underline;
      }
      .ready i {
        color: var(--met);
      }
      .not i {
        color: var(--missed);
      }
      i {
        font-style: normal;
        display: inline-block;
        width: 1.2em;
      }
      @media (max-width: 760px) {
        dl {
          grid-template-columns: minmax(0, 1fr);
          gap: 0;
        }
        dd {
          margin-bottom: 8px;
        }
      }
    `,
  ];

  /** Reads it anew. */
  refresh(): void {
    for (const one of [this.effective, this.graph]) void one.refresh();
  }

  private get start(): StartPolicy | null {
    return this.effective.value?.["guest-policy"].start ?? null;
  }

  override render() {
    const error = this.effective.error ?? this.graph.error;
    const known = this.effective.value && this.graph.value;
    return html`<section class="panel">
      <div class="spread">
        <h2>${t("Start and stop")}</h2>
        ${mayWrite() && known ? html`<button type="button" @click=${() => this.emit("edit")}>${t("Change start and stop…")}</button>` : nothing}
      </div>
      ${known
        ? this.known(this.effective.value!, this.graph.value!)
        : error
          ? html`<hpm-problem .what=${t("When it starts and stops cannot be shown.")} .error=${error} @retry=${() => this.refresh()}></hpm-problem>`
          : html`<hpm-skeleton rows="2"></hpm-skeleton>`}
    </section>`;
  }

  private known(effective: EffectivePolicy, graph: DependencyGraph) {
    const { start } = this;
    const nodes = new Map(graph["virtual-servers"].map((one) => [one["object-id"], one]));
    const needs = graph.dependencies.filter((one) => idOf(one["virtual-server"]) === this.server);
    const needed = graph.dependencies.filter((one) => idOf(one.needs) === this.server);
    const own = nodes.get(this.server);
    const field = effective.fields.find((one) => one.name === "start");
    const facts: [string, TemplateResult | string][] = [];
    if (needs.length > 0) facts.push([t("Starts after"), html`<ul class="plain-list">${needs.map((one) => this.node(nodes.get(idOf(one.needs)), one["when-it-stops"]))}</ul>`]);
    const groups = (start?.["depends-on"] ?? []).filter((one) => one["workload-resource-group"]);
    if (groups.length > 0) facts.push([t("Among them all of"), list(groups.map((one) => needName(one, this.names)))]);
    if (start) facts.push([t("Ready"), html`${readyWords(start.ready)}${own ? html`<br />${this.readiness(own)}` : nothing}`]);
    if (needed.length > 0) {
      const all = needed.map((one) => nodes.get(idOf(one["virtual-server"]))).filter((one) => one !== undefined);
      facts.push([t("Needed by"), html`<ul class="plain-list">${all.map((one) => html`<li><a href=${link("servers", one["object-id"])}>${one.name}</a></li>`)}</ul>`]);
    }
    if (start) {
      const windows = start.windows ?? [];
      facts.push([
        t("Hours"),
        windows.length > 0
          ? `${list(windows.map(windowWords))}; ${start.outside === "suspend" ? t("suspended outside of its hours") : t("stopped outside of its hours")}`
          : t("at any time"),
      ]);
      facts.push([t("With the host"), start.autostart ? t("started in order") : t("not started by hpm")]);
      if (needs.length > 0) {
        const values = { n: fixed(start["timeout-seconds"] ?? USUAL_TIMEOUT) };
        facts.push([
          t("A start by others before that"),
          start["not-ready"] === "wait" ? t("waits, {n}\u00a0s at most", values) : t("is refused; hpm itself waits {n}\u00a0s at most", values),
        ]);
      }
      facts.push([t("Said by"), field ? originWords(field) : ""]);
    }
    return html`${facts.length > 0
        ? html`<dl>${facts.map(([label, value]) => html`<dt>${label}</dt><dd>${value}</dd>`)}</dl>`
        : html`<p class="dim">${t("Nothing is said: it depends on nothing, and hpm starts and stops it only when it is asked to.")}</p>`}
      ${graph.cycle?.includes(this.name) ? html`<p class="wrong">${t("These wait for each other for ever: {names}.", { names: list(graph.cycle) })}</p>` : nothing}`;
  }

  private node(node: Node | undefined, then: string) {
    if (!node) return nothing;
    const stops = then === "stop" ? t("when it stops, this one is stopped first") : "";
    return html`<li><a href=${link("servers", node["object-id"])}>${node.name}</a> ${this.readiness(node)} ${stops ? html`<span class="help">${stops}</span>` : nothing}</li>`;
  }

  private readiness(node: Node) {
    return html`<span class=${node.ready ? "ready" : "not"}><i aria-hidden="true">${node.ready ? "●" : "▲"}</i>${node.ready ? t("ready") : t("not ready")}</span>
      ${node.reason ? html`<span class="help">${node.reason}</span>` : nothing}`;
  }

  private get names() {
    const groups = this.groups.value?.["workload-resource-groups"];
    return {
      server: (id: string) => (this.looking.groups ? mirror.byUuid(id)?.name : undefined) ?? id,
      group: (id: string) => groups?.find((one) => one["object-id"] === id)?.name ?? id,
    };
  }
}

/** Jobs that the strip of all servers tells of. */
const MOST_JOBS = 3;

/** Jobs that are on their way, of a server, of a group, or all: what they are at, and a button to see more. Dispatches `job`. */
@customElement("hpm-start-strip")
export class StartStrip extends HpmElement {
  /** The UUID of a server, or the id of a group; neither: all. */
  @property() server = "";
  @property() group = "";
  /** To name those that are started or stopped as a whole. */
  @property({ attribute: false }) groups: readonly GroupSummary[] = [];
  private readonly jobs = new Resource<{ "start-jobs": StartJob[] }>(this, () => "/start-jobs?state=running", { kinds: ["start-job"], ticks: false });

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
      }
      .strip {
        padding: 8px 12px;
        margin-bottom: var(--gap);
        background: var(--soft);
        border-inline-start: 4px solid var(--accent);
      }
    `,
  ];

  /** Reads it anew. */
  refresh(): void {
    void this.jobs.refresh();
  }

  override render() {
    const jobs = (this.jobs.value?.["start-jobs"] ?? []).filter((one) => this.concerns(one));
    const rest = this.server || this.group ? 0 : jobs.length - MOST_JOBS;
    return html`<div role="status">
      ${(rest > 0 ? jobs.slice(0, MOST_JOBS) : jobs).map(
        (job) => html`<div class="strip spread">
          <p>${this.sentence(job)}</p>
          <button type="button" @click=${() => this.emit<StartJob>("job", job)}>${t("Show progress")}</button>
        </div>`,
      )}
      ${rest > 0
        ? html`<p class="strip"><a href=${link("dependencies")}>${plural("One more start or stop goes on.", "{n} more starts and stops go on.", rest)}</a></p>`
        : nothing}
    </div>`;
  }

  private sentence(job: StartJob): string {
    const own = job["virtual-servers"].find((one) => idOf(one["virtual-server"]) === this.server);
    if (own) return standing(own);
    if (!this.group) return t("{name}: {what}", { name: jobHeading(job, groupOf(job, this.groups)), what: jobProgress(job) });
    return job.action === "start" ? t("The group is being started.") : t("The group is being stopped.");
  }

  private concerns(job: StartJob): boolean {
    if (!this.group && !this.server) return true;
    if (this.group) return job["workload-resource-group"] !== null && idOf(job["workload-resource-group"]) === this.group;
    return job["virtual-servers"].some((one) => idOf(one["virtual-server"]) === this.server);
  }
}

/** What a server of a job is at; what it waits for says that it waits. */
function standing({ name, phase, reason }: StartJob["virtual-servers"][number]): string {
  if (phase === "waiting" && reason) return t("{name}: {reason}", { name, reason });
  return reason ? t("{name}: {phase} ({reason})", { name, phase: phaseWord(phase), reason }) : t("{name}: {phase}", { name, phase: phaseWord(phase) });
}
