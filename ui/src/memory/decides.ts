/**
 * What decides on memory: business importance, memory policies, or both; whether policies may make servers swap; and
 * whether hpm may change KSM. Set at once, and taken back as easily. Who may only read sees a sentence.
 */

import type { Settings, SettingsUpdate } from "../api/types";
import { Resource } from "../api/resource";
import { app, mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, state } from "../base/element";
import { complain, tellUndo } from "../base/notices";
import { t } from "../base/texts";
import { DECIDES, decidesSentence, decidesWord, mergingSentence, type Decides } from "./words";

@customElement("hpm-memory-decides")
export class MemoryDecides extends HpmElement {
  /** How many policies there are. */
  @property({ type: Number }) policies = 0;
  @state() private busy = false;
  private readonly settings = new Resource<Settings>(this, () => "/settings");

  static override styles = [
    HpmElement.styles,
    css`
      fieldset {
        display: grid;
        gap: 8px;
      }
      .choice {
        align-items: start;
      }
      .choice input {
        flex: none;
        margin-top: 3px;
      }
    `,
  ];

  override render() {
    const settings = this.settings.value;
    if (!settings) {
      return this.settings.error
        ? html`<hpm-problem .what=${t("The settings cannot be read.")} .error=${this.settings.error} @retry=${() => this.settings.refresh()}></hpm-problem>`
        : html`<hpm-skeleton rows="3"></hpm-skeleton>`;
    }
    const decides = settings["memory-policy"] ?? "goals";
    const swap = settings["allow-guest-swap"] ?? false;
    const merging = settings["manage-ksm"] ?? true;
    if (!mayWrite()) {
      return html`<p><strong>${decidesWord(decides)}</strong> – ${decidesSentence(decides)}</p>
        <p class="help">${swap ? t("Policies may bring a server below what it uses.") : t("No policy brings a server below what it uses.")}</p>
        <p class="help">${mergingSentence(merging)}</p>`;
    }
    return html`<fieldset ?disabled=${this.busy}>
      <legend class="hidden-text">${t("What decides on memory")}</legend>
      ${DECIDES.map(
        (one) => html`<label class="choice">
          <input type="radio" name="decides" value=${one} .checked=${one === decides} @change=${() => this.decide(one, decides)} />
          <span>${decidesWord(one)}<br /><span class="help">${decidesSentence(one)}</span></span>
        </label>`,
      )}
      <label class="choice">
        <input type="checkbox" .checked=${swap} @change=${(event: Event) => this.allow((event.target as HTMLInputElement).checked)} />
        <span>${t("Policies may bring a server below what it uses, so that it swaps")}</span>
      </label>
      <label class="choice">
        <input type="checkbox" .checked=${merging} @change=${(event: Event) => this.merge((event.target as HTMLInputElement).checked)} />
        <span>${t("hpm manages how equal pages are merged (KSM)")}<br /><span class="help">${t("Switched off, what hpm changed of it is put back, and it is left alone. If an administrator changed it by hand, off and on again has hpm manage it again.")}</span></span>
      </label>
      ${decides === "mom" && this.policies === 0 ? html`<p class="wrong">${t("There is no memory policy yet, so nothing is moved.")}</p>` : nothing}
    </fieldset>`;
  }

  private decide(wanted: Decides, before: Decides): void {
    const said = (value: Decides) => t("What decides on memory: {what}.", { what: decidesWord(value) });
    void this.set({ "memory-policy": wanted }, { "memory-policy": before }, said(wanted));
  }

  private allow(wanted: boolean): void {
    const said = wanted ? t("Policies may bring a server below what it uses.") : t("No policy brings a server below what it uses.");
    void this.set({ "allow-guest-swap": wanted }, { "allow-guest-swap": !wanted }, said);
  }

  private merge(wanted: boolean): void {
    void this.set({ "manage-ksm": wanted }, { "manage-ksm": !wanted }, mergingSentence(wanted));
  }

  private async set(change: Partial<SettingsUpdate>, back: Partial<SettingsUpdate>, said: string): Promise<void> {
    this.busy = true;
    try {
      const answer = await app.client.post<Settings>("/settings", change, { etag: this.settings.etag });
      this.settings.set(answer);
      tellUndo(said, async () => {
        this.settings.set(await app.client.post<Settings>("/settings", back, { etag: answer.etag }));
        this.emit("decided");
      });
    } catch (error) {
      complain(t("What decides on memory was not changed."), error);
    } finally {
      this.busy = false;
      await this.settings.refresh();
      this.emit("decided");
    }
  }
}
