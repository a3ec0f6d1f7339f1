/** Tabs: arrows, Home and End move and choose. Dispatches `choose` with the key; what a tab shows stands outside. */

import { css, customElement, html, HpmElement, property } from "../base/element";

export interface Tab {
  key: string;
  label: string;
}

@customElement("hpm-tabs")
export class TabsPart extends HpmElement {
  @property() label = "";
  @property({ attribute: false }) tabs: readonly Tab[] = [];
  @property() chosen = "";

  static override styles = [
    HpmElement.styles,
    css`
      [role="tablist"] {
        display: flex;
        gap: 4px;
        border-bottom: 1px solid var(--line);
        overflow-x: auto;
        overflow-y: hidden;
      }
      button {
        border: none;
        border-bottom: 3px solid transparent;
        border-radius: 0;
        background: none;
        min-height: 36px;
      }
      button[aria-selected="true"] {
        border-color: var(--accent);
        font-weight: 600;
      }
      button:focus-visible {
        outline-offset: -2px;
      }
    `,
  ];

  override render() {
    return html`<div role="tablist" aria-label=${this.label} @keydown=${this.typed}>
      ${this.tabs.map(
        (one) => html`<button
          type="button"
          role="tab"
          id=${one.key}
          aria-selected=${one.key === this.chosen}
          tabindex=${one.key === this.chosen ? 0 : -1}
          @click=${() => this.emit("choose", one.key)}
        >
          ${one.label}
        </button>`,
      )}
    </div>`;
  }

  private typed(event: KeyboardEvent): void {
    const at = this.tabs.findIndex((one) => one.key === this.chosen);
    const last = this.tabs.length - 1;
    const moves: Record<string, number> = { ArrowLeft: at === 0 ? last : at - 1, ArrowRight: at === last ? 0 : at + 1, Home: 0, End: last };
    const next = this.tabs[moves[event.key] ?? -1];
    if (!next) return;
    event.preventDefault();
    this.emit("choose", next.key);
    this.renderRoot.querySelector<HTMLElement>(`#${next.key}`)?.focus();
  }
}
