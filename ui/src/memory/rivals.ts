/**
 * Other programs that manage memory on this host (momd, ksmtuned, VDSM), and what comes of that; those that hpm has
 * stopped. An administrator can take over from the former, and start the latter again. Hidden where there are none.
 */

import { asApiError, type ApiError } from "../api/client";
import { Resource } from "../api/resource";
import type { Level, Levels, MomRivals, MomStopped } from "../api/types";
import { app, mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, query, state } from "../base/element";
import { ago, exact, list } from "../base/format";
import { complaint, tell, tellUndo } from "../base/notices";
import { Now } from "../base/now";
import { plural, t } from "../base/texts";
import type { DialogPart } from "../parts/dialog";
import { rivalPlace, stoppedName } from "./words";

const RIVALS = "/mom/rivals";
/** Seconds until hpm is asked again who runs; it looks as often itself. */
const PERIOD = 30;

type Deed = "take-over" | "give-back";

@customElement("hpm-memory-rivals")
export class MemoryRivals extends HpmElement {
  @state() private asks: Deed | null = null;
  @state() private busy = false;
  @state() private refused: ApiError | null = null;
  @query("hpm-dialog") private dialog!: DialogPart;
  /** When hpm was asked last. */
  private looked = 0;
  private readonly now = new Now(this);
  private readonly found = new Resource<MomRivals>(this, () => RIVALS, { kinds: ["mgmt-levels"], ticks: false });
  private readonly levels = new Resource<Levels>(this, () => "/mgmt-levels", { kinds: ["mgmt-levels"], ticks: false });

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: 8px;
        grid-template-columns: minmax(0, 1fr);
      }
      :host([hidden]) {
        display: none;
      }
      .note {
        display: grid;
        gap: 8px;
        justify-items: start;
        padding: 8px 12px;
        border: 1px solid var(--advice);
        border-inline-start-width: 6px;
      }
      .note.contested {
        border-color: var(--missed);
      }
      ul {
        margin: 0;
        padding-inline-start: 1.2em;
      }
      li {
        overflow-wrap: anywhere;
      }
      code {
        white-space: nowrap;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.looked = Date.now(); // it is read by itself now
    app.live.addEventListener("tick", this.ticked);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    app.live.removeEventListener("tick", this.ticked);
  }

  private readonly ticked = (): void => {
    if (Date.now() - this.looked < 1000 * PERIOD) return;
    this.looked = Date.now();
    void this.found.refresh();
  };

  override willUpdate(): void {
    const { value, error } = this.found;
    // a dialog that cannot be seen would still have the page
    this.hidden = !this.asks && (value ? value.rivals.length + value.stopped.length === 0 : !error);
  }

  override updated(): void {
    // what is asked about has been done by somebody else
    const { value } = this.found;
    if (!value || this.busy) return;
    if (this.asks === "take-over" ? !value.rivals.some((one) => one.stoppable) : this.asks && value.stopped.length === 0) this.dialog.close();
  }

  override render() {
    const { value } = this.found;
    if (!value) return this.found.error ? html`<p class="help">${t("It is not known whether another program manages memory on this host.")}</p>` : nothing;
    return html`${value.rivals.length > 0 ? this.contested(value) : nothing}
      ${value.stopped.map(
        (one) => html`<p class="help" title=${exact(one["stopped-time"])}>
          ${t("{name} was stopped {time} by {user}, so that hpm can manage memory.", { name: stoppedName(one), time: ago(one["stopped-time"], this.now.ms), user: one["stopped-by"] })}
        </p>`,
      )}
      ${value.stopped.length > 0 && mayWrite() ? html`<div><button type="button" @click=${() => this.ask("give-back")}>${t("Start again…")}</button></div>` : nothing}
      <hpm-dialog
        heading=${this.heading(value)}
        action=${this.asks === "give-back" ? t("Start again") : t("Take over")}
        .busy=${this.busy}
        .error=${this.refused}
        @save=${this.run}
        @close=${() => (this.asks = null)}
      >
        ${this.asks === "take-over" ? this.takingOver(value) : this.asks ? this.givingBack(value) : nothing}
      </hpm-dialog>`;
  }

  private get level(): Level | undefined {
    return this.levels.value?.["memory-mgmt"];
  }

  private contested({ rivals }: MomRivals) {
    const on = this.level === "on";
    return html`<div class="note ${on ? "contested" : ""}" role="status">
      <p>
        ▲ ${plural("Another program manages memory here, too.", "{n} other programs manage memory here, too.", rivals.length)}
        ${on ? t("Meanwhile hpm moves no balloon, and leaves KSM as it is.") : t("Meanwhile memory management cannot be switched on.")}
      </p>
      <ul>
        ${rivals.map((one) => html`<li><strong>${one.name}</strong>${rivalPlace(one)}: ${one.stoppable ? t("hpm can take over from it.") : complaint(one.advice)}</li>`)}
      </ul>
      ${mayWrite() && rivals.some((one) => one.stoppable) ? html`<button type="button" @click=${() => this.ask("take-over")}>${t("Take over…")}</button>` : nothing}
    </div>`;
  }

  private heading({ rivals, stopped }: MomRivals): string {
    if (this.asks === "give-back") return t("Start {names} again?", { names: list(stopped.map((one) => one.name)) });
    return t("Take over from {names}?", { names: list(rivals.filter((one) => one.stoppable).map((one) => one.name)) });
  }

  private takingOver({ rivals }: MomRivals) {
    const left = rivals.filter((one) => !one.stoppable);
    return html`<div class="stack">
      <div>
        <p>${t("Will be stopped, and not start with the host:")}</p>
        <ul>${rivals.filter((one) => one.stoppable).map((one) => html`<li>${one.name}${rivalPlace(one)}</li>`)}</ul>
      </div>
      ${left.length > 0
        ? html`<div>
            <p>${t("Is left to you:")}</p>
            <ul>${left.map((one) => html`<li>${one.name}${rivalPlace(one)}: ${complaint(one.advice)}</li>`)}</ul>
          </div>`
        : nothing}
      <p>
        ${left.length > 0
          ? t("Only when nothing else manages memory can hpm do so.")
          : this.level === "on"
            ? t("Then hpm goes on managing memory. Servers whose balloon another program has moved are left alone until they are released.")
            : t("Memory management stays as it is; it can be switched on then.")}
      </p>
      ${rivals.some((one) => one.name === "momd")
        ? html`<p class="help">${t("Files of MOM stay. Its policies are not taken over by this, but by the command")} <code>hpm mom-import FILE</code></p>`
        : nothing}
      <p class="help">${t("“{button}” on this page puts it back, and so does the command", { button: t("Start again…") })} <code>hpm mom-import --undo</code></p>
    </div>`;
  }

  private givingBack({ stopped }: MomRivals) {
    return html`<div class="stack">
      ${this.level === "on"
        ? html`<p>
            ${t("Memory management is on, and will be off.")}
            ${t("Servers get back the memory that they had before, which takes some seconds, and equal pages are merged (KSM) as before.")}
          </p>`
        : nothing}
      <div>
        <p>${t("Will be started again:")}</p>
        <ul>${stopped.map((one) => html`<li>${one.enabled ? t("{name}, which starts with the host again, too", { name: stoppedName(one) }) : stoppedName(one)}</li>`)}</ul>
      </div>
    </div>`;
  }

  private ask(deed: Deed): void {
    this.asks = deed;
    this.refused = null;
    this.dialog.show();
  }

  private readonly run = async (event: Event): Promise<void> => {
    event.stopPropagation();
    this.busy = true;
    this.refused = null;
    try {
      await (this.asks === "give-back" ? this.giveBack() : this.takeOver());
      this.dialog.close();
      await this.updateComplete;
      // what was pressed is gone: on to what came in its place, or to the page
      const next = this.renderRoot.querySelector("button") ?? (this.getRootNode() as ShadowRoot).host as HTMLElement;
      next.focus();
    } catch (error) {
      this.refused = asApiError(error);
    } finally {
      this.busy = false;
      void this.levels.refresh();
    }
  };

  private async takeOver(): Promise<void> {
    const before = this.found.value!;
    const answer = await app.client.post<MomRivals>("/mom/takeover");
    this.found.set(answer);
    const stopped = answer.content.stopped.filter((one) => before.rivals.some((other) => other.unit === one.unit));
    const said = t("Stopped: {names}.", { names: names(stopped) });
    // hpm would have to be switched off first, or others would be started, too: the dialog asks about that
    if (this.level === "on" || before.stopped.length > 0) return tell(said);
    tellUndo(said, async () => {
      this.found.set(await app.client.post<MomRivals>("/mom/give-back"));
    });
  }

  private async giveBack(): Promise<void> {
    const { stopped } = this.found.value!;
    if (this.level === "on") await app.client.post<Levels>("/mgmt-levels", { "memory-mgmt": "off" }, { etag: this.levels.etag });
    this.found.set(await app.client.post<MomRivals>("/mom/give-back"));
    tell(t("Started again: {names}.", { names: names(stopped) }));
  }
}

const names = (stopped: readonly MomStopped[]): string => list(stopped.map(stoppedName));
