import { customElement, html } from "../base/element";
import { PageElement } from "../base/page";
import { t } from "../base/texts";

@customElement("hpm-activity")
export class ActivityPage extends PageElement {
  override render() {
    return html`<hpm-head heading=${t("Activity")}></hpm-head>`;
  }
}
