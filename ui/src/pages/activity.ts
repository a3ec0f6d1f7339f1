/** The activity log: who wrote what, from where, and whether it was done. */

import { isAbort } from "../api/client";
import { Endless } from "../api/endless";
import type { Activity } from "../api/types";
import { css, customElement, html, nothing, query, repeat, state } from "../base/element";
import { csv, saveFile } from "../base/csv";
import { ago, clock, exact, NONE } from "../base/format";
import { complain } from "../base/notices";
import { link, PageElement } from "../base/page";
import { Ranges } from "../base/range";
import { later, plural, t } from "../base/texts";
import { activityOutcomeWord, meansWord } from "../base/words";
import { byDay } from "./days";

const FILTERS = ["user", "outcome", "range", "from", "to"] as const;
const OUTCOMES: readonly Activity["outcome"][] = ["done", "refused", "failed"];
const SHAPES: Record<Activity["outcome"], string> = { done: "●", refused: "▲", failed: "✕" };
const FIELDS = [
  "object-id", "time", "user", "role", "means", "address", "request-method", "request-uri", "summary", "outcome",
  "http-status", "reason", "message",
] as const satisfies readonly (keyof Activity)[];
const ROLE: Record<string, string> = { admin: later("administrator"), user: later("read-only") };

@customElement("hpm-activity")
export class ActivityPage extends PageElement {
  override readonly whole = true;
  @state() private saving = "";
  @query("#top") private readonly topMark!: HTMLElement;
  private atTop = true;
  private readonly ranges = new Ranges();
  private readonly list = new Endless<Activity>(this, () => this.wish(), "activity-log", {
    hold: () => !this.atTop || this.place.id !== "",
  });
  private readonly seen = new IntersectionObserver((entries) => (this.atTop = entries.at(-1)!.isIntersecting));

