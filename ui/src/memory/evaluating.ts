/**
 * What memory policies would do now, as they stand here: asked when what is typed has rested for a moment, and again
 * with each interval. Dispatches `evaluated` (an `Evaluated`) for each answer, so that the editor can mark errors.
 */

import type { ApiError } from "../api/client";
import type { MomEvaluation } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { complaint } from "../base/notices";
import { t } from "../base/texts";
import { Asking } from "../parts/asking";

export interface Evaluated {
  evaluation: MomEvaluation | null;
  /** Why there is none. */
  error: ApiError | null;
}

@customElement("hpm-memory-evaluating")
export class EvaluatingPart extends HpmElement {
  /** Texts by name. */
  @property({ attribute: false }) policies: Readonly<Record<string, string>> = {};
  /** The one that is being edited. */
  @property() policy = "";
  private readonly asking = new Asking<MomEvaluation>(this, "/mom/evaluate", () => ({ policies: this.policies }), {
    isBusy: (error) => error.status === 409, // or it does not know enough of the host yet
    answered: () => this.answered(),
    ticks: true,
  });

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: 12px;
        min-width: 0;
      }
      .old {
        filter: grayscale(1);
      }
    `,
  ];

  override render() {
    const { answer, error, busy } = this.asking;
    return html`<div role="status" aria-busy=${busy}>${this.sentence()}</div>
      ${answer && !error
        ? html`<hpm-memory-results class=${busy ? "old" : ""} .evaluation=${answer} .policy=${this.policy}></hpm-memory-results>`
        : nothing}`;
  }

  private sentence() {
    const { answer, error } = this.asking;
    if (error) {
      const { line } = error.details;
      return html`<p class="wrong">${typeof line === "number" ? t("Nothing is evaluated before the text can be read.") : `${t("It cannot be told now.")} ${complaint(error)}`}</p>`;
    }
    return answer ? nothing : html`<hpm-skeleton rows="3"></hpm-skeleton>`;
  }

  private answered(): void {
    const { answer, error } = this.asking;
    this.emit<Evaluated>("evaluated", { evaluation: error ? null : answer, error });
  }
}
