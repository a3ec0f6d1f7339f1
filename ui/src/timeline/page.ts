/** What pages have in common that list what happened, newest first: filters, days, what is new, older ones, a file. */

import type { TemplateResult } from "lit";
import { isAbort } from "../api/client";
import type { Endless, Numbered } from "../api/endless";
import { css, html, nothing, query, repeat, state } from "../base/element";
import { complain } from "../base/notices";
import { PageElement } from "../base/page";
import { Periods, type Period } from "../base/period";
import { plural, t } from "../base/texts";
import { byDay } from "./days";

/** Older ones are read by themselves up to so many; then by the button. */
const BY_ITSELF = 500;

/**
 * A subclass says what is listed (`list`, held by `hold`) and how; its entries are `.entry`, each with a `.fold` that
 * takes the focus. What is unfolded is the place's id.
 */
export abstract class TimelinePage<T extends Numbered & { time: string }> extends PageElement {
  override readonly whole = true;
  @state() private saving = "";
  @query("#top") protected readonly topMark!: HTMLElement;
  @query("#end") private readonly endMark!: HTMLElement | null;
  private atTop = true;
  private readonly periods = new Periods();
  private readonly seen = new IntersectionObserver((entries) => this.scrolled(entries), { rootMargin: "400px 0px" });

  protected abstract readonly list: Endless<T>;
  /** Words of the URL that are filters, besides those of the period. */
  protected abstract readonly filters: readonly string[];
  /** What cannot be read, and is not exported, in sentences. */
  protected abstract readonly failures: { reading: string; saving: string };

  protected abstract heading(): { heading: string; sentence: string };
  /** Fields of the filters, besides that of the period. */
  protected abstract fields(): TemplateResult;
  protected abstract entry(one: T): TemplateResult;
  /** What is said where nothing fits the filter, and where there is nothing at all. */
  protected abstract noneFits(): { heading: string; text: string };
  protected abstract none(): TemplateResult;
  protected abstract save(all: readonly T[]): void;

  static override styles = [
    PageElement.styles,
    css`
      .filters {
        align-items: end;
        margin-bottom: var(--gap);
      }
      .filters select {
        max-width: 12rem; /* or the longest choice says how wide it is */
      }
      h2 {
        padding: var(--gap) 8px 4px;
        border-bottom: 1px solid var(--line);
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
        padding: var(--gap);
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.seen.disconnect();
    this.atTop = true;
  }

  override updated(): void {
    // observed anew, so that it is told again where it stands: a short piece may leave the end in sight
    this.seen.disconnect();
    this.seen.observe(this.topMark);
    if (this.endMark) this.seen.observe(this.endMark);
  }

  override render() {
    const { heading, sentence } = this.heading();
    const { items, waiting, error } = this.list;
    return html`<hpm-head .heading=${heading} .sentence=${sentence} .error=${items.length > 0 ? error : undefined}>
        ${this.actions()}
        ${items.length > 0
          ? html`<button slot="actions" type="button" ?disabled=${this.saving !== ""} @click=${this.export}>${this.saving || t("Export as CSV")}</button>`
          : nothing}
      </hpm-head>
      <div class="filters row" role="search">
        ${this.fields()}
        <hpm-period
          .range=${this.asked("range")}
          .from=${this.asked("from")}
          .to=${this.asked("to")}
          @range=${(event: CustomEvent<Record<string, string>>) => this.filter(event.detail)}
        ></hpm-period>
        ${this.filtered ? this.clearing("") : nothing}
      </div>
      <div id="top"></div>
      <div class="new" role="status">
        ${waiting > 0 ? html`<button class="primary" type="button" @click=${this.showNew}>${plural("{n} new", "{n} new", waiting)}</button>` : nothing}
      </div>
      ${items.length > 0 ? this.entries() : this.instead()}`;
  }

  /** Beside the button for the file. */
  protected actions(): TemplateResult | typeof nothing {
    return nothing;
  }

  /** Before the list, where it does not begin with the newest. */
  protected lead(): TemplateResult | typeof nothing {
    return nothing;
  }

  private entries() {
    const { items, more, loading } = this.list;
    return html`${this.lead()}
      ${repeat(
        byDay(items),
        ([day]) => day,
        ([day, some]) => html`<section aria-label=${day}>
          <h2>${day}</h2>
          <ol class="plain-list" @keydown=${this.typed}>
            ${repeat(some, (one) => one["object-id"], (one) => html`<li>${this.entry(one)}</li>`)}
          </ol>
        </section>`,
      )}
      ${more ? html`<div id="end" class="more"><button type="button" ?disabled=${loading} @click=${() => this.list.older()}>${t("Older")}</button></div>` : nothing}`;
  }

  private instead() {
    const { error, known } = this.list;
    if (error) return html`<hpm-problem .what=${this.failures.reading} .error=${error} @retry=${() => this.list.begin()}></hpm-problem>`;
    if (!known) return html`<hpm-skeleton rows="8"></hpm-skeleton>`;
    if (!this.filtered) return this.none();
    const { heading, text } = this.noneFits();
    return html`<hpm-empty .heading=${heading} .text=${text}>${this.clearing("primary")}</hpm-empty>`;
  }

  private clearing(look: string) {
    return html`<button class=${look} type="button" @click=${this.clear}>${t("Clear filter")}</button>`;
  }

  protected get filtered(): boolean {
    return this.words.some((name) => this.asked(name) !== "");
  }

  protected get period(): Period {
    return this.periods.of(this.asked("range"), this.asked("from"), this.asked("to"));
  }

  /** Whether what is new has to wait: who reads further down, or is at an entry, is not disturbed. */
  protected readonly hold = (): boolean =>
    !this.atTop || this.place.id !== "" || this.renderRoot.querySelector("ol:hover, ol:focus-within") !== null;

  /** Shows another choice; what was unfolded may not be part of it. */
  protected filter(words: Record<string, string>): void {
    this.place = { ...this.place, id: "" };
    this.ask(words, "push");
  }

  /** Unfolds an entry, or folds it. */
  protected fold(one: T): void {
    const number = String(one["object-id"]);
    this.place = { ...this.place, id: this.place.id === number ? "" : number };
    this.ask({});
  }

  private get words(): readonly string[] {
    return [...this.filters, "range", "from", "to"];
  }

  private readonly clear = (): void => {
    this.filter(Object.fromEntries(this.words.map((name) => [name, ""])));
  };

  private readonly showNew = (): void => {
    this.list.showNew();
    this.topMark.scrollIntoView({ block: "center" });
  };

  private scrolled(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      if (target === this.topMark) this.atTop = isIntersecting;
      else if (isIntersecting && !this.list.error && this.list.items.length < BY_ITSELF) void this.list.older();
    }
  }

  /** Arrows go from one entry to the next. */
  private typed(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const within = event.composedPath()[0] as Element;
    if (!step || !within.matches(".fold")) return;
    const all = [...this.renderRoot.querySelectorAll<HTMLElement>(".entry")];
    all[all.indexOf(event.target as HTMLElement) + step]?.focus();
    event.preventDefault();
  }

  private readonly export = async (): Promise<void> => {
    this.saving = t("Working…");
    try {
      this.save(await this.list.all((count) => (this.saving = plural("{n} read…", "{n} read…", count))));
    } catch (error) {
      if (!isAbort(error)) complain(this.failures.saving, error);
    } finally {
      this.saving = "";
    }
  };
}
