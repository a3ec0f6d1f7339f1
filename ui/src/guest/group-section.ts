/** What the guest policy of a group says. Dispatches `edit`. */

import type { Group } from "../api/types";
import { mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { t } from "../base/texts";
import { fieldLabel, said } from "./words";

@customElement("hpm-group-guest")
export class GroupGuestPart extends HpmElement {
  @property({ attribute: false }) group!: Group;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
      }
      dl {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(min(14rem, 100%), 1fr));
        gap: 8px var(--gap);
        margin: 8px 0;
      }
      dt {
        font-size: var(--small);
      }
    `,
  ];

  override render() {
    const all = said(this.group["guest-policy"]);
    return html`<section>
      <div class="spread">
        <h2>${t("Guest policy")}</h2>
        ${mayWrite() ? html`<button type="button" @click=${() => this.emit("edit")}>${t("Change guest policy…")}</button>` : nothing}
      </div>
      ${all.length > 0
        ? html`<dl>${all.map(([name, words]) => html`<div><dt>${fieldLabel(name)}</dt><dd>${words}</dd></div>`)}</dl>
            <p class="help">${t("For its servers that neither themselves nor by their class say otherwise.")}</p>`
        : html`<p class="dim">${t("It says nothing of how its servers are placed, limited and started.")}</p>`}
    </section>`;
  }
}
