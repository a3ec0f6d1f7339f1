/** What a page shows instead of what it has not: rows that are being read, the first step, why there is nothing. */

import { css, customElement, html, HpmElement, property } from "../base/element";
import { complaint } from "../base/notices";
import { t } from "../base/texts";

/** Rows that are not there yet. They are seen only if it takes longer than 300 ms. */
@customElement("hpm-skeleton")
export class SkeletonPart extends HpmElement {
  @property({ type: Number }) rows = 5;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
        animation: appear 0s linear 300ms both;
      }
      @keyframes appear {
        from {
          visibility: hidden;
        }
      }
      i {
        display: block;
        height: 14px;
        margin: 11px 0;
        border-radius: var(--radius);
        background: var(--soft);
      }
      i:nth-child(odd) {
        width: 70%;
      }
    `,
  ];

  override render() {
    return html`<div role="status"><span class="hidden-text">${t("Loading…")}</span>${Array.from({ length: this.rows }, () => html`<i></i>`)}</div>`;
  }
}

/** There is nothing yet: what it would be, and (slot) the first step, with the button for it. */
@customElement("hpm-empty")
export class EmptyPart extends HpmElement {
  @property() heading = "";
  @property() text = "";

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: 8px;
        justify-items: center;
        padding: 32px var(--gap);
        text-align: center;
        border: 1px dashed var(--line);
        border-radius: var(--radius);
      }
      p {
        max-width: 40rem;
        color: var(--dim);
      }
    `,
  ];

  override render() {
    return html`<h2>${this.heading}</h2>
      <p>${this.text}</p>
      <div class="row"><slot></slot></div>`;
  }
}

/** Why something cannot be shown, and a button to try again, which dispatches `retry`. */
@customElement("hpm-problem")
export class ProblemPart extends HpmElement {
  @property() what = "";
  @property({ attribute: false }) error: Error | undefined;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: 8px;
        justify-items: start;
        padding: 12px var(--gap);
        border: 1px solid var(--missed);
        border-inline-start-width: 6px;
      }
    `,
  ];

  override render() {
    return html`<p role="alert">${this.what} ${this.error ? complaint(this.error) : ""}</p>
      <button type="button" @click=${() => this.emit("retry")}>${t("Try again")}</button>`;
  }
}
