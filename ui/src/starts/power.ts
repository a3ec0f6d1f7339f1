/**
 * Starts and stops servers, one or several together, and groups: asks what is to become of those that need what stops, and shows how the job
 * goes on. The job goes on without it, too. Dispatches `begun` when one has begun.
 */

import { ApiError, asApiError } from "../api/client";
import { Resource } from "../api/resource";
import type { DependencyGraph, StartJob } from "../api/types";
import { app } from "../base/app";
import { css, customElement, html, HpmElement, nothing, query, state } from "../base/element";
import { complain } from "../base/notices";
import { t } from "../base/texts";
import { some } from "../base/format";
import type { DialogPart } from "../parts/dialog";
import { numberIn } from "../guest/number";
import { dependants, type Dependants } from "./dependants";
import "./job";

/** What is started or stopped. */
export interface Powered {
  /** Where that is asked for, below the base of the API. */
  path: string;
  kind: "server" | "servers" | "group";
  /** Its name; of several servers, how many they are. */
  name: string;
  /** UUIDs of the servers that are meant. */
  servers: readonly string[];
  /** Of several servers, the names of those that run. */
  running?: readonly string[];
}

const MOST_NAMES = 12;
const GRACE = 120;

@customElement("hpm-power")
export class PowerPart extends HpmElement {
  @state() private what: Powered | null = null;
  @state() private others: Dependants | null = null;
  @state() private then: "stop" | "leave" | "" = "";
  @state() private grace = GRACE;
  @state() private force = false;
  @state() private busy = false;
  @state() private error: ApiError | string | null = null;
  /** The job that is shown. */
  @state() private number = "";
  /** What was asked for, by its name. */
  @state() private name = "";
  private readonly job = new Resource<StartJob>(this, () => (this.number ? `/start-jobs/${this.number}` : null), { kinds: ["start-job"] });
  @query("#stop") private asks!: DialogPart;
  @query("#job") private shows!: DialogPart;

  static override styles = [
    HpmElement.styles,
    css`
      fieldset {
        display: grid;
        gap: 8px;
      }
      legend {
        margin-bottom: 4px;
      }
      .grace {
        width: 8rem !important;
      }
    `,
  ];

  /** Starts it, and before it all that it needs. */
  async start(what: Powered): Promise<void> {
    try {
      this.begun((await app.client.post<StartJob>(what.path, { action: "start", ...those(what) })).content, what.name);
    } catch (error) {
      complain(what.kind === "servers" ? t("They were not started.") : t("{name} was not started.", { name: what.name }), error);
    }
  }

  /** Asks how it is to be stopped, and what is to become of those that need it. */
  async stop(what: Powered): Promise<void> {
    try {
      const { content } = await app.client.get<DependencyGraph>("/dependencies");
      this.others = dependants(content, what.servers);
    } catch (error) {
      return complain(t("It cannot be told who needs {name}.", { name: what.name }), error);
    }
    this.what = what;
    this.then = "";
    this.grace = GRACE;
    this.force = false;
    this.error = null;
    await this.updateComplete;
    this.asks.show();
  }

  /** Shows how a job stands. */
  show(number: string, name: string): void {
    this.number = number;
    this.name = name;
    this.error = null;
    void this.updateComplete.then(() => this.shows.show());
  }

  override render() {
    return html`${this.asking()} ${this.showing()}`;
  }

