/**
 * A table that stays quick with 10,000 rows: only rows that are seen are there. All rows are 36 px high.
 *
 * By keyboard: one row is in the order of Tab, with what is in it; arrows, Page Up and Down, Home and End move, also
 * from within; arrows to the sides go through what is in a row; Enter opens the row (event `open`, the row), Space
 * selects it. The row that has the focus keeps it, and its place on the screen, when figures and order change. The
 * header's buttons sort. With less room columns of a lower rank go first.
 */

import { customElement, html, HpmElement, nothing, property, query, repeat, state, type PropertyValues } from "../base/element";
import { t } from "../base/texts";
import type { Action, MenuPart } from "./menu";
import { nextSort, type Column } from "./table-column";
import { asBefore, ordered } from "./table-order";
import { ROW, tableStyle } from "./table-style";
import { asText, itemsOf, moved, slotsOf, STEP, toggled, windowOf } from "./table-window";

export type { Column } from "./table-column";

type Key = string | number;

/** Up to so many rows, the page scrolls and not the table. */
const ALL = 30;
/** So many elements at least that long tables share, so that they are shared also while few rows are wanted of many. */
const SLOTS = 2 * ALL;
const SELECT_WIDTH = 30;
const ACTIONS_WIDTH = 36;
const ROOM_BELOW = 32;
const HELD = 3000; // ms at most that the order waits for a button to be let go
const LAST = -2; // the last control of a row, where its menu is opened; -1 is the row itself
const CONTROLS = "a, button, input";

@customElement("hpm-table")
export class TablePart<T = unknown> extends HpmElement {
  @property() label = "";
  @property({ attribute: false }) columns: readonly Column<T>[] = [];
  /** Another array when any row has changed, be it within a row. */
  @property({ attribute: false }) rows: readonly T[] = [];
  /** What a row is known by, also when its figures change. */
  @property({ attribute: false }) keyOf: (row: T) => Key = (row) => String(row);
  /** The key of the column that it is sorted by, with `-` before it: downwards. "": as the rows come. */
  @property() sort = "";
  /** Actions of a row, in a menu at its end; it may take a moment to find out which. */
  @property({ attribute: false }) actions: ((row: T) => readonly Action[] | Promise<readonly Action[]>) | null = null;
  /** A row's name, for those actions and for selecting. */
  @property({ attribute: false }) nameOf: (row: T) => string = (row) => String(this.keyOf(row));
  /** Keys of the selected rows; null: rows are not selected. Dispatches `select` with the new set. */
  @property({ attribute: false }) selected: ReadonlySet<Key> | null = null;
  @property({ attribute: false }) rowClass: (row: T) => string = () => "";
  /** Whether Enter or a click on a row opens it. */
  @property({ type: Boolean }) opens = false;

  @state() private first = 0;
  @state() private height = 600;
  @state() private width = 1000;
  @state() private active = 0;
  @state() private said = "";
  @query(".scroll") private box!: HTMLElement;
  @query("hpm-menu") private menu!: MenuPart;
  private activeKey: Key | null = null;
  private sorted: readonly T[] = [];
  private allSelected = false;
  private lastToggled: Key | null = null;
  private long = false; // whether it ever had more rows than it shows at once
  private base = 0; // the row that has the first of the elements that rows share
  private shownFrom = 0;
  private top = 0; // where it is scrolled to
  private topWanted: number | null = null;
  /** Where the focus is in the rows: at which control of the active row, -1: at the row; null: not in the rows. */
  private focused: number | null = null;
  private pressed = 0; // when a button went down on a row
  private readonly sizes = new ResizeObserver(() => this.measure());

