/** The dialog for a virtual server's temporary goal. */

import type { Goal, Importance, Server, ServerUpdate } from "../api/types";
import { customElement, html, nothing, state } from "../base/element";
import { exact, span } from "../base/format";
import { t } from "../base/texts";
import { goalWord, importanceWord, IMPORTANCES, levelOfVelocity, VELOCITIES } from "../base/words";
import { ServerDialog } from "./server-dialog";

const OTHER = "other";
/** Seconds that can be chosen. */
const SPANS = [900, 1800, 3600, 7200, 28_800];

@customElement("hpm-server-goal")
export class ServerGoal extends ServerDialog {
  @state() private velocity = "fastest";
  @state() private number = "";
  @state() private span = "3600";
  @state() private until = "";
  @state() private importance = "";

  protected begin(server: Server): void {
    const now = server["temporary-goal"];
    const wanted = now?.velocity ?? "fastest";
    this.velocity = typeof wanted === "number" ? OTHER : wanted;
    this.number = typeof wanted === "number" ? String(wanted) : "";
    this.span = now ? OTHER : "3600";
    this.until = local(now ? new Date(now.until) : new Date(Date.now() + 3_600_000));
    this.importance = now?.importance ?? "";
  }

  protected wanted(): ServerUpdate | string {
    const velocity = this.velocity === OTHER ? Number(this.number) : (this.velocity as keyof typeof VELOCITIES);
    if (typeof velocity === "number" && !(Number.isInteger(velocity) && velocity >= 1 && velocity <= 99)) {
      return t("The velocity must be a whole number from 1 to 99.");
    }
    const until = this.span === OTHER ? new Date(this.until) : new Date(Date.now() + 1000 * Number(this.span));
    if (Number.isNaN(until.getTime())) return t("Say until when the goal holds.");
    const importance = (this.importance || null) as Importance | null;
    return { "temporary-goal": { velocity, until: until.toISOString(), importance }, move: false, release: false };
  }

  override render() {
    const { server } = this;
    const now = server?.["temporary-goal"];
    const choose = (set: (value: string) => void) => (event: Event) => set((event.target as HTMLInputElement).value);
    return this.frame(
      t("Temporary goal of {name}", { name: server?.name ?? "" }),
      now ? t("Save") : t("Begin"),
      html`<div class="stack">
        <p class="dim">${t("It holds until a moment, whatever the policy says; then the goal of its service class holds again.")}</p>
        <div class="field">
          <label for="velocity">${t("Goal")}</label>
          <select id="velocity" autofocus @change=${choose((value) => (this.velocity = value))}>
            ${Object.entries(VELOCITIES).map(
              ([name, percent]) => html`<option value=${name} .selected=${this.velocity === name}>${levelOfVelocity(name)} (${percent})</option>`,
            )}
            <option value=${OTHER} .selected=${this.velocity === OTHER}>${t("another velocity")}</option>
          </select>
          ${now ? this.nowText(goalWord({ type: "velocity", velocity: now.velocity } as Goal)) : this.nowText(t("no temporary goal"))}
        </div>
        ${this.velocity === OTHER
          ? html`<div class="field">
              <label for="number">${t("Velocity (percent, 1 to 99)")}</label>
              <input id="number" type="number" min="1" max="99" step="1" .value=${this.number} @input=${choose((value) => (this.number = value))} />
              ${this.wrong("temporary-goal.velocity")}
            </div>`
          : nothing}
        <div class="field">
          <label for="span">${t("For how long")}</label>
          <select id="span" @change=${choose((value) => (this.span = value))}>
            ${SPANS.map((seconds) => html`<option value=${seconds} .selected=${this.span === String(seconds)}>${span(seconds)}</option>`)}
            <option value=${OTHER} .selected=${this.span === OTHER}>${t("until a moment")}</option>
          </select>
        </div>
        ${this.span === OTHER
          ? html`<div class="field">
              <label for="until">${t("Until")}</label>
              <input
                id="until"
                type="datetime-local"
                .value=${this.until}
                aria-invalid=${this.isWrong("temporary-goal.until")}
                @input=${choose((value) => (this.until = value))}
              />
              ${now ? this.nowText(exact(now.until)) : nothing} ${this.wrong("temporary-goal.until")}
            </div>`
          : nothing}
        <div class="field">
          <label for="importance">${t("Importance meanwhile")}</label>
          <select id="importance" @change=${choose((value) => (this.importance = value))}>
            <option value="" .selected=${this.importance === ""}>${this.usual()}</option>
            ${IMPORTANCES.map((one) => html`<option value=${one} .selected=${this.importance === one}>${importanceWord(one)}</option>`)}
          </select>
        </div>
      </div>`,
    );
  }

  /** The importance that it has where none is chosen. */
  private usual(): string {
    return this.server?.["service-class"] ? t("as its service class has it") : t("high, because its group has no policy");
  }
}

/** A moment as fields for local times have it. */
function local(moment: Date): string {
  const shifted = new Date(moment.getTime() - 60_000 * moment.getTimezoneOffset());
  return shifted.toISOString().slice(0, 16);
}