  static override styles = [
    PageElement.styles,
    css`
      .filters {
        align-items: end;
        margin-bottom: var(--gap);
      }
      h2 {
        padding: var(--gap) 8px 4px;
        border-bottom: 1px solid var(--line);
      }
      li {
        border-bottom: 1px solid var(--line);
      }
      .fold {
        display: grid;
        grid-template-columns: 1em 6.5rem 6.5rem 8rem minmax(0, 1fr);
        gap: 0 12px;
        align-items: baseline;
        justify-content: start;
        width: 100%;
        min-height: var(--row);
        padding: 6px 8px;
        border: none;
        border-radius: 0;
        background: none;
        text-align: start;
        white-space: normal;
      }
      .fold:hover,
      .fold[aria-expanded="true"] {
        background: var(--soft);
      }
      .fold:focus-visible {
        outline-offset: -2px;
      }
      .fold > span {
        overflow-wrap: anywhere;
      }
      .refused,
      .failed {
        color: var(--missed);
        font-weight: 600;
      }
      .done i {
        color: var(--met);
      }
      i {
        font-style: normal;
        display: inline-block;
        width: 1.1em;
      }
      dl {
        display: grid;
        grid-template-columns: max-content minmax(0, 1fr);
        gap: 2px 16px;
        margin: 0;
        padding: 4px 8px var(--gap) calc(1em + 20px);
      }
      dt {
        color: var(--dim);
      }
      dd {
        margin: 0;
        overflow-wrap: anywhere;
      }
      .new {
        position: sticky;
        inset-block-start: 8px;
        z-index: 2;
        display: flex;
        justify-content: center;
        height: 0; /* it comes without moving what is read */
      }
      .more {
        display: flex;
        justify-content: center;
        padding: 8px;
      }
      @media (max-width: 760px) {
        .fold {
          grid-template-columns: 1em auto auto minmax(0, 1fr);
        }
        .text {
          grid-column: 2 / -1;
        }
        dl {
          padding-inline-start: 8px;
        }
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.seen.disconnect();
  }

  override updated(): void {
    this.seen.observe(this.topMark);
  }

  override render() {
    const { items, waiting, error } = this.list;
    return html`<hpm-head
        heading=${t("Activity log")}
        sentence=${t("Every change that somebody made or tried to make, here, at the command line or by a program.")}
        .error=${items.length > 0 ? error : undefined}
      >
        ${items.length > 0
          ? html`<button slot="actions" type="button" ?disabled=${this.saving !== ""} @click=${this.save}>${this.saving || t("Export as CSV")}</button>`
          : nothing}
      </hpm-head>
      ${this.filters()}
      <div id="top"></div>
      <div class="new" role="status">
        ${waiting > 0
          ? html`<button class="primary" type="button" @click=${() => this.list.showNew()}>${plural("{n} new", "{n} new", waiting)}</button>`
          : nothing}
      </div>
      ${this.body()}`;
  }

  private filters() {
    return html`<div class="filters row" role="search">
      <div class="field">
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
      </div>
      <hpm-period
        .range=${this.asked("range")}
        .from=${this.asked("from")}
        .to=${this.asked("to")}
        @range=${(event: CustomEvent<Record<string, string>>) => this.filter(event.detail)}
      ></hpm-period>
      ${this.filtered ? html`<button type="button" @click=${this.clear}>${t("Clear filter")}</button>` : nothing}
    </div>`;
  }

  private body() {
    const { items, error, known, more, loading } = this.list;
    if (items.length === 0) {
      if (error) return html`<hpm-problem .what=${t("The activity log cannot be read.")} .error=${error} @retry=${() => this.list.begin()}></hpm-problem>`;
      return known ? this.empty() : html`<hpm-skeleton rows="8"></hpm-skeleton>`;
    }
    return html`${repeat(
        byDay(items),
        ([day]) => day,
        ([day, some]) => html`<section aria-label=${day}>
          <h2>${day}</h2>
          <ol class="plain-list" @keydown=${this.typed}>
            ${repeat(some, (one) => one["object-id"], (one) => this.entry(one))}
          </ol>
        </section>`,
      )}
      ${more ? html`<div class="more"><button type="button" ?disabled=${loading} @click=${() => this.list.older()}>${t("Older")}</button></div>` : nothing}`;
  }

  private entry(one: Activity) {
    const open = this.place.id === String(one["object-id"]);
    return html`<li>
      <button class="fold" type="button" aria-expanded=${open} @click=${() => this.fold(one, open)}>
        <span aria-hidden="true">${open ? "▾" : "▸"}</span>
        <time datetime=${one.time} title="${exact(one.time)} (${ago(one.time)})">${clock(one.time)}</time>
        <span class=${one.outcome}><i aria-hidden="true">${SHAPES[one.outcome]}</i>${activityOutcomeWord(one.outcome)}</span>
        <span>${one.user ?? t("nobody known")}</span>
        <span class="text">${one.summary}${one.message ? html`<br /><span class="dim">${one.message}</span>` : nothing}</span>
      </button>
      ${open ? this.detail(one) : nothing}
    </li>`;
  }

  private detail(one: Activity) {
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

  private empty() {
    return this.filtered
      ? html`<hpm-empty heading=${t("No entry fits")} text=${t("Nothing was changed, or tried to be, by this user, at this time and with this outcome.")}>
          <button class="primary" type="button" @click=${this.clear}>${t("Clear filter")}</button>
        </hpm-empty>`
      : html`<hpm-empty heading=${t("Nothing was changed yet")} text=${t("What anybody changes in hpm is listed here, and what was refused.")}>
          <a class="button" href=${link("groups")}>${t("See the groups")}</a>
        </hpm-empty>`;
  }

  private get filtered(): boolean {
    return FILTERS.some((name) => this.asked(name) !== "");
  }

  private wish() {
    const { from, to } = this.ranges.of(this.asked("range"), this.asked("from"), this.asked("to"));
    return { path: "/activity-log", query: { from, to, user: this.asked("user"), outcome: this.asked("outcome") } };
  }

  private filter(words: Record<string, string>): void {
    this.place = { ...this.place, id: "" };
    this.ask(words, "push");
  }

  private readonly clear = (): void => {
    this.filter(Object.fromEntries(FILTERS.map((name) => [name, ""])));
  };

  private fold(one: Activity, open: boolean): void {
    this.place = { ...this.place, id: open ? "" : String(one["object-id"]) };
    this.ask({});
  }

  /** Arrows go from one entry to the next. */
  private typed(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const from = event.target as HTMLElement;
    if (!step || !from.matches(".fold")) return;
    const all = [...this.renderRoot.querySelectorAll<HTMLElement>(".fold")];
    all[all.indexOf(from) + step]?.focus();
    event.preventDefault();
  }

  private readonly save = async (): Promise<void> => {
    this.saving = t("Working…");
    try {
      const all = await this.list.all((count) => (this.saving = plural("{n} read…", "{n} read…", count)));
      saveFile("hpm-activity.csv", csv([[...FIELDS], ...all.map((one) => FIELDS.map((name) => one[name]))]));
    } catch (error) {
      if (!isAbort(error)) complain(t("The activity log was not exported."), error);
    } finally {
      this.saving = "";
    }
  };
}
