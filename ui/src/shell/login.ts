/** Logs in. Dispatches `login` with who it is. */

import { ApiError } from "../api/client";
import type { WhoIAm } from "../api/types";
import { app } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, query, state } from "../base/element";
import { complaint } from "../base/notices";
import { preferences } from "../base/preferences";
import { t } from "../base/texts";

@customElement("hpm-login")
export class Login extends HpmElement {
  /** Why one has to log in again. */
  @property() message = "";
  @state() private problem = "";
  @state() private busy = false;
  @query("input[name=user]") private user!: HTMLInputElement;
  @query("input[name=password]") private password!: HTMLInputElement;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        justify-content: center;
        padding: 10vh var(--gap);
      }
      form {
        display: grid;
        gap: var(--gap);
        width: min(22rem, calc(100vw - 32px));
      }
      .problem {
        padding: 8px 12px;
        border: 1px solid var(--missed);
        border-inline-start-width: 6px;
      }
    `,
  ];

  override firstUpdated(): void {
    this.user.focus();
  }

  override render() {
    const said = this.problem || this.message;
    return html`<form @submit=${this.logIn}>
      <div>
        <h1>${t("Hypervisor Performance Manager")}</h1>
        <p class="help">${t("Log in to {host} with your user and password of that host.", { host: location.hostname })}</p>
      </div>
      ${said ? html`<p class="problem" role="alert">${said}</p>` : nothing}
      <div class="field">
        <label for="user">${t("User")}</label>
        <input id="user" name="user" autocomplete="username" autocapitalize="none" spellcheck="false" required />
      </div>
      <div class="field">
        <label for="password">${t("Password")}</label>
        <input id="password" name="password" type="password" autocomplete="current-password" required />
      </div>
      <div><button class="primary" type="submit" ?disabled=${this.busy}>${this.busy ? t("Working…") : t("Log in")}</button></div>
    </form>`;
  }

  private async logIn(event: Event): Promise<void> {
    event.preventDefault();
    this.busy = true;
    try {
      const body = { user: this.user.value, password: this.password.value };
      const { content } = await app.client.post<WhoIAm>("/login", body);
      if (content.role === null) {
        const groups = t("it is neither in hpmadm nor in hpmuser");
        throw new ApiError(t("{user} may not use hpm: {why}.", { user: content.user, why: groups }));
      }
      preferences.session = true;
      this.emit("login", content);
    } catch (error) {
      this.problem = `${t("Not logged in.")} ${complaint(error)}`;
      this.password.value = "";
      await this.updateComplete;
      this.password.focus();
    } finally {
      this.busy = false;
    }
  }
}
