/**
 * A table that stays quick with 10,000 rows: only rows that are seen are there. All rows are 36 px high.
 *
 * By keyboard: one row is in the order of Tab; arrows, Page Up and Down, Home and End move; Enter opens the row (event
 * `open`, the row), Space selects it. The header's buttons sort. With less room columns of a lower rank go first.
 */

import { css, customElement, html, HpmElement, nothing, property, query, repeat, state, type PropertyValues, type TemplateResult } from "../base/element";
import { t } from "../base/texts";
import type { Action } from "./menu";

export interface Column<T> {
  key: string;
  label: string;
  /** What the column is, where its label does not say it all. */
  title?: string;
  /** Right-aligned; its unit stands in the label. */
  number?: boolean;
  /** Width in px; columns without one share what is left. */
  width?: number;
  /** Seen from so many px of the table's width on. Left out: always. */
  from?: number;
  /** What it is sorted by; null comes last either way. Left out: it is not sorted. */
  value?: (row: T) => string | number | null;
  cell: (row: T) => TemplateResult | string | number | typeof nothing;
}

const ROW = 36;
/** Rows beyond what is seen, so that slow scrolling shows no gaps. */
const SPARE = 12;
/** Up to so many rows, the page scrolls and not the table. */
const ALL = 60;
const SELECT_WIDTH = 32;
const ACTIONS_WIDTH = 56;

@customElement("hpm-table")
export class TablePart<T = unknown> extends HpmElement {
  @property() label = "";
  @property({ attribute: false }) columns: readonly Column<T>[] = [];
  @property({ attribute: false }) rows: readonly T[] = [];
  /** What a row is known by, also when its figures change. */
  @property({ attribute: false }) keyOf: (row: T) => string | number = (row) => String(row);
  /** The key of the column that it is sorted by, with `-` before it: downwards. "": as the rows come. */
  @property() sort = "";
  /** Actions of a row, in a menu at its end. */
  @property({ attribute: false }) actions: ((row: T) => readonly Action[]) | null = null;
  /** A row's name, for those actions and for selecting. */
  @property({ attribute: false }) nameOf: (row: T) => string = (row) => String(this.keyOf(row));
  /** Keys of the selected rows; null: rows are not selected. Dispatches `select` with the new set. */
  @property({ attribute: false }) selected: ReadonlySet<string | number> | null = null;
  @property({ attribute: false }) rowClass: (row: T) => string = () => "";
  /** Whether Enter or a click on a row opens it. */
  @property({ type: Boolean }) opens = false;

  @state() private first = 0;
  @state() private height = 600;
  @state() private width = 1000;
  @state() private active = 0;
  @query(".scroll") private box!: HTMLElement;
  private sorted: readonly T[] = [];
  private readonly sizes = new ResizeObserver(() => this.measure());

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      .scroll.inner {
        overflow: auto;
        max-height: max(300px, calc(100vh - 260px));
        contain: strict;
        height: max(300px, calc(100vh - 260px));
      }
      table {
        table-layout: fixed;
      }
      thead th {
        position: sticky;
        top: 0;
        z-index: 1;
        background: var(--ground);
      }
      thead button {
        border: none;
        background: none;
        padding: 0;
        min-height: 0;
        max-width: 100%;
        font: inherit;
        font-weight: 600;
        overflow: hidden;
        text-overflow: ellipsis;
        display: inline-block;
      }
      th,
      td {
        white-space: nowrap;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      tbody tr {
        height: ${ROW}px;
      }
      tbody tr.opens {
        cursor: pointer;
      }
      tbody tr:hover {
        background: var(--soft);
      }
      tbody tr[aria-selected="true"] {
        background: var(--chosen);
      }
      tbody tr:focus-visible {
        outline-offset: -2px;
      }
      td.actions {
        text-align: end;
        padding: 0 2px 0 0;
      }
      tr.spacer,
      tr.spacer td {
        border: none;
        padding: 0;
      }
      tr.before,
      tr.before td {
        height: var(--before, 0);
      }
      tr.after,
      tr.after td {
        height: var(--after, 0);
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    void this.updateComplete.then(() => this.isConnected && this.sizes.observe(this.box));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.sizes.disconnect();
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("rows") || changed.has("sort") || changed.has("columns")) this.sorted = this.inOrder();
    this.active = Math.max(0, Math.min(this.active, this.sorted.length - 1));
    const [from, to] = this.range();
    this.style.setProperty("--before", `${from * ROW}px`);
    this.style.setProperty("--after", `${(this.sorted.length - to) * ROW}px`);
  }

