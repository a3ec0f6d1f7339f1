import { customElement, html } from "../base/element";
import { PageElement } from "../base/page";
import { t } from "../base/texts";

@customElement("hpm-policies")
export class PoliciesPage extends PageElement {
  override render() {
    return html`<hpm-head heading=${t("Policies")}></hpm-head>`;
  }
}
