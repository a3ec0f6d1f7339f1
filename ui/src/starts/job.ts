/** A start job: how far it is, who waits for what, and a button that cancels it. Dispatches `changed` after that. */

import type { StartJob } from "../api/types";
import { app, mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, state } from "../base/element";
import { ago, exact } from "../base/format";
import { complain, complaint, tell } from "../base/notices";
import { Now } from "../base/now";
import { link } from "../base/page";
import { idOf } from "../api/uris";
import { plural, t } from "../base/texts";
import { isOver, jobHeading, jobProgress, jobStateWord, PHASE_SHAPES, phaseWord } from "./words";

const SHOWN = 8; // servers that are told of at once

@customElement("hpm-start-job")
export class StartJobPart extends HpmElement {
  @property({ attribute: false }) job!: StartJob;
  /** The name of the group that was asked for; null: servers were. */
  @property({ attribute: false }) group: string | null = null;
  @state() private whole = false;
  @state() private busy = false;
  private readonly now = new Now(this);

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
      }
      progress {
        width: min(20rem, 100%);
        accent-color: var(--accent);
      }
      ul {
        margin-top: 8px !important;
      }
      li {
        padding: 2px 0;
        overflow-wrap: anywhere;
      }
      li a {
        text-decoration: underline;
      }
      i {
        display: inline-block;
        width: 1.2em;
        font-style: normal;
      }
      .failed {
        color: var(--missed);
      }
    `,
  ];

  override render() {
    const { job } = this;
    const servers = job["virtual-servers"];
    const done = servers.filter((one) => isOver(one.phase)).length;
    const heading = jobHeading(job, this.group);
    const open = servers.filter((one) => !isOver(one.phase) || one.phase === "failed");
    const all = [...open, ...servers.filter((one) => !open.includes(one))];
    // of a job that is over, only what failed calls for anything
    const shown = this.whole ? all : (job.state === "running" ? all : open).slice(0, SHOWN);
    return html`<div class="spread">
        <div>
          <h3>${heading} <span class=${job.state === "failed" ? "failed" : "dim"}>${job.state === "failed" ? "▲ " : ""}${jobStateWord(job.state)}</span></h3>
          <p class="help" title=${exact(job.time)}>${t("asked for {time} by {user}", { time: ago(job.time, this.now.ms), user: job.user })}</p>
        </div>
        ${job.state === "running" && mayWrite()
          ? html`<button type="button" aria-label=${t("Cancel: {what}", { what: heading })} title=${t("What was begun is not undone.")} ?disabled=${this.busy} @click=${this.cancel}>
              ${this.busy ? t("Working…") : t("Cancel")}
            </button>`
          : nothing}
      </div>
      ${job.state === "running"
        ? html`<div class="row"><progress max=${servers.length} .value=${done} aria-label=${heading}></progress> <span>${jobProgress(job)}</span></div>`
        : nothing}
      <ul class="plain-list">
        ${shown.map(
          (one) => html`<li class=${one.phase === "failed" ? "failed" : ""}>
            <i aria-hidden="true">${PHASE_SHAPES[one.phase]}</i><a href=${link("servers", idOf(one["virtual-server"]))}>${one.name}</a>: ${standing(one)}
          </li>`,
        )}
      </ul>
      ${this.whole || all.length > shown.length
        ? html`<button class="plain" type="button" aria-expanded=${this.whole} @click=${() => (this.whole = !this.whole)}>
            ${this.whole ? t("Show fewer") : plural("Show its server", "Show all of its {n} servers", all.length)}
          </button>`
        : nothing}`;
  }

  private readonly cancel = async (): Promise<void> => {
    this.busy = true;
    try {
      await app.client.post(`/start-jobs/${this.job["object-id"]}/cancel`);
      tell(t("{what}: cancelled. What was begun is not undone.", { what: jobHeading(this.job, this.group) }));
    } catch (error) {
      complain(t("Not cancelled."), error);
    } finally {
      this.busy = false;
      this.emit("changed");
    }
  };
}

/** How a server of a job stands, and why; what it waits for says that it waits. */
function standing({ phase, reason }: StartJob["virtual-servers"][number]) {
  if (!reason) return phaseWord(phase);
  return phase === "waiting" ? complaint(reason, reason) : html`${phaseWord(phase)}. ${complaint(reason, reason)}`;
}