  /** Moves the focus into the table. */
  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>("tbody tr[tabindex='0']")?.focus();
  }

  override render() {
    const columns = this.columns.filter((one) => (one.from ?? 0) <= this.width);
    const [from, to] = this.range();
    const count = columns.length + (this.selected ? 1 : 0) + (this.actions ? 1 : 0);
    return html`<div class="scroll ${this.inner ? "inner" : ""}" @scroll=${this.scrolled}>
      <table role="grid" aria-label=${this.label} aria-rowcount=${this.sorted.length + 1} @keydown=${this.typed}>
        <colgroup>
          ${this.selected ? html`<col width=${SELECT_WIDTH} />` : nothing}
          ${columns.map((one) => html`<col width=${one.width ?? nothing} />`)}
          ${this.actions ? html`<col width=${ACTIONS_WIDTH} />` : nothing}
        </colgroup>
        <thead>
          <tr aria-rowindex="1">
            ${this.selected ? html`<th>${this.selectAll()}</th>` : nothing} ${columns.map((one) => this.header(one))}
            ${this.actions ? html`<th><span class="hidden-text">${t("Actions")}</span></th>` : nothing}
          </tr>
        </thead>
        <tbody>
          ${from > 0 ? html`<tr class="spacer before" role="presentation"><td role="presentation" colspan=${count}></td></tr>` : nothing}
          ${repeat(
            this.sorted.slice(from, to),
            (row) => this.keyOf(row),
            (row, at) => this.line(row, from + at, columns),
          )}
          ${to < this.sorted.length ? html`<tr class="spacer after" role="presentation"><td role="presentation" colspan=${count}></td></tr>` : nothing}
        </tbody>
      </table>
    </div>`;
  }

  private header(column: Column<T>) {
    const down = this.sort === `-${column.key}`;
    const up = this.sort === column.key;
    return html`<th
      scope="col"
      class=${column.number ? "number" : ""}
      title=${column.title ?? nothing}
      aria-sort=${up ? "ascending" : down ? "descending" : nothing}
    >
      ${column.value
        ? html`<button type="button" @click=${() => this.sortBy(column, up)}>${column.label}${up ? " ▲" : down ? " ▼" : ""}</button>`
        : column.label}
    </th>`;
  }

  private line(row: T, at: number, columns: readonly Column<T>[]) {
    const key = this.keyOf(row);
    const chosen = this.selected?.has(key);
    return html`<tr
      class="${this.opens ? "opens" : ""} ${this.rowClass(row)}"
      data-at=${at}
      aria-rowindex=${at + 2}
      aria-selected=${this.selected ? String(chosen) : nothing}
      tabindex=${at === this.active ? 0 : -1}
      @focus=${() => (this.active = at)}
      @click=${(event: Event) => this.clicked(event, row)}
    >
      ${this.selected
        ? html`<td>
            <input
              type="checkbox"
              tabindex="-1"
              aria-label=${t("Select {name}", { name: this.nameOf(row) })}
              .checked=${chosen ?? false}
              @change=${() => this.toggle(key)}
            />
          </td>`
        : nothing}
      ${columns.map((one) => html`<td class=${one.number ? "number" : ""}>${one.cell(row)}</td>`)}
      ${this.actions ? html`<td class="actions"><hpm-menu .of=${this.nameOf(row)} .actions=${this.actions(row)}></hpm-menu></td>` : nothing}
    </tr>`;
  }

  private selectAll() {
    const all = this.sorted.length > 0 && this.sorted.every((row) => this.selected!.has(this.keyOf(row)));
    const change = () => this.emit("select", new Set(all ? [] : this.sorted.map((row) => this.keyOf(row))));
    return html`<input type="checkbox" aria-label=${t("Select all")} .checked=${all} @change=${change} />`;
  }

  private get inner(): boolean {
    return this.sorted.length > ALL;
  }

  private range(): [number, number] {
    if (!this.inner) return [0, this.sorted.length];
    const from = Math.max(0, Math.min(this.first - SPARE, this.sorted.length - 1));
    return [from, Math.min(this.sorted.length, this.first + Math.ceil(this.height / ROW) + SPARE)];
  }

  private inOrder(): readonly T[] {
    const down = this.sort.startsWith("-");
    const value = this.columns.find((one) => one.key === (down ? this.sort.slice(1) : this.sort))?.value;
    if (!value) return this.rows;
    const sign = down ? -1 : 1;
    const pairs = this.rows.map((row) => ({ row, value: value(row) }));
    pairs.sort((one, other) => {
      if (one.value === null || other.value === null) return Number(one.value === null) - Number(other.value === null);
      if (typeof one.value === "string") return sign * order.compare(one.value, String(other.value));
      return sign * (one.value - Number(other.value));
    });
    return pairs.map((pair) => pair.row);
  }

  private sortBy(column: Column<T>, up: boolean): void {
    // figures are mostly looked at from the largest on
    const first = column.number ? `-${column.key}` : column.key;
    const second = column.number ? column.key : `-${column.key}`;
    const isFirst = column.number ? this.sort === first : up;
    this.emit("sort", isFirst ? second : first);
  }

  private toggle(key: string | number): void {
    const next = new Set(this.selected);
    if (!next.delete(key)) next.add(key);
    this.emit("select", next);
  }

  private clicked(event: Event, row: T): void {
    if (!this.opens) return;
    const within = event.composedPath();
    const end = within.indexOf(event.currentTarget!);
    if (within.slice(0, end).some((one) => one instanceof Element && one.matches("a, button, input, hpm-menu"))) return;
    if (String(getSelection() ?? "")) return; // a text is being marked, to be copied
    this.emit("open", row);
  }

  private typed(event: KeyboardEvent): void {
    const target = event.composedPath()[0] as Element;
    if (!(target instanceof HTMLTableRowElement)) return;
    const page = Math.max(1, Math.floor(this.height / ROW) - 2);
    const moves: Record<string, number> = {
      ArrowDown: this.active + 1,
      ArrowUp: this.active - 1,
      PageDown: this.active + page,
      PageUp: this.active - page,
      Home: 0,
      End: this.sorted.length - 1,
    };
    const row = this.sorted[this.active];
    if (event.key in moves) void this.moveTo(moves[event.key]!);
    else if (event.key === "Enter" && this.opens && row) this.emit("open", row);
    else if (event.key === " " && this.selected && row) this.toggle(this.keyOf(row));
    else return;
    event.preventDefault();
  }

  private async moveTo(at: number): Promise<void> {
    this.active = Math.max(0, Math.min(at, this.sorted.length - 1));
    if (this.inner) {
      const top = this.active * ROW;
      const seen = this.height - 2 * ROW;
      if (top < this.box.scrollTop) this.box.scrollTop = top;
      else if (top > this.box.scrollTop + seen) this.box.scrollTop = top - seen;
      this.scrolled();
    }
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(`tr[data-at="${this.active}"]`)?.focus({ preventScroll: this.inner });
  }

  private readonly scrolled = (): void => {
    this.first = Math.floor(this.box.scrollTop / ROW);
  };

  private measure(): void {
    this.height = Math.min(this.box.clientHeight, innerHeight);
    this.width = this.box.clientWidth;
  }
}

const order = new Intl.Collator(undefined, { numeric: true });
