/** The activity log: who wrote what, from where, and whether it was done. */

import { Endless } from "../api/endless";
import type { Activity } from "../api/types";
import { css, customElement, html, nothing } from "../base/element";
import { csv, saveFile } from "../base/csv";
import { ago, clock, exact, NONE } from "../base/format";
import { link } from "../base/page";
import { later, t } from "../base/texts";
import { activityOutcomeWord, meansWord } from "../base/words";
import { FOLD } from "../parts/fold";
import { TimelinePage } from "../timeline/page";

const OUTCOMES: readonly Activity["outcome"][] = ["done", "refused", "failed"];
const SHAPES: Record<Activity["outcome"], string> = { done: "●", refused: "▲", failed: "✕" };
const FIELDS = [
  "object-id", "time", "user", "role", "means", "address", "request-method", "request-uri", "summary", "outcome",
  "http-status", "reason", "message",
] as const satisfies readonly (keyof Activity)[];
const ROLE: Record<string, string> = { admin: later("administrator"), user: later("read-only") };

@customElement("hpm-activity")
export class ActivityPage extends TimelinePage<Activity> {
  protected readonly filters = ["user", "outcome"];
  protected readonly failures = { reading: t("The activity log cannot be read."), saving: t("The activity log was not exported.") };
  protected readonly list = new Endless<Activity>(this, () => this.wish(), "activity-log", { hold: this.hold });

  static override styles = [
    ...TimelinePage.styles,
    FOLD,
    css`
      li {
        border-bottom: 1px solid var(--line);
      }
      .fold {
        grid-template-columns: 1em 6.5rem 6.5rem 8rem minmax(0, 1fr);
      }
      .done i {
        color: var(--met);
      }
      dl {
        display: grid;
        grid-template-columns: max-content minmax(0, 1fr);
        gap: 2px 16px;
        padding: 4px 8px var(--gap) calc(1em + 20px);
      }
      @media (max-width: 760px) {
        .fold {
          grid-template-columns: 1em auto auto minmax(0, 1fr);
        }
        dl {
          padding-inline-start: 8px;
        }
      }
    `,
  ];

  protected heading() {
    return {
      heading: t("Activity log"),
      sentence: t("Every change that somebody made or tried to make, here, at the command line or by a program."),
    };
  }

  protected fields() {
    return html`<div class="field">
        <label for="user">${t("User")}</label>
        <input
          id="user"
          type="search"
          spellcheck="false"
          autocapitalize="none"
          placeholder=${t("all users")}
          .value=${this.asked("user")}
          @change=${(event: Event) => this.filter({ user: (event.target as HTMLInputElement).value.trim() })}
        />
      </div>
      <div class="field">
        <label for="outcome">${t("Outcome")}</label>
        <select id="outcome" @change=${(event: Event) => this.filter({ outcome: (event.target as HTMLSelectElement).value })}>
          <option value="" .selected=${!this.asked("outcome")}>${t("any")}</option>
          ${OUTCOMES.map((one) => html`<option value=${one} .selected=${this.asked("outcome") === one}>${activityOutcomeWord(one)}</option>`)}
        </select>
      </div>`;
  }

  protected entry(one: Activity) {
    const open = this.place.id === String(one["object-id"]);
    return html`<button class="fold entry" type="button" aria-expanded=${open} @click=${() => this.fold(one)}>
        <span aria-hidden="true">${open ? "▾" : "▸"}</span>
        <time datetime=${one.time} title="${exact(one.time)} (${ago(one.time)})">${clock(one.time)}</time>
        <span class=${one.outcome}><i aria-hidden="true">${SHAPES[one.outcome]}</i>${activityOutcomeWord(one.outcome)}</span>
        <span>${one.user ?? t("nobody known")}</span>
        <span class="text">${one.summary}${one.message ? html`<br /><span class="dim">${one.message}</span>` : nothing}</span>
      </button>
      ${open ? this.detail(one) : nothing}`;
  }

  private detail(one: Activity) {
    if (one["request-method"] === "") return this.noticed(one);
    const role = one.role ? t(ROLE[one.role] ?? one.role) : t("without a role");
    const lines: [string, string][] = [
      [t("When"), exact(one.time)],
      [t("Who"), one.user ? t("{user}, {role}", { user: one.user, role }) : t("nobody known")],
      [t("How"), meansWord(one.means)],
      [t("Address"), one.address ?? t("this host's socket")],
      [t("Request"), `${one["request-method"]} ${one["request-uri"]}`],
      [t("Answer"), one.reason ? t("{status}, reason {reason}", { status: one["http-status"], reason: one.reason }) : String(one["http-status"])],
      [t("Why not"), one.message ?? NONE],
    ];
    return html`<dl>${lines.filter(([, value]) => value !== NONE).map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
  }

  /** What nobody asked for: hpm noticed it by itself, of the server that the address names. */
  private noticed(one: Activity) {
    const [, kind, id] = one["request-uri"].split("/");
    return html`<dl>
      <dt>${t("When")}</dt>
      <dd>${exact(one.time)}</dd>
      <dt>${t("Who")}</dt>
      <dd>${t("hpm itself")}</dd>
      ${kind === "virtual-servers" && id ? html`<dt>${t("Virtual server")}</dt><dd><a href=${link("servers", id)}>${t("To its page")}</a></dd>` : nothing}
      ${one.message ? html`<dt>${t("What")}</dt><dd>${one.message}</dd>` : nothing}
    </dl>`;
  }

  protected noneFits() {
    return { heading: t("No entry fits"), text: t("Nothing was changed, or tried to be, by this user, at this time and with this outcome.") };
  }

  protected none() {
    return html`<hpm-empty heading=${t("Nothing was changed yet")} text=${t("What anybody changes in hpm is listed here, and what was refused.")}>
      <a class="button" href=${link("groups")}>${t("See the groups")}</a>
    </hpm-empty>`;
  }

  private wish() {
    return { path: "/activity-log", query: { ...this.period, user: this.asked("user"), outcome: this.asked("outcome") } };
  }

  protected save(all: readonly Activity[]): void {
    saveFile("hpm-activity.csv", csv([[...FIELDS], ...all.map((one) => FIELDS.map((name) => one[name]))]));
  }
}
