/**
 * The head of a page: what it is about, how old its figures are, why they are not fresher, and what can be done
 * (slot `actions`). Old figures are said to be old; the page greys them by the attribute `stale` of its own.
 */

import { app } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, state } from "../base/element";
import { exact, span } from "../base/format";
import { t } from "../base/texts";
import { complaint } from "../base/notices";

/** Intervals after which figures are old. */
const OLD = 3;

/** Whether figures measured then (ms) are old. */
export function isOld(measured: number, now = Date.now()): boolean {
  return measured > 0 && now - measured > 1000 * (OLD * app.live.interval + 5);
}

@customElement("hpm-head")
export class HeadPart extends HpmElement {
  @property() heading = "";
  @property() sentence = "";
  /** When the figures were measured, in ms; 0: there are none that get old. */
  @property({ type: Number }) measured = 0;
  /** Why the figures are not fresher, as the API says. */
  @property({ attribute: false }) problem: string | null = null;
  /** Why the newest try to read them failed. */
  @property({ attribute: false }) error: Error | undefined;
  @state() private now = Date.now();
  private timer = 0;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
        margin-bottom: var(--gap);
      }
      .spread {
        align-items: start;
      }
      h1:focus {
        outline: none;
      }
      .old {
        color: var(--missed);
        font-weight: 600;
      }
      .problem {
        margin-top: 4px;
        padding: 8px 12px;
        border: 1px solid var(--missed);
        border-inline-start-width: 6px;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.timer = window.setInterval(() => (this.now = Date.now()), 1000);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.timer);
  }

  override updated(): void {
    const page = (this.getRootNode() as ShadowRoot).host;
    page?.toggleAttribute("stale", isOld(this.measured, this.now));
  }

  override render() {
    const age = (this.now - this.measured) / 1000;
    const old = isOld(this.measured, this.now);
    const said = age < 1 ? t("measured now") : t("measured {time} ago", { time: span(age) });
    const why = this.problem ?? (this.error ? complaint(this.error) : null);
    return html`<div class="spread">
        <div>
          <h1 tabindex="-1">${this.heading}</h1>
          ${this.sentence ? html`<p>${this.sentence}</p>` : nothing}
          ${this.measured
            ? html`<p class=${old ? "old" : "help"} title=${exact(this.measured)}>${old ? t("Old figures: {said}", { said }) : said}</p>`
            : nothing}
        </div>
        <div class="row"><slot name="actions"></slot></div>
      </div>
      <div role="status">
        ${old ? html`<span class="hidden-text">${t("The figures are old.")}</span>` : nothing}
        ${why && (this.problem || old || !this.measured)
          ? html`<p class="problem">${this.measured ? t("No new figures: {why}", { why }) : why}</p>`
          : nothing}
      </div>`;
  }

  /** Moves the focus to the heading, when the page has come to be shown. */
  override focus(): void {
    void this.updateComplete.then(() => this.renderRoot.querySelector("h1")?.focus());
  }
}