  static override styles = [HpmElement.styles, tableStyle];

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("resize", this.measure);
    addEventListener("pointerup", this.released);
    addEventListener("pointercancel", this.released);
    if (this.hasUpdated) this.scrollSoon(this.top); // it was put aside, and comes back
    void this.updateComplete.then(() => this.isConnected && this.sizes.observe(this.box));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("resize", this.measure);
    removeEventListener("pointerup", this.released);
    removeEventListener("pointercancel", this.released);
    this.sizes.disconnect();
  }

  override willUpdate(changed: PropertyValues<this>): void {
    this.focused = this.focusedControl() ?? (this.menu?.showing ? LAST : null);
    const other = changed.has("rows") || changed.has("sort") || changed.has("columns");
    if (other) this.arrange(changed.has("sort") && changed.get("sort") !== undefined);
    if (this.focused === null && this.inner) this.activateSeen();
    if (other || changed.has("selected")) {
      const chosen = this.selected;
      this.allSelected = chosen !== null && this.sorted.length > 0 && this.sorted.every((row) => chosen.has(this.keyOf(row)));
    }
  }

  override updated(changed: PropertyValues<this>): void {
    if (this.topWanted !== null) {
      this.box.scrollTop = this.topWanted;
      this.topWanted = null;
      this.scrolled();
    }
    for (const line of this.renderRoot.querySelectorAll<HTMLElement>("tr[data-at]")) {
      const reachable = Number(line.dataset["at"]) === this.active ? 0 : -1;
      for (const control of line.querySelectorAll<HTMLElement>(CONTROLS)) if (control.tabIndex !== reachable) control.tabIndex = reachable;
    }
    if (this.focused !== null && !this.menu?.showing) this.refocus(this.focused);
    if (changed.has("rows")) requestAnimationFrame(this.measure);
  }

  /** Moves the focus into the table. */
  override focus(): void {
    this.lineAt(this.active)?.focus();
  }

  /** Scrolls to the first row: others are shown than before. */
  toTop(): void {
    if (this.top > 0) this.scrollSoon(0);
  }

  /** The selected rows (without, all of them) as text, as sheets read it. */
  copied(): string {
    const { selected } = this;
    return asText(this.columns, selected?.size ? this.sorted.filter((row) => selected.has(this.keyOf(row))) : this.sorted);
  }

  override render() {
    const columns = this.columns.filter((one) => (one.from ?? 0) <= this.width);
    const widths = columns.map((one) => (one.width ? `${one.width}px` : "minmax(0, 1fr)"));
    if (this.selected) widths.unshift(`${SELECT_WIDTH}px`);
    if (this.actions) widths.push(`${ACTIONS_WIDTH}px`);
    this.style.setProperty("--columns", widths.join(" "));
    return html`<div class="scroll ${this.inner ? "inner" : ""}" tabindex="-1" @scroll=${this.scrolled} @copy=${this.copy}>
        <table role="grid" aria-label=${this.label} aria-rowcount=${this.sorted.length + 1} @keydown=${this.typed}>
          <thead role="rowgroup">
            <tr role="row" aria-rowindex="1">
              ${this.selected ? html`<th role="columnheader" class="select">${this.selectAll()}</th>` : nothing} ${columns.map((one) => this.header(one))}
              ${this.actions ? html`<th role="columnheader"><span class="hidden-text">${t("Actions")}</span></th>` : nothing}
            </tr>
          </thead>
          <tbody role="rowgroup" @pointerdown=${() => (this.pressed = performance.now())}>
            ${this.body(columns)}
          </tbody>
        </table>
      </div>
      <p class="hidden-text" role="status">${this.said}</p>
      ${this.actions ? html`<hpm-menu bare></hpm-menu>` : nothing}`;
  }

  /** The rows that are there, and room for the others. */
  private body(columns: readonly Column<T>[]) {
    const rows = this.sorted.length;
    const seen = Math.ceil(this.height / ROW);
    const window = this.inner ? windowOf(this.first, seen, rows) : { from: 0, to: rows };
    // the row that has the focus is there wherever it is: an element that goes takes the focus along
    const pinned = this.focused !== null && (this.active < window.from || this.active >= window.to) ? this.active : -1;
    const items = itemsOf(window, pinned, rows);
    for (const one of items) if ("gap" in one) this.style.setProperty(`--gap${one.order}`, `${one.gap * ROW}px`);
    const slots = Math.max(SLOTS, slotsOf(seen));
    // few elements move to the other end; to move many takes longer than to have all of them show others where they are
    if (Math.abs(window.from - this.shownFrom) > slotsOf(seen) / 3) this.base += window.from - this.shownFrom;
    this.shownFrom = window.from;
    return repeat(
      items,
      (one) => {
        if ("gap" in one) return `gap${one.order}`;
        if (one.at === pinned) return "pinned";
        return this.long ? (((one.at - this.base) % slots) + slots) % slots : this.keyOf(this.sorted[one.at]!);
      },
      (one) =>
        "gap" in one
          ? html`<tr class="gap${one.order}" role="presentation"></tr>`
          : this.line(this.sorted[one.at]!, one.at, columns),
    );
  }

  private header(column: Column<T>) {
    const down = this.sort === `-${column.key}`;
    const up = this.sort === column.key;
    return html`<th
      role="columnheader"
      class=${column.number ? "number" : ""}
      title=${column.title ?? nothing}
      aria-sort=${up ? "ascending" : down ? "descending" : nothing}
    >
      ${column.value
        ? html`<button type="button" @click=${() => this.sortBy(column)}>
            ${column.label}${up || down ? html`<span aria-hidden="true">${up ? " ▲" : " ▼"}</span>` : nothing}
          </button>`
        : html`<span class=${column.heard ? "hidden-text" : ""}>${column.label}</span>`}
    </th>`;
  }

  private line(row: T, at: number, columns: readonly Column<T>[]) {
    const key = this.keyOf(row);
    const chosen = this.selected?.has(key) ?? false;
    return html`<tr
      role="row"
      class="${this.opens ? "opens" : ""} ${this.rowClass(row)}"
      data-at=${at}
      aria-rowindex=${at + 2}
      aria-selected=${this.selected ? String(chosen) : nothing}
      tabindex=${at === this.active ? 0 : -1}
      @focusin=${() => this.activate(at, key)}
      @click=${(event: Event) => this.clicked(event, row)}
    >
      ${this.selected ? html`<td role="gridcell" class="select">${this.checkbox(this.nameOf(row), chosen, (event) => this.toggle(key, event.shiftKey))}</td>` : nothing}
      ${columns.map((one) => html`<td role="gridcell" class=${one.number ? "number" : ""}>${one.cell(row)}</td>`)}
      ${this.actions
        ? html`<td role="gridcell" class="actions">
            <button
              class="plain more"
              type="button"
              aria-haspopup="menu"
              aria-label=${t("{name} of {thing}", { name: t("Actions"), thing: this.nameOf(row) })}
              @click=${(event: Event) => this.openMenu(event, row)}
            >⋮</button>
          </td>`
        : nothing}
    </tr>`;
  }

  private selectAll() {
    const change = () => this.emit("select", new Set(this.allSelected ? [] : this.sorted.map((row) => this.keyOf(row))));
    return this.checkbox(null, this.allSelected, change);
  }

  private checkbox(name: string | null, checked: boolean, change: (event: MouseEvent) => void) {
    const label = name === null ? t("Select all") : t("Select {name}", { name });
    return html`<label class="box"><input type="checkbox" aria-label=${label} .checked=${checked} @click=${change} /></label>`;
  }

  private get inner(): boolean {
    return this.sorted.length > ALL;
  }

  /** Puts the rows in order. The active one stays the active one, and where it is on the screen if it has the focus. */
  private arrange(sortedAnew: boolean): void {
    const before = this.active;
    const seen = (before + 1) * ROW > this.top && before * ROW < this.top + this.height;
    const waits = !sortedAnew && this.pressed > 0 && performance.now() - this.pressed < HELD;
    this.sorted = waits ? asBefore(this.rows, this.sorted, this.keyOf) : this.inOrder();
    this.long ||= this.inner;
    const last = Math.max(0, this.sorted.length - 1);
    const found = this.activeKey === null ? -1 : this.sorted.findIndex((row) => this.keyOf(row) === this.activeKey);
    this.active = found < 0 ? Math.min(before, last) : found;
    if (found < 0) this.activeKey = null;
    const most = Math.max(0, (this.sorted.length + 1) * ROW - this.height);
    let top = Math.min(this.top, most);
    if (this.focused !== null && seen) top = Math.min(most, Math.max(0, this.top + (this.active - before) * ROW));
    else if (sortedAnew) top = 0;
    if (this.inner && top !== this.top) this.scrollSoon(top);
  }

  private inOrder(): readonly T[] {
    const down = this.sort.startsWith("-");
    const value = this.columns.find((one) => one.key === (down ? this.sort.slice(1) : this.sort))?.value;
    return value ? ordered(this.rows, value, down) : this.rows;
  }

  private sortBy(column: Column<T>): void {
    const next = nextSort(column, this.sort);
    const name = { column: column.title ? `${column.label} (${column.title})` : column.label };
    this.said = next.startsWith("-") ? t("Sorted by {column}, downwards.", name) : t("Sorted by {column}, upwards.", name);
    this.emit("sort", next);
  }

  /** Selects a row or not; with Shift, all from the one before to it as that one. */
  private toggle(key: Key, range = false): void {
    const from = range ? this.lastToggled : null;
    const next = toggled(this.selected!, this.sorted.map((row) => this.keyOf(row)), key, from);
    this.lastToggled = key;
    this.emit("select", next);
  }

  private async openMenu(event: Event, row: T): Promise<void> {
    const anchor = event.currentTarget as HTMLElement;
    const actions = await this.actions!(row);
    if (actions.length === 0 || !this.isConnected) return;
    this.activate(this.sorted.findIndex((one) => this.keyOf(one) === this.keyOf(row)), this.keyOf(row)); // be the focus where it may: that row is not given away
    await this.menu.showFor(anchor, this.nameOf(row), actions, () => this.refocus(LAST));
  }

  private clicked(event: Event, row: T): void {
    if (!this.opens) return;
    const within = event.composedPath();
    const end = within.indexOf(event.currentTarget!);
    if (within.slice(0, end).some((one) => one instanceof Element && one.matches("a, button, input, label, hpm-menu"))) return;
    if (String(getSelection() ?? "")) return; // a text is being marked, to be copied
    this.emit("open", row);
  }

  private copy(event: ClipboardEvent): void {
    if (String(getSelection() ?? "") || !this.selected?.size || !event.clipboardData) return;
    event.clipboardData.setData("text/plain", this.copied());
    event.preventDefault();
  }

  // -- by keyboard

  private typed(event: KeyboardEvent): void {
    const target = event.composedPath()[0] as HTMLElement;
    const line = target.closest<HTMLElement>("tr[data-at]");
    if (!line || event.ctrlKey || event.altKey || event.metaKey) return;
    const move = moved(event.key, this.active, Math.floor(this.height / ROW) - 2, this.sorted.length);
    const row = this.sorted[this.active];
    const stops = [line, ...line.querySelectorAll<HTMLElement>(CONTROLS)];
    const beside = { ArrowRight: 1, ArrowLeft: -1 }[event.key] ?? 0;
    if (move !== null) this.moveTo(move);
    else if (beside) stops[stops.indexOf(target) + beside]?.focus();
    else if (target !== line) return;
    else if (event.key === "Enter" && this.opens && row) this.emit("open", row);
    else if (event.key === " " && this.selected && row) this.toggle(this.keyOf(row), event.shiftKey);
    else return;
    event.preventDefault();
  }

  private moveTo(to: number): void {
    const row = this.sorted[to];
    if (!row) return;
    if (this.inner) {
      const top = to * ROW;
      const seen = this.height - 2 * ROW;
      if (top < this.top) this.scrollSoon(top);
      else if (top > this.top + seen) this.scrollSoon(top - seen);
    }
    this.activate(to, this.keyOf(row));
  }

  private activate(at: number, key: Key): void {
    this.active = at;
    this.activeKey = key;
  }

  /** Without the focus in the rows, Tab comes to one that is seen. */
  private activateSeen(): void {
    const from = Math.ceil(this.top / ROW);
    const to = Math.floor((this.top + this.height) / ROW) - 2;
    if (this.active >= from && this.active <= to) return;
    this.active = Math.max(0, Math.min(from, this.sorted.length - 1));
    this.activeKey = null;
  }

  private focusedControl(): number | null {
    const element = this.shadowRoot?.activeElement;
    const line = element?.closest("tr[data-at]");
    return line ? [...line.querySelectorAll(CONTROLS)].indexOf(element!) : null;
  }

  private refocus(control: number): void {
    const line = this.lineAt(this.active);
    const controls = [...(line?.querySelectorAll<HTMLElement>(CONTROLS) ?? [])];
    const target = (control === LAST ? controls.at(-1) : controls[control]) ?? line ?? this.box;
    if (target === this.shadowRoot!.activeElement) return;
    target.focus({ preventScroll: this.inner });
  }

  private lineAt(at: number): HTMLElement | null {
    return this.renderRoot.querySelector<HTMLElement>(`tr[data-at="${at}"]`);
  }

  // -- scrolling and sizes

  private scrollSoon(top: number): void {
    this.topWanted = top;
    this.top = top;
    this.first = stepOf(top);
    this.requestUpdate();
  }

  private readonly scrolled = (): void => {
    this.top = this.box.scrollTop;
    this.first = stepOf(this.top);
  };

  /** What was pressed was let go: the order that waited for that is made. */
  private readonly released = (): void => {
    if (!this.pressed) return;
    this.pressed = 0;
    setTimeout(() => this.requestUpdate("rows")); // after the click that comes of it
  };

  private readonly measure = (): void => {
    if (!this.isConnected || !this.box) return;
    const top = this.getBoundingClientRect().top + scrollY;
    this.style.setProperty("--above", `${Math.round(top) + ROOM_BELOW}px`);
    this.height = Math.min(this.box.clientHeight, innerHeight);
    this.width = this.box.clientWidth;
  };
}

/** The row that is at the top, in steps. */
const stepOf = (top: number): number => Math.floor(top / ROW / STEP) * STEP;
