import { customElement, html } from "../base/element";
import { PageElement } from "../base/page";
import { t } from "../base/texts";

@customElement("hpm-settings")
export class SettingsPage extends PageElement {
  override render() {
    return html`<hpm-head heading=${t("Settings")}></hpm-head><hpm-level></hpm-level>`;
  }
}
