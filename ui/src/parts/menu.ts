/** A button that opens a list of actions. Arrows, Home and End move, Esc closes, a letter goes to the action's name. */

import { css, customElement, html, HpmElement, nothing, property, query, state } from "../base/element";
import { t } from "../base/texts";

export interface Action {
  label: string;
  run: () => void;
  /** It destroys something: such actions come last, behind a line. */
  danger?: boolean;
  /** Why it cannot be done now; then it does nothing. */
  not?: string;
}

@customElement("hpm-menu")
export class MenuPart extends HpmElement {
  @property() label = "";
  /** Of what, for who hears the page: "Actions of Gold". */
  @property() of = "";
  @property({ attribute: false }) actions: readonly Action[] = [];
  /** Without a button of its own: `showFor` opens it. */
  @property({ type: Boolean }) bare = false;
  @state() private open = false;
  /** What is listed. While it is open it stays as it is: nothing moves under the mouse. */
  private shown: readonly Action[] = [];
  @query("button[aria-haspopup]") private own!: HTMLButtonElement | null;
  private anchor: HTMLElement | null = null;
  private back = (): void => this.own?.focus();
  @query("[popover]") private list!: HTMLElement;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: inline-block;
      }
      [popover] {
        position: fixed;
        inset: auto;
        margin: 0;
        padding: 4px 0;
        min-width: 10rem;
        max-width: calc(100vw - 16px);
        color: var(--text);
        background: var(--raised);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        box-shadow: 0 4px 16px rgb(0 0 0 / 20%);
      }
      [role="menuitem"] {
        display: block;
        width: 100%;
        border: none;
        border-radius: 0;
        background: none;
        text-align: start;
        padding: 4px 16px;
        white-space: normal;
      }
      [role="menuitem"]:hover,
      [role="menuitem"]:focus {
        background: var(--chosen);
        outline-offset: -2px;
      }
      .danger {
        color: var(--missed);
      }
      [aria-disabled="true"] {
        color: var(--dim);
        cursor: default;
      }
      hr {
        border: none;
        border-top: 1px solid var(--line);
        margin: 4px 0;
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("scroll", this.scrolled, { capture: true });
  }

  override willUpdate(): void {
    if (!this.open) this.shown = this.actions;
  }

  override render() {
    const harmless = this.shown.filter((one) => !one.danger);
    const dangerous = this.shown.filter((one) => one.danger);
    const name = this.label || t("Actions");
    const named = this.of ? t("{name} of {thing}", { name, thing: this.of }) : name;
    return html`${this.bare ? nothing : this.opener(named)}
      <div popover="auto" role="menu" aria-label=${named} @toggle=${this.toggled} @keydown=${this.typed}>
        ${harmless.map((one) => this.item(one))}
        ${harmless.length > 0 && dangerous.length > 0 ? html`<hr role="separator" />` : nothing}
        ${dangerous.map((one) => this.item(one))}
      </div>`;
  }

  /** Whether it is seen. */
  get showing(): boolean {
    return this.open;
  }

  /** Opens it beside that element; for one menu of many things. `back` gives the focus back afterwards. */
  async showFor(anchor: HTMLElement, of: string, actions: readonly Action[], back: () => void): Promise<void> {
    this.anchor = anchor;
    this.back = back;
    this.of = of;
    this.shown = this.actions = actions;
    await this.updateComplete;
    this.show();
  }

  private opener(named: string) {
    return html`<button
      type="button"
      aria-haspopup="menu"
      aria-expanded=${this.open}
      aria-label=${named}
      @click=${this.toggle}
      @keydown=${this.opened}
    >
      ${this.label || "⋮"}${this.label ? html`<span aria-hidden="true">▾</span>` : nothing}
    </button>`;
  }

  private item(one: Action) {
    return html`<button
      type="button"
      role="menuitem"
      tabindex="-1"
      class=${one.danger ? "danger" : ""}
      aria-disabled=${one.not ? "true" : "false"}
      title=${one.not ?? ""}
      @click=${() => this.choose(one)}
    >
      ${one.label}${one.not ? html`<span class="help"><br />${one.not}</span>` : nothing}
    </button>`;
  }

  private choose(one: Action): void {
    if (one.not) return;
    this.list.hidePopover();
    this.back();
    one.run();
  }

  private readonly toggle = (): void => {
    if (this.open) this.list.hidePopover();
    else this.show();
  };

  private show(): void {
    this.list.showPopover();
    this.open = true;
    const anchor = (this.anchor ?? this.own!).getBoundingClientRect();
    const size = this.list.getBoundingClientRect();
    const below = anchor.bottom + size.height + 4 <= innerHeight || anchor.top < size.height;
    this.list.style.top = `${Math.max(4, below ? anchor.bottom + 2 : anchor.top - size.height - 2)}px`;
    this.list.style.left = `${Math.max(8, Math.min(anchor.right - size.width, innerWidth - size.width - 8))}px`;
    this.items()[0]?.focus();
  }

  private toggled(event: ToggleEvent): void {
    this.open = event.newState === "open";
    if (this.open) addEventListener("scroll", this.scrolled, { capture: true, passive: true });
    else removeEventListener("scroll", this.scrolled, { capture: true });
  }

  /** What it belongs to moves away: it does not stay behind. */
  private readonly scrolled = (event: Event): void => {
    if (!event.composedPath().includes(this.list)) this.list.hidePopover();
  };

  private opened(event: KeyboardEvent): void {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    this.show();
  }

  private typed(event: KeyboardEvent): void {
    const items = this.items();
    const at = items.indexOf(this.shadowRoot!.activeElement as HTMLElement);
    const letter = event.key.length === 1 ? event.key.toLowerCase() : "";
    let next = -1;
    if (event.key === "ArrowDown") next = (at + 1) % items.length;
    else if (event.key === "ArrowUp") next = (at - 1 + items.length) % items.length;
    else if (event.key === "Home") next = 0;
    else if (event.key === "End") next = items.length - 1;
    else if (event.key === "Tab" || event.key === "Escape") {
      this.list.hidePopover();
      this.back();
      event.stopPropagation();
      if (event.key === "Tab") return;
    } else if (letter.trim()) {
      const order = [...items.slice(at + 1), ...items.slice(0, at + 1)];
      next = items.indexOf(order.find((one) => one.textContent!.trim().toLowerCase().startsWith(letter)) ?? items[at]!);
    } else return;
    event.preventDefault();
    items[next]?.focus();
  }

  private items(): HTMLElement[] {
    return [...this.renderRoot.querySelectorAll<HTMLElement>("[role=menuitem]")];
  }
}
