/**
 * A dialog with a form: a heading, what stands between the tags, and the buttons Cancel and `action`.
 *
 * Dispatches `save` when it is to be done, and `close` when it has been closed. An error of the API is told in a
 * summary that takes the focus; where it names a field, the field's own component shows it too.
 */

import { ApiError } from "../api/client";
import { css, customElement, html, HpmElement, nothing, property, query, type PropertyValues } from "../base/element";
import { t } from "../base/texts";
import { complaint } from "../base/notices";

@customElement("hpm-dialog")
export class DialogPart extends HpmElement {
  @property() heading = "";
  /** The button that does it; empty: there is nothing to do but to close. */
  @property() action = "";
  @property({ type: Boolean }) danger = false;
  /** Whether what was typed is being sent; the button then cannot be pressed again, and says why. */
  @property({ type: Boolean }) busy = false;
  @property({ type: Boolean }) wide = false;
  @property({ attribute: false }) error: ApiError | string | null = null;

  @query("dialog") private dialog!: HTMLDialogElement;

  static override styles = [
    HpmElement.styles,
    css`
      dialog {
        width: min(36rem, calc(100vw - 32px));
        max-height: calc(100dvh - 32px);
        padding: 0;
        border: 1px solid var(--line);
        border-radius: var(--radius);
        color: var(--text);
        background: var(--ground);
        box-shadow: 0 8px 32px rgb(0 0 0 / 25%);
        overflow: hidden;
      }
      dialog[open] {
        display: grid;
        grid-template: auto minmax(0, 1fr) auto / minmax(0, 1fr);
      }
      dialog.wide {
        width: min(64rem, calc(100vw - 32px));
      }
      dialog::backdrop {
        background: rgb(0 0 0 / 50%);
      }
      header,
      footer {
        padding: 12px var(--gap);
      }
      header h2 {
        font-size: 1.25rem;
      }
      .body {
        padding: 0 var(--gap) var(--gap);
        overflow: auto;
      }
      footer {
        border-top: 1px solid var(--line);
        flex-direction: row-reverse;
        justify-content: flex-start;
      }
      .summary {
        padding: 8px 12px;
        margin-bottom: var(--gap);
        border: 1px solid var(--missed);
        border-inline-start-width: 6px;
      }
    `,
  ];

  show(): void {
    void this.updateComplete.then(() => {
      if (this.dialog.open) return;
      this.dialog.showModal();
      const first = this.querySelector<HTMLElement>("[autofocus]");
      first?.focus();
    });
  }

  close(): void {
    if (this.dialog?.open) this.dialog.close();
  }

  override updated(changed: PropertyValues<this>) {
    if (changed.has("error") && this.error) this.renderRoot.querySelector<HTMLElement>(".summary")?.focus();
  }

  override render() {
    return html`<dialog
      class=${this.wide ? "wide" : ""}
      aria-labelledby="heading"
      @close=${this.closed}
      @keydown=${this.typed}
    >
      <header><h2 id="heading">${this.heading}</h2></header>
      <div class="body">
        ${this.error
          ? html`<p class="summary" role="alert" tabindex="-1">${typeof this.error === "string" ? this.error : complaint(this.error)}</p>`
          : nothing}
        <slot></slot>
      </div>
      <footer class="row">
        ${this.action
          ? html`<button class=${this.danger ? "danger" : "primary"} type="button" ?disabled=${this.busy} @click=${this.save}>
                ${this.busy ? t("Working…") : this.action}
              </button>
              <button type="button" @click=${this.close}>${t("Cancel")}</button>`
          : html`<button type="button" @click=${this.close}>${t("Close")}</button>`}
        <slot name="actions"></slot>
      </footer>
    </dialog>`;
  }

  private readonly save = (): void => {
    if (!this.busy) this.emit("save");
  };

  private closed(event: Event): void {
    event.stopPropagation();
    this.dispatchEvent(new CustomEvent("close"));
  }

  /** Enter in a field of one line sends the form, as in a form of the browser's. */
  private typed(event: KeyboardEvent): void {
    const target = event.composedPath()[0];
    if (event.key !== "Enter" || event.isComposing || event.defaultPrevented || !this.action) return;
    if (!(target instanceof HTMLInputElement) || ["checkbox", "radio", "button", "file"].includes(target.type)) return;
    event.preventDefault();
    this.save();
  }
}
