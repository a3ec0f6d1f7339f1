import { html, customElement } from "../base/element";
import { PageElement } from "../base/page";
@customElement("hpm-overview")
export class OverviewPage extends PageElement {
  override render() {
    return html`<hpm-head heading="Overview"></hpm-head>`;
  }
}
