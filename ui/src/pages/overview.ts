/** Ten seconds: whether the goals are met, which are not, and what hpm did about it. */

import { Resource } from "../api/resource";
import type { Adjustment, GroupMetrics, GroupSummary, HostMetrics, Importance, Level, Levels, MetricsHistory, Version } from "../api/types";
import { mayWrite } from "../base/app";
import { adjustmentSentences } from "../base/adjusted";
import { css, customElement, html, nothing, repeat, state } from "../base/element";
import { exact, span } from "../base/format";
import { link, PageElement } from "../base/page";
import { preferences } from "../base/preferences";
import { plural, t } from "../base/texts";
import { IMPORTANCES } from "../base/words";
import { goalSentence, goalsOf, hostSentence, serverSentence } from "../overview/goals";
import { furthest, walking } from "../overview/first-steps";
import type { LevelPart } from "../parts/level";
import { overload } from "../parts/overload";

interface Histories {
  "workload-resource-groups": { "object-id": string; metrics: MetricsHistory["metrics"] }[];
}

/** Cards that are shown; the page of groups shows all. */
const MOST_CARDS = 24;
const LATEST = 6;
/** Seconds of a point of the small charts. */
const STEP = 60;

@customElement("hpm-overview")
export class OverviewPage extends PageElement {
  /** The hour that the small charts show, begun anew each minute. */
  @state() private hour = hourNow();
  private timer = 0;

  private readonly groups = new Resource<{ "workload-resource-groups": GroupSummary[] }>(this, () => "/workload-resource-groups", {
    kinds: ["workload-resource-group", "workload-resource-group-removed", "virtual-server", "virtual-server-removed"],
  });
  private readonly metrics = new Resource<{ "workload-resource-groups": GroupMetrics[] }>(this, () => "/metrics/calculated/workload-resource-groups", {
    kinds: ["workload-resource-group"],
  });
  private readonly host = new Resource<HostMetrics>(this, () => "/metrics/calculated/hypervisor", { kinds: ["host"] });
  private readonly hostRaw = new Resource<HostMetrics>(this, () => "/metrics/raw/hypervisor");
  private readonly version = new Resource<Version>(this, () => "/version", { kinds: ["loop"], ticks: false });
  private readonly levels = new Resource<Levels>(this, () => "/mgmt-levels", { kinds: ["mgmt-levels"] });
  private readonly latest = new Resource<{ "dynamic-resource-adjustments": Adjustment[] }>(
    this,
    () => `/dynamic-resource-adjustments?limit=${LATEST}`,
    { kinds: ["dynamic-resource-adjustment"] },
  );
  private readonly past = new Resource<Histories>(
    this,
    () => `/metrics/calculated/workload-resource-groups?${this.hour}&metrics=performance-index`,
    { ticks: false },
  );
  private readonly hostPast = new Resource<MetricsHistory>(
    this,
    () => `/metrics/calculated/hypervisor?${this.hour}&metrics=cpu-utilization,cpu-contention,memory-available`,
    { ticks: false },
  );

