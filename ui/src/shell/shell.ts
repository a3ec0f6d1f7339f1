/** The frame of the pages: who looks at which host, the navigation, messages, help; in Wok only what Wok has not. */

import { asApiError } from "../api/client";
import { mirror } from "../api/mirror";
import type { Version, WhoIAm } from "../api/types";
import { app } from "../base/app";
import { css, customElement, html, HpmElement, nothing, query, state } from "../base/element";
import { complain, complaint } from "../base/notices";
import { PAGES, pageOf, type PageEntry } from "../base/pages";
import { link, type PageElement } from "../base/page";
import { place, type Place } from "../base/place";
import { forgetDrafts, preferences } from "../base/preferences";
import { t } from "../base/texts";
import { tokens } from "../base/theme";
import type { DialogPart } from "../parts/dialog";
import { begun } from "./begin";
import { loginOfWok } from "./wok";

/** Beside the script, in Wok, too. */
const DOCUMENTS = new URL("../docs/docs/index.html", import.meta.url).href;

@customElement("hpm-app")
export class Shell extends HpmElement {
  @state() private place: Place = place("");
  @state() private state: "begin" | "login" | "in" = "begin";
  @state() private problem = "";
  @state() private lost = false;
  @state() private version: Version | null = null;
  /** On the way to Wok's login. */
  private leaving = false;
  /** What the page is about, as it says. */
  private about = "";
  @query("#help") private help!: DialogPart;
  private stopListening = () => {};
  private spoken: Promise<void> = Promise.resolve();

  static override styles = [
    tokens,
    HpmElement.styles,
    css`
      :host {
        display: block;
        min-height: 100vh;
      }
      :host([wok]) {
        min-height: 0;
      }
      .mast {
        display: flex;
        flex-wrap: wrap;
        gap: 4px var(--gap);
        align-items: center;
        padding: 8px var(--gap);
        border-bottom: 1px solid var(--line);
        background: var(--soft);
      }
      .mast strong {
        font-size: 1.0625rem;
      }
      .mast .who {
        margin-inline-start: auto;
      }
      .body {
        display: grid;
        grid-template-columns: 13rem minmax(0, 1fr);
      }
      nav {
        padding: 12px 0;
        border-inline-end: 1px solid var(--line);
        min-height: calc(100vh - 50px);
      }
      nav a {
        display: block;
        padding: 6px var(--gap);
        color: var(--text);
        border-inline-start: 3px solid transparent;
      }
      nav a:hover {
        background: var(--soft);
        text-decoration: none;
      }
      nav a[aria-current] {
        border-color: var(--accent);
        background: var(--chosen);
        font-weight: 600;
      }
      main {
        padding: 20px 24px 40px;
        min-width: 0;
        max-width: 100rem;
      }
      .lost {
        padding: 6px var(--gap);
        color: var(--missed);
        border-bottom: 1px solid var(--missed);
      }
      .skip {
        position: absolute;
        inset: 8px auto auto 8px;
        z-index: 20;
      }
      .skip:not(:focus) {
        clip-path: inset(50%);
      }
      kbd {
        font: inherit;
        padding: 0 6px;
        border: 1px solid var(--edge);
        border-radius: var(--radius);
      }
      dl {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 6px 16px;
      }
      :host([wok]) nav {
        display: flex;
        min-height: 0;
        padding: 0 24px;
        border: none;
        border-bottom: 1px solid var(--line);
      }
      :host([wok]) nav a {
        padding: 8px 12px;
        border: none;
        border-bottom: 3px solid transparent;
      }
      :host([wok]) nav a[aria-current] {
        border-color: var(--accent);
        background: none;
      }
      @media (max-width: 760px) {
        .body {
          grid-template-columns: minmax(0, 1fr);
        }
        nav {
          display: flex;
          overflow-x: auto;
          min-height: 0;
          padding: 0;
          border: none;
          border-bottom: 1px solid var(--line);
        }
        nav a {
          white-space: nowrap;
          padding: 8px 12px;
          border: none;
          border-bottom: 3px solid transparent;
        }
        main {
          padding: 12px 12px 32px;
        }
      }
    `,
  ];

