/** What a user likes in this browser: the language of the pages, their colours, and whether single keys do something. */

import { app } from "../base/app";
import { css, customElement, html, HpmElement, nothing, state } from "../base/element";
import { paint, preferences, type Colours } from "../base/preferences";
import { LANGUAGES, t } from "../base/texts";

@customElement("hpm-browser")
export class BrowserPart extends HpmElement {
  @state() private colours: Colours = preferences.colours;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
      }
      fieldset {
        display: grid;
        gap: 6px;
      }
      legend {
        padding: 0 0 4px;
      }
      .choices {
        display: flex;
        flex-wrap: wrap;
        gap: 8px var(--gap);
      }
      .choice {
        min-height: 24px;
      }
    `,
  ];

  override render() {
    const colours: [Colours, string][] = [["system", app.wok ? t("as Wok's page") : t("as the system has them")], ["light", t("light")], ["dark", t("dark")]];
    return html`<section class="panel stack" aria-label=${t("This browser")}>
      <div>
        <h2>${t("This browser")}</h2>
        <p class="help">${t("Kept by this browser, for you alone.")}</p>
      </div>
      ${app.wok ? nothing : this.language()}
      <fieldset>
        <legend>${t("Colours")}</legend>
        <div class="choices">
          ${colours.map(
            ([value, label]) => html`<label class="choice">
              <input type="radio" name="colours" value=${value} .checked=${this.colours === value} @change=${() => this.paint(value)} />${label}
            </label>`,
          )}
        </div>
      </fieldset>
      <label class="choice">
        <input type="checkbox" .checked=${preferences.keys} @change=${(event: Event) => (preferences.keys = (event.target as HTMLInputElement).checked)} />
        ${t("Single keys: / searches on the page, ? opens the help")}
      </label>
    </section>`;
  }

  private language() {
    const chosen = preferences.language ?? "";
    return html`<div class="field">
      <label for="language">${t("Language")}</label>
      <select id="language" @change=${this.speak}>
        <option value="" .selected=${chosen === ""}>${t("as the browser says")}</option>
        ${Object.entries(LANGUAGES).map(([value, name]) => html`<option value=${value} lang=${value.replace("_", "-")} .selected=${chosen === value}>${name}</option>`)}
      </select>
      <span class="help">${t("The page is loaded again.")}</span>
    </div>`;
  }

  private speak(event: Event): void {
    preferences.language = (event.target as HTMLSelectElement).value || null;
    location.reload();
  }

  private paint(colours: Colours): void {
    preferences.colours = this.colours = colours;
    paint();
  }
}