  static override styles = [
    PageElement.styles,
    css`
      .cards {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr));
        gap: var(--gap);
      }
      .sides {
        display: grid;
        grid-template-columns: minmax(0, 3fr) minmax(0, 2fr);
        gap: var(--gap);
      }
      .sides > .stack {
        align-content: start;
      }
      .latest li {
        padding: 6px 0;
        border-bottom: 1px solid var(--line);
      }
      .latest a {
        text-decoration: underline;
      }
      .latest li:last-child {
        border: none;
      }
      @media (max-width: 900px) {
        .sides {
          grid-template-columns: minmax(0, 1fr);
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.timer = window.setInterval(() => (this.hour = hourNow()), 1000 * STEP);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.timer);
  }

  private wish(event: CustomEvent<Level>): void {
    void this.renderRoot.querySelector<LevelPart>("hpm-level")?.wish(event.detail);
  }

  /** Who has gone all the steps is not shown them again by switching off. */
  override updated(): void {
    const [groups, levels] = [this.groups.value?.["workload-resource-groups"], this.levels.value];
    if (preferences.steps && groups && levels && !walking(groups, furthest(levels))) preferences.steps = false;
  }

  override render() {
    const groups = this.groups.value?.["workload-resource-groups"];
    const host = this.host.value;
    const levels = this.levels.value;
    const metrics = this.metrics.value?.["workload-resource-groups"];
    if (!groups || !metrics || !host || !levels) {
      const error = this.groups.error ?? this.metrics.error ?? this.host.error ?? this.levels.error;
      return html`<hpm-head .heading=${t("Overview")}></hpm-head>
        ${error
          ? html`<hpm-problem .what=${t("The host cannot be shown.")} .error=${error} @retry=${this.again}></hpm-problem>`
          : html`<hpm-skeleton rows="10"></hpm-skeleton>`}`;
    }
    const [goals, level] = [goalsOf(metrics), furthest(levels)];
    return html`<hpm-head
        .heading=${`${goalSentence(goals)} ${hostSentence(host)}`}
        .sentence=${serverSentence(host, goals)}
        .measured=${this.host.measured}
        .problem=${host.problem}
        .error=${this.host.error ?? this.metrics.error}
      ></hpm-head>
      <div class="stack">
        ${mayWrite() && walking(groups, level) ? this.steps(groups, level) : nothing}
        <div class="sides">
          <section class="panel stack" aria-labelledby="host-heading">
            <h2 id="host-heading">${t("The host now")}</h2>
            <hpm-host-now .calculated=${host} .raw=${this.hostRaw.value} .past=${this.hostPast.value}></hpm-host-now>
            ${this.version.value ? overload(this.version.value) : nothing}
          </section>
          <section class="panel stack" aria-labelledby="level-heading">
            <h2 id="level-heading">${t("CPU management")}</h2>
            <hpm-level brief></hpm-level>
          </section>
          <section class="panel stack" aria-labelledby="memory-heading">
            <h2 id="memory-heading">${t("Its memory now")}</h2>
            <hpm-host-memory .raw=${this.hostRaw.value} .past=${this.hostPast.value}></hpm-host-memory>
          </section>
          <section class="panel stack" aria-labelledby="memory-level-heading">
            <h2 id="memory-level-heading">${t("Memory management")}</h2>
            <hpm-level of="memory" brief></hpm-level>
            <hpm-memory-rivals></hpm-memory-rivals>
          </section>
        </div>
        ${this.cards(groups, metrics)} ${this.adjustments()}
      </div>`;
  }

  private steps(groups: readonly GroupSummary[], level: Level) {
    if (!preferences.steps) {
      return html`<div><button class="plain" type="button" @click=${() => this.walk(true)}>${t("Show the first steps")}</button></div>`;
    }
    return html`<hpm-first-steps
      .groups=${groups}
      level=${level}
      .servers=${this.hostRaw.value?.metrics["virtual-servers"] ?? 0}
      @wish=${this.wish}
      @hide=${() => this.walk(false)}
    ></hpm-first-steps>`;
  }

  /** Shows the first steps, or hides them; the focus goes on to what comes in the place of the button. */
  private walk(on: boolean): void {
    preferences.steps = on;
    this.requestUpdate();
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(on ? "hpm-head" : "button.plain")?.focus());
  }

  private cards(groups: readonly GroupSummary[], metrics: readonly GroupMetrics[]) {
    const figures = new Map(metrics.map((one) => [one["object-id"], one]));
    const past = new Map(this.past.value?.["workload-resource-groups"].map((one) => [one["object-id"], one.metrics["performance-index"]?.mean]));
    const ordered = [...groups].sort(byImportance);
    return html`<section class="stack" aria-labelledby="groups-heading">
      <div class="spread">
        <h2 id="groups-heading">${t("Workload resource groups")}</h2>
        ${ordered.length > MOST_CARDS
          ? html`<a href=${link("groups")}>${plural("All {n} group", "All {n} groups", ordered.length)}</a>`
          : nothing}
      </div>
      <div class="cards">
        ${repeat(
          ordered.slice(0, MOST_CARDS),
          (one) => one["object-id"],
          (one) =>
            html`<hpm-group-card .group=${one} .metrics=${figures.get(one["object-id"])} .past=${past.get(one["object-id"]) ?? []}></hpm-group-card>`,
        )}
      </div>
    </section>`;
  }

  private adjustments() {
    const list = this.latest.value?.["dynamic-resource-adjustments"] ?? [];
    const { "cpu-mgmt": cpu, "memory-mgmt": memory } = this.levels.value!;
    const none =
      cpu !== "off"
        ? t("None yet. hpm moves CPU only when a goal is missed, or somebody has more than needed.")
        : memory !== "off"
          ? t("None yet. hpm moves memory only when the host or a server runs short of it.")
          : t("None: hpm only watches. At the level Advise it says what it would do.");
    return html`<section class="panel stack" aria-labelledby="latest-heading">
      <div class="spread">
        <h2 id="latest-heading">${t("Latest adjustments")}</h2>
        ${list.length > 0 ? html`<a href=${link("adjustments")}>${t("All adjustments")}</a>` : nothing}
      </div>
      ${list.length === 0
        ? html`<p class="help">${none}</p>`
        : html`<ol class="plain-list latest">
            ${repeat(
              list,
              (one) => one["object-id"],
              (one) => html`<li>
                <a href=${link("adjustments", String(one["object-id"]))} title=${exact(one.time)}
                  >${t("{time} ago", { time: span((Date.now() - Date.parse(one.time)) / 1000) })}</a
                >
                ${adjustmentSentences(one).join(" ")}
              </li>`,
            )}
          </ol>`}
    </section>`;
  }

  private again(): void {
    for (const one of [this.groups, this.metrics, this.host, this.hostRaw, this.levels, this.latest]) void one.refresh();
  }
}

/** Groups in order of importance, what is missed first within one; those without a policy last. */
function byImportance(one: GroupSummary, other: GroupSummary): number {
  const place = (importance: Importance | null) => (importance === null ? IMPORTANCES.length : IMPORTANCES.indexOf(importance));
  const missed = (group: GroupSummary) => Number(group["goal-status"] !== "missed");
  return place(one.importance) - place(other.importance) || missed(one) - missed(other) || one.name.localeCompare(other.name);
}

function hourNow(): string {
  const now = Math.floor(Date.now() / (1000 * STEP)) * STEP;
  return new URLSearchParams({ from: new Date(1000 * (now - 3600)).toISOString(), step: String(STEP) }).toString();
}