  override connectedCallback(): void {
    this.spoken = begun(this);
    super.connectedCallback();
    this.place = app.places.read();
    this.stopListening = app.places.listen(() => this.moved());
    app.live.addEventListener("connection", this.connection);
    addEventListener("keydown", this.typed);
    app.client.onLogout = () => this.loggedOut();
    if (app.wok || preferences.session) void this.enter();
    else this.state = "login";
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stopListening();
    app.live.removeEventListener("connection", this.connection);
    removeEventListener("keydown", this.typed);
    app.live.stop();
  }

  /** Nothing is shown before its language is known. */
  protected override async scheduleUpdate(): Promise<void> {
    await this.spoken;
    super.scheduleUpdate();
  }

  override render() {
    if (this.state === "begin") {
      return this.problem
        ? html`<main><hpm-problem .what=${this.problem} @retry=${() => this.enter()}></hpm-problem></main>`
        : html`<main><hpm-skeleton rows="6"></hpm-skeleton></main>`;
    }
    if (this.state === "login") {
      return html`<main><hpm-login .message=${this.problem} @login=${this.loggedIn}></hpm-login></main>`;
    }
    const page = pageOf(this.place);
    return html`${app.wok ? nothing : this.mast()}
      <div role="status">
        ${this.lost ? html`<p class="lost">▲ ${t("hpm does not answer. What you see is getting old; trying again…")}</p>` : nothing}
      </div>
      ${app.wok
        ? html`${this.navigation(PAGES.filter((one) => one.tab === page.tab), page)}<main>${page.render(this.place)}</main>`
        : html`<div class="body">
            ${this.navigation(PAGES, page)}
            <main id="main" @named=${this.named}>${page.render(this.place)}</main>
          </div>`}
      <hpm-notices @left=${() => this.focusPage()}></hpm-notices>
      ${this.helpDialog()}`;
  }

  /** Links to pages; where there is but one, none. In Wok, where Wok's tabs lead to most, those that share a tab. */
  private navigation(pages: readonly PageEntry[], page: PageEntry) {
    if (pages.length < 2) return nothing;
    return html`<nav aria-label=${t("Pages")}>
      ${pages.map((one) => html`<a href=${link(one.name)} aria-current=${one === page ? "page" : nothing}>${t(one.label)}</a>`)}
    </nav>`;
  }

  private mast() {
    return html`<a class="skip button" href="#main" @click=${this.skip}>${t("Skip to content")}</a>
      <header class="mast">
        <strong>hpm</strong>
        <span title=${this.version?.["hypervisor-uri"] ?? ""}>${location.hostname}</span>
        ${this.version?.hypervisor === "simulated" ? html`<span class="dim">${t("a simulated host, not a real one")}</span>` : nothing}
        <span class="who row">
          <span>${app.who?.user}${app.who?.role === "user" ? html` <span class="dim">(${t("read-only")})</span>` : nothing}</span>
          <button class="plain" type="button" @click=${() => this.help.show()}>${t("Help")}</button>
          <button class="plain" type="button" @click=${this.logOut}>${t("Log out")}</button>
        </span>
      </header>`;
  }

  private helpDialog() {
    return html`<hpm-dialog id="help" heading=${t("Help")}>
      <dl>
        <dt><kbd>/</kbd></dt>
        <dd>${t("search on this page")}</dd>
        <dt><kbd>?</kbd></dt>
        <dd>${t("this help")}</dd>
        <dt><kbd>↑</kbd> <kbd>↓</kbd></dt>
        <dd>${t("move in tables, lists and menus; Enter opens")}</dd>
        <dt><kbd>Enter</kbd></dt>
        <dd>${t("In a chart: marks one end of a time, and pressed again the other, to zoom in.")}</dd>
        <dt><kbd>Esc</kbd></dt>
        <dd>${t("close what is open")}</dd>
        <dt>${t("velocity")}</dt>
        <dd>${t("100 × time run / (time run + time waited for a CPU): how fast a server gets on, in percent.")}</dd>
        <dt>${t("PI")}</dt>
        <dd>${t("Performance index: goal velocity / velocity. Up to 1.05 the goal is met.")}</dd>
        <dt>${t("discretionary")}</dt>
        <dd>${t("without a goal: gets what is left.")}</dd>
      </dl>
      <p><a href=${DOCUMENTS} target="_blank" rel="noopener">${t("The documentation, in English")}</a></p>
    </hpm-dialog>`;
  }

