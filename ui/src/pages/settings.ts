/** Settings: what hpm may do, what starts leave room for, how often it looks, how long it remembers, whom it tells; tokens; and this browser. */

import { Resource } from "../api/resource";
import type { Settings } from "../api/types";
import { app, mayWrite } from "../base/app";
import { customElement, html } from "../base/element";
import { PageElement } from "../base/page";
import { t } from "../base/texts";
import "../settings/forms";
import "../settings/notifications";

@customElement("hpm-settings")
export class SettingsPage extends PageElement {
  private readonly settings = new Resource<Settings>(this, () => "/settings");

  override render() {
    return html`<hpm-head heading=${t("Settings")} sentence=${mayWrite() ? "" : t("You may read the settings of hpm, and change your own.")} .error=${this.settings.value ? this.settings.error : undefined}></hpm-head>
      <div class="stack">
        <section class="panel stack" aria-label=${t("CPU management")}>
          <h2>${t("CPU management")}</h2>
          <hpm-level></hpm-level>
        </section>
        <section class="panel stack" aria-label=${t("Memory management")}>
          <h2>${t("Memory management")}</h2>
          <hpm-level of="memory"></hpm-level>
          <hpm-memory-rivals></hpm-memory-rivals>
        </section>
        ${this.forms()}
        <hpm-tokens></hpm-tokens>
        <hpm-browser></hpm-browser>
      </div>`;
  }

  private forms() {
    const { value, error } = this.settings;
    if (!value) {
      return error
        ? html`<hpm-problem .what=${t("The settings cannot be read.")} .error=${error} @retry=${() => this.settings.refresh()}></hpm-problem>`
        : html`<hpm-skeleton rows="6"></hpm-skeleton>`;
    }
    const saved = async () => {
      await this.settings.refresh();
      app.live.interval = this.settings.value?.["interval-seconds"] ?? app.live.interval; // figures come as often
    };
    return html`<hpm-settings-admission .settings=${value} @saved=${saved}></hpm-settings-admission>
      <hpm-settings-timing .settings=${value} @saved=${saved}></hpm-settings-timing>
      <hpm-settings-history .settings=${value} @saved=${saved}></hpm-settings-history>
      <hpm-settings-notifications .settings=${value} @saved=${saved}></hpm-settings-notifications>`;
  }
}
