import { customElement, html } from "../base/element";
import { PageElement } from "../base/page";
import { t } from "../base/texts";

@customElement("hpm-adjustments")
export class AdjustmentsPage extends PageElement {
  override render() {
    return html`<hpm-head heading=${t("Adjustments")}></hpm-head>`;
  }
}
