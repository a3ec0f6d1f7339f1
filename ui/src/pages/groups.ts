import { customElement, html } from "../base/element";
import { PageElement } from "../base/page";
import { t } from "../base/texts";

@customElement("hpm-groups")
export class GroupsPage extends PageElement {
  override render() {
    return html`<hpm-head heading=${t("Groups")}></hpm-head>`;
  }
}
