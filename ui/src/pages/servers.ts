import { customElement, html } from "../base/element";
import { PageElement } from "../base/page";
import { t } from "../base/texts";

@customElement("hpm-servers")
export class ServersPage extends PageElement {
  override render() {
    return html`<hpm-head heading=${t("Servers")}></hpm-head>`;
  }
}
