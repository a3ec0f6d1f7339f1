/** Shows the messages that `base/notices` tells, until they are dismissed; those of things done go by themselves. */

import { css, customElement, html, HpmElement, nothing, repeat, state } from "../base/element";
import { notices, type Notice } from "../base/notices";
import { t } from "../base/texts";

const SECONDS = 12;
const MOST = 4;

@customElement("hpm-notices")
export class NoticesPart extends HpmElement {
  @state() private shown: readonly Notice[] = [];

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        position: fixed;
        inset-block-end: 16px;
        inset-inline-end: 16px;
        z-index: 10;
        display: grid;
        gap: 8px;
        max-width: min(28rem, calc(100vw - 32px));
      }
      li {
        display: flex;
        gap: 8px;
        align-items: center;
        margin-top: 8px;
        padding: 8px 8px 8px 12px;
        border: 1px solid var(--line);
        border-inline-start: 6px solid var(--met);
        border-radius: var(--radius);
        background: var(--raised);
        box-shadow: 0 4px 16px rgb(0 0 0 / 20%);
      }
      li.problem {
        border-inline-start-color: var(--missed);
      }
      p {
        flex: 1;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    notices.addEventListener("notice", this.add);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    notices.removeEventListener("notice", this.add);
  }

  override render() {
    return html`<div role="log" aria-live="polite" aria-label=${t("Messages")}>
      <ol class="plain-list">
        ${repeat(
          this.shown,
          (one) => one,
          (one) => html`<li class=${one.kind}>
            <p>${one.text}</p>
            ${one.action
              ? html`<button class="plain" type="button" @click=${() => this.act(one)}>${one.action.label}</button>`
              : nothing}
            <button class="plain" type="button" aria-label=${t("Dismiss")} @click=${() => this.dismiss(one)}>✕</button>
          </li>`,
        )}
      </ol>
    </div>`;
  }

  private readonly add = (event: Event): void => {
    const notice = (event as CustomEvent<Notice>).detail;
    this.shown = [...this.shown.filter((one) => one.text !== notice.text), notice].slice(-MOST);
    if (notice.kind === "done") setTimeout(() => this.dismiss(notice), 1000 * SECONDS);
  };

  private act(notice: Notice): void {
    this.dismiss(notice);
    notice.action?.run();
  }

  private dismiss(notice: Notice): void {
    this.shown = this.shown.filter((one) => one !== notice);
  }
}
