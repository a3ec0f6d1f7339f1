/** How something stands to its goal: a shape and a word. */

import type { GoalStatus } from "../api/types";
import { css, customElement, html, HpmElement, property } from "../base/element";
import { SHAPES, statusWord } from "../base/words";

@customElement("hpm-status")
export class StatusPart extends HpmElement {
  @property() status: GoalStatus = "unmanaged";
  /** Only the shape is seen; the word is still there for who does not see it. */
  @property({ type: Boolean }) short = false;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        white-space: nowrap;
      }
      .met i {
        color: var(--met);
      }
      .missed {
        color: var(--missed);
        font-weight: 600;
      }
      .idle,
      .discretionary,
      .unmanaged,
      .paused {
        color: var(--dim);
      }
      i {
        font-style: normal;
        display: inline-block;
        width: 1.1em;
      }
    `,
  ];

  override render() {
    const word = statusWord(this.status);
    return html`<span class=${this.status} title=${this.short ? word : ""}
      ><i aria-hidden="true">${SHAPES[this.status]}</i>${this.short
        ? html`<span class="hidden-text">${word}</span>`
        : word}</span
    >`;
  }
}
