/**
 * Shows the messages that `base/notices` tells, until they are dismissed; those of things done go by themselves, but
 * not while the pointer or the focus is at them. Dispatches `left` when the focus was at the last one, which went.
 */

import { css, customElement, html, HpmElement, nothing, repeat, state } from "../base/element";
import { notices, type Notice } from "../base/notices";
import { t } from "../base/texts";

const SECONDS = 12;
const MOST = 4;

@customElement("hpm-notices")
export class NoticesPart extends HpmElement {
  @state() private shown: readonly Notice[] = [];
  /** When each of those goes that go by themselves. */
  private readonly timers = new Map<Notice, number>();

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

  constructor() {
    super();
    for (const type of ["pointerenter", "focusin"]) this.addEventListener(type, () => this.hold());
    for (const type of ["pointerleave", "focusout"]) this.addEventListener(type, () => this.release());
  }

  override connectedCallback(): void {
    super.connectedCallback();
    notices.addEventListener("notice", this.add);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    notices.removeEventListener("notice", this.add);
    this.hold();
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
              ? html`<button class="plain" type="button" @click=${(event: MouseEvent) => this.act(one, event)}>${one.action.label}</button>`
              : nothing}
            <button class="plain" type="button" aria-label=${t("Dismiss")} @click=${(event: MouseEvent) => this.dismiss(one, event)}>✕</button>
          </li>`,
        )}
      </ol>
    </div>`;
  }

  private readonly add = (event: Event): void => {
    const notice = (event as CustomEvent<Notice>).detail;
    this.shown = [...this.shown.filter((one) => one.text !== notice.text), notice].slice(-MOST);
    this.release();
  };

  private hold(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  /** Those that go by themselves have all their time from now on; the time of those that had begun goes on. */
  private release(): void {
    if (this.matches(":hover, :focus-within")) return;
    for (const one of this.shown) {
      if (one.kind === "done" && !this.timers.has(one)) this.timers.set(one, window.setTimeout(() => this.drop(one), 1000 * SECONDS));
    }
  }

  private act(notice: Notice, event: MouseEvent): void {
    this.dismiss(notice, event);
    notice.action?.run();
  }

  private dismiss(notice: Notice, event: MouseEvent): void {
    const at = this.shown.indexOf(notice);
    this.drop(notice);
    void this.updateComplete.then(() => {
      // by keyboard: the button that had the focus is gone, which must not be lost
      if (event.detail === 0) this.focusAt(at);
      this.release();
    });
  }

  private focusAt(at: number): void {
    const rows = this.renderRoot.querySelectorAll("li");
    const row = rows[Math.min(at, rows.length - 1)];
    if (row) row.querySelector<HTMLElement>("button:last-of-type")?.focus();
    else this.emit("left");
  }

  private drop(notice: Notice): void {
    clearTimeout(this.timers.get(notice));
    this.timers.delete(notice);
    this.shown = this.shown.filter((one) => one !== notice);
  }
}
