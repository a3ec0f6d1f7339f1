import { customElement, html } from "../base/element";
import { PageElement } from "../base/page";
import { t } from "../base/texts";

@customElement("hpm-about")
export class AboutPage extends PageElement {
  override render() {
    return html`<hpm-head heading=${t("About")}></hpm-head>`;
  }
}
