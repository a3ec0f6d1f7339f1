/** Tokens, with which programs use the API: one's own, for administrators all. A secret is shown once. */

import { asApiError, type ApiError } from "../api/client";
import { Resource } from "../api/resource";
import type { NewToken, Token } from "../api/types";
import { app, mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, query, state } from "../base/element";
import { ago, exact } from "../base/format";
import { tell } from "../base/notices";
import { later, t } from "../base/texts";
import type { DialogPart } from "./dialog";

const DAY = 86_400_000;
/** How long a token is valid, in days; 0: for ever. */
const LIVES: readonly (readonly [days: number, label: string])[] = [
  [7, later("7 days")],
  [30, later("30 days")],
  [90, later("90 days")],
  [365, later("one year")],
  [0, later("until it is revoked")],
];

@customElement("hpm-tokens")
export class TokensPart extends HpmElement {
  @state() private made: NewToken | null = null;
  @state() private doomed: Token | null = null;
  /** Whether a token is being made; before that, the browser must not look for a field to begin with. */
  @state() private making = false;
  /** Whether the browser has copied the secret; null: it was not asked to. */
  @state() private copied: boolean | null = null;
  @state() private busy = false;
  @state() private error: ApiError | null = null;
  @query("#make") private makeDialog!: DialogPart;
  @query("#secret-dialog") private secretDialog!: DialogPart;
  @query("#revoke") private revokeDialog!: DialogPart;
  private readonly tokens = new Resource<{ tokens: Token[] }>(this, () => "/tokens");

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
      }
      .scroll {
        overflow-x: auto;
        position: relative; /* or texts for who does not see would make the page wider */
      }
      td,
      th {
        white-space: nowrap;
      }
      td.name {
        white-space: normal;
        min-width: 8rem;
        overflow-wrap: anywhere;
      }
      .secret {
        user-select: all;
      }
    `,
  ];

  override render() {
    return html`<section class="panel stack" aria-label=${t("Tokens")}>
      <div class="spread">
        <div>
          <h2>${t("Tokens")}</h2>
          <p class="help">
            ${mayWrite()
              ? t("Programs use the API with a token instead of your password. These are all tokens of this host.")
              : t("Programs use the API with a token instead of your password. These are yours; they can read only.")}
          </p>
        </div>
        <button type="button" @click=${this.begin}>${t("Create a token…")}</button>
      </div>
        ${this.list()}
      </section>
      ${this.makeForm()} ${this.secretShown()} ${this.revokeQuestion()}`;
  }

  private list() {
    const tokens = this.tokens.value?.tokens;
    if (!tokens) {
      return this.tokens.error
        ? html`<hpm-problem .what=${t("Tokens cannot be read.")} .error=${this.tokens.error} @retry=${() => this.tokens.refresh()}></hpm-problem>`
        : html`<hpm-skeleton rows="2"></hpm-skeleton>`;
    }
    if (tokens.length === 0) return html`<p class="dim">${t("There are none.")}</p>`;
    return html`<div class="scroll" role="region" tabindex="0" aria-label=${t("Tokens")}>
      <table>
        <thead>
          <tr>
            <th scope="col">${t("Name")}</th>
            <th scope="col">${t("User")}</th>
            <th scope="col">${t("May")}</th>
            <th scope="col">${t("Ends")}</th>
            <th scope="col">${t("Last used")}</th>
            <th scope="col"><span class="hidden-text">${t("Actions")}</span></th>
          </tr>
        </thead>
        <tbody>
          ${tokens.map((one) => this.line(one))}
        </tbody>
      </table>
    </div>`;
  }

  private line(one: Token) {
    const over = one.expires !== null && Date.parse(one.expires) < Date.now();
    const used = one["last-used"];
    return html`<tr>
      <td class="name">${one.name}</td>
      <td>${one.user}</td>
      <td>${one.role === "admin" ? t("read and write") : t("read")}</td>
      <td>${one.expires === null ? t("does not end") : over ? html`<span class="wrong">${t("ended")}</span>` : exact(one.expires)}</td>
      <td title=${used ? exact(used) : ""}>${used ? ago(used) : t("not yet")}</td>
      <td>
        <button class="plain" type="button" aria-label=${t("Revoke {name}", { name: one.name })} @click=${() => this.ask(one)}>${t("Revoke")}</button>
      </td>
    </tr>`;
  }

  private makeForm() {
    const wrong = (path: string) => (this.error?.field === path ? "true" : nothing);
    return html`<hpm-dialog id="make" heading=${t("Create a token")} action=${t("Create")} .busy=${this.busy} .error=${this.error} @save=${this.create}>
      <div class="stack">
        <div class="field">
          <label for="name">${t("Name")}</label>
          <input id="name" ?autofocus=${this.making} autocomplete="off" maxlength="64" aria-invalid=${wrong("name")} aria-describedby="name-help" />
          <span class="help" id="name-help">${t("What it is for, such as: backup script.")}</span>
        </div>
        ${mayWrite()
          ? html`<div class="field">
              <label for="role">${t("May")}</label>
              <select id="role">
                <option value="user">${t("read")}</option>
                <option value="admin">${t("read and write")}</option>
              </select>
            </div>`
          : nothing}
        <div class="field">
          <label for="life">${t("Ends after")}</label>
          <select id="life" aria-invalid=${wrong("expires")}>
            ${LIVES.map(([days, label]) => html`<option value=${days} ?selected=${days === 90}>${t(label)}</option>`)}
          </select>
        </div>
      </div>
    </hpm-dialog>`;
  }

  private secretShown() {
    return html`<hpm-dialog id="secret-dialog" heading=${t("The token {name}", { name: this.made?.name ?? "" })} @close=${() => (this.made = null)}>
      <div class="stack">
        <p>${t("Copy it now: it is not shown again. A program sends it as “Authorization: Bearer …”.")}</p>
        <pre class="secret" tabindex="0" aria-label=${t("Secret of the token")}>${this.made?.secret}</pre>
        <div class="row">
          <button class="primary" type="button" @click=${this.copy}>${t("Copy")}</button>
          <span role="status" class=${this.copied === false ? "wrong" : ""}
            >${this.copied === null ? "" : this.copied ? t("Copied.") : t("The browser does not copy it. It is marked now: copy it with the keyboard.")}</span
          >
        </div>
      </div>
    </hpm-dialog>`;
  }

  private revokeQuestion() {
    const values = { name: this.doomed?.name ?? "", user: this.doomed?.user ?? "" };
    return html`<hpm-dialog
      id="revoke"
      heading=${t("Revoke the token {name}?", values)}
      action=${t("Revoke")}
      danger
      .busy=${this.busy}
      .error=${this.error}
      @save=${this.revoke}
    >
      <p>${t("Programs that use the token {name} of {user} are refused from now on. This cannot be undone.", values)}</p>
    </hpm-dialog>`;
  }

  private readonly begin = (): void => {
    this.error = null;
    this.making = true;
    const name = this.renderRoot.querySelector<HTMLInputElement>("#name");
    if (name) name.value = "";
    this.makeDialog.show();
  };

  private readonly create = async (): Promise<void> => {
    const value = (id: string) => this.renderRoot.querySelector<HTMLInputElement | HTMLSelectElement>(`#${id}`)?.value ?? "";
    const days = Number(value("life"));
    const expires = days ? new Date(Date.now() + days * DAY).toISOString() : null;
    await this.doing(async () => {
      const { content } = await app.client.post<NewToken>("/tokens", { name: value("name").trim(), role: value("role") || "user", expires });
      this.makeDialog.close();
      this.made = content;
      this.copied = null;
      this.secretDialog.show();
    });
  };

  private readonly copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(this.made!.secret);
      this.copied = true;
    } catch {
      // it may not, or cannot: without HTTPS there is no clipboard
      this.copied = false;
      const secret = this.renderRoot.querySelector<HTMLElement>(".secret")!;
      secret.focus();
      getSelection()?.selectAllChildren(secret);
    }
  };

  private ask(one: Token): void {
    this.error = null;
    this.doomed = one;
    this.revokeDialog.show();
  }

  private readonly revoke = async (): Promise<void> => {
    const { name, "object-id": id } = this.doomed!;
    await this.doing(async () => {
      await app.client.delete(`/tokens/${encodeURIComponent(id)}`);
      this.revokeDialog.close();
      tell(t("The token {name} was revoked.", { name }));
    });
  };

  private async doing(work: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.error = null;
    try {
      await work();
    } catch (error) {
      this.error = asApiError(error);
    } finally {
      this.busy = false;
      void this.tokens.refresh();
    }
  }
}