  private asking() {
    const { what, others } = this;
    return html`<hpm-dialog
      id="stop"
      danger
      .heading=${what ? (what.kind === "group" ? t("Stop group {name}", { name: what.name }) : t("Stop {name}", { name: what.name })) : ""}
      .action=${what?.kind === "group" ? t("Stop group") : t("Stop")}
      .busy=${this.busy}
      .error=${this.error}
      @save=${this.doStop}
      @close=${() => (this.what = null)}
    >
      ${what && others
        ? html`<div class="stack">
            <p>${asked(what)}</p>
            ${others.stop.length > 0
              ? html`<p>${along(what, some(others.stop, MOST_NAMES))}</p>`
              : nothing}
            ${others.warn.length > 0
              ? html`<fieldset>
                  <legend>${needing(what, some(others.warn, MOST_NAMES))}</legend>
                  ${this.choice("stop", what.kind === "servers" ? t("Stop them, too, and first") : t("Stop them before it"))} ${this.choice("leave", t("Leave them running"))}
                </fieldset>`
              : nothing}
            ${others.stop.length + others.warn.length === 0 ? html`<p class="dim">${what.kind === "servers" ? t("No other server that runs needs them.") : t("No other server that runs needs it.")}</p>` : nothing}
            <div class="field">
              <label for="grace">${t("Time to shut down, for each (seconds)")}</label>
              <input
                id="grace"
                class="grace"
                inputmode="numeric"
                autocomplete="off"
                .value=${String(this.grace)}
                aria-invalid=${this.error instanceof ApiError && this.error.field === "grace-seconds"}
                @input=${(event: Event) => (this.grace = numberIn(event) ?? GRACE)}
              />
            </div>
            <label class="choice">
              <input type="checkbox" .checked=${this.force} @change=${(event: Event) => (this.force = (event.target as HTMLInputElement).checked)} />
              ${t("End what has not shut down in that time; what it has not written is lost")}
            </label>
          </div>`
        : nothing}
    </hpm-dialog>`;
  }

  private choice(then: "stop" | "leave", label: string) {
    return html`<label class="choice"><input type="radio" name="then" .checked=${this.then === then} @change=${() => (this.then = then)} />${label}</label>`;
  }

  private showing() {
    const { value, error } = this.job;
    return html`<hpm-dialog id="job" .heading=${t("Progress")} @close=${() => (this.number = "")}>
      ${this.number === ""
        ? nothing
        : value
          ? html`<hpm-start-job .job=${value} .group=${value["workload-resource-group"] ? this.name : null} @changed=${() => this.job.refresh()}></hpm-start-job>`
          : error
            ? html`<hpm-problem .what=${t("The job cannot be shown.")} .error=${error} @retry=${() => this.job.refresh()}></hpm-problem>`
            : html`<hpm-skeleton rows="3"></hpm-skeleton>`}
    </hpm-dialog>`;
  }

  private readonly doStop = async (event: Event): Promise<void> => {
    event.stopPropagation();
    const { what, others } = this;
    if (!what || !others) return;
    if (others.warn.length > 0 && !this.then) {
      this.error = t("Say what is to become of those that need it.");
      return;
    }
    this.busy = true;
    this.error = null;
    try {
      const wish = { action: "stop", dependants: this.then || null, "grace-seconds": this.grace, force: this.force };
      const { content } = await app.client.post<StartJob>(what.path, { ...wish, ...those(what) });
      this.asks.close();
      this.begun(content, what.name);
    } catch (error) {
      this.error = asApiError(error);
      // who needs it may be others by now
      const fresh = await app.client.get<DependencyGraph>("/dependencies").catch(() => null);
      if (fresh) this.others = dependants(fresh.content, what.servers);
    } finally {
      this.busy = false;
    }
  };

  private begun(job: StartJob, name: string): void {
    this.emit<StartJob>("begun", job);
    this.show(job["object-id"], name);
  }
}

/** What names the servers in a request, where its path does not. */
const those = ({ kind, servers }: Powered) => (kind === "servers" ? { "virtual-servers": servers } : {});

/** Who is asked to shut down. */
function asked({ kind, servers, running = [] }: Powered): string {
  if (kind === "server") return t("It is asked to shut down.");
  if (kind === "group") return t("Those of its {n} servers that run are asked to shut down, who needs others first.", { n: servers.length });
  if (running.length === 0) return t("None of them runs, as far as is known.");
  const names = some(running, MOST_NAMES);
  if (running.length === servers.length) return t("These are asked to shut down, who needs others first: {names}.", { names });
  return t("Those of them that run are asked to shut down, who needs others first: {names}.", { names });
}

/** Who is stopped with what stops. */
function along({ kind }: Powered, names: string): string {
  if (kind === "servers") return t("These need some of them, and are stopped first, as their policies say: {names}.", { names });
  return t("These need it, and are stopped before it, as their policies say: {names}.", { names });
}

/** Of whom is to be said what becomes of them. */
function needing({ kind }: Powered, names: string): string {
  return kind === "servers" ? t("These need some of them, too, and run: {names}.", { names }) : t("These need it, too, and run: {names}.", { names });
}