  /** Finds out who looks, and shows the page. */
  private async enter(): Promise<void> {
    this.problem = "";
    const both = new AbortController();
    const { signal } = both;
    try {
      const [who, version] = await Promise.all([
        app.client.get<WhoIAm>("/login", { signal }),
        app.client.get<Version>("/version", { signal }),
      ]);
      if (!this.isConnected) return; // Wok shows another tab by now
      app.who = who.content;
      this.version = version.content;
      app.live.interval = version.content["interval-seconds"];
      this.state = "in";
      app.live.start();
      this.titled();
      void this.entryShown();
    } catch (error) {
      // one refusal is enough: the other answer may come late, and be about a session that is over, or not at all
      both.abort();
      if (asApiError(error).status === 401) this.loggedOut();
      else if (this.state === "begin") this.problem = complaint(error);
    }
  }

  private async loggedIn(event: CustomEvent<WhoIAm>): Promise<void> {
    app.who = event.detail;
    this.state = "begin";
    await this.enter();
    await this.focusPage();
  }

  private loggedOut(): void {
    if (this.state === "login") return; // all that the page asked for is refused; the first one said it
    if (app.wok) {
      // once: to go there again would break off the way there
      if (!this.leaving) location.href = loginOfWok();
      this.leaving = true;
      return;
    }
    this.problem = this.state === "in" ? t("The session has ended. Log in again.") : "";
    this.leave();
  }

  private leave(): void {
    app.live.stop();
    mirror.reset();
    app.who = null;
    preferences.session = false;
    this.state = "login";
  }

  private async logOut(): Promise<void> {
    try {
      await app.client.post("/logout");
    } catch (error) {
      if (asApiError(error).status !== 401) return complain(t("Not logged out."), error);
    }
    this.problem = "";
    forgetDrafts();
    this.leave();
  }

  private readonly connection = (): void => {
    this.lost = !app.live.connected;
  };

  private moved(): void {
    const before = this.place;
    this.place = app.places.read();
    if (before.page === this.place.page && before.id === this.place.id) return;
    this.about = "";
    this.titled();
    this.help?.close();
    if (before.page === this.place.page && this.page()?.whole) return;
    scrollTo(0, 0);
    void this.entryShown();
    void this.focusPage();
  }

  /** Brings the entry of the page into sight: on narrow windows they stand beside each other, and more than fit. */
  private async entryShown(): Promise<void> {
    await this.updateComplete;
    this.renderRoot.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  private titled(): void {
    if (app.wok) return;
    document.title = `${this.about && `${this.about} – `}${t(pageOf(this.place).label)} – ${location.hostname} – hpm`;
  }

  private named(event: CustomEvent<string>): void {
    this.about = event.detail;
    this.titled();
  }

  private page(): PageElement | null {
    return this.renderRoot.querySelector<PageElement>("main > *");
  }

  private async focusPage(): Promise<void> {
    await this.updateComplete;
    const page = this.page();
    await page?.updateComplete;
    page?.focus();
  }

  private skip(event: Event): void {
    event.preventDefault();
    void this.focusPage();
  }

  private readonly typed = (event: KeyboardEvent): void => {
    const target = event.composedPath()[0] as HTMLElement;
    const typing = target.matches?.("input:not([type=checkbox], [type=radio]), textarea, select");
    if (this.state !== "in" || !preferences.keys || typing || event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (event.composedPath().some((one) => one instanceof HTMLDialogElement)) return;
    if (event.key === "/") this.page()?.focusSearch?.();
    else if (event.key === "?") this.help.show();
    else return;
    event.preventDefault();
  };
}
