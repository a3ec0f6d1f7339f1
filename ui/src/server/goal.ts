/** The dialog for a virtual server's temporary goal. */

import type { Goal, Importance, Server, ServerUpdate } from "../api/types";
import { customElement, html, nothing } from "../base/element";
import { exact, span } from "../base/format";
import { toLocal } from "../base/period";
import { t } from "../base/texts";
import { goalWord, importanceWord, IMPORTANCES } from "../base/words";
import { ServerDialog } from "./dialog";

type VelocityGoal = Extract<Goal, { type: "velocity" }>;

interface Form {
  goal: VelocityGoal;
  span: string;
  until: string;
  importance: string;
}

const OTHER = "other";
const VELOCITY = "temporary-goal.velocity";
const FIRST: VelocityGoal = { type: "velocity", velocity: "fastest" };
/** Seconds that can be chosen. */
const SPANS = [900, 1800, 3600, 7200, 28_800];

@customElement("hpm-server-goal")
export class ServerGoal extends ServerDialog<Form> {
  protected begin(server: Server): Form {
    const now = server["temporary-goal"];
    return {
      goal: now ? ({ type: "velocity", velocity: now.velocity } as VelocityGoal) : FIRST,
      span: now ? OTHER : "3600",
      until: toLocal(now?.until ?? new Date(Date.now() + 3_600_000).toISOString()),
      importance: now?.importance ?? "",
    };
  }

  protected wanted(): ServerUpdate | string {
    const { goal, span, until: moment, importance: named } = this.form;
    const until = span === OTHER ? new Date(moment) : new Date(Date.now() + 1000 * Number(span));
    if (Number.isNaN(until.getTime())) return t("Say until when the goal holds.");
    const importance = (named || null) as Importance | null;
    return { "temporary-goal": { velocity: goal.velocity, until: until.toISOString(), importance }, move: false, release: false };
  }

  protected content() {
    const { server, form } = this;
    const now = server?.["temporary-goal"];
    const choose = (name: keyof Form) => (event: Event) => this.type({ [name]: (event.target as HTMLInputElement).value });
    return this.frame(
      t("Temporary goal of {name}", { name: server?.name ?? "" }),
      now ? t("Save") : t("Begin"),
      html`<div class="stack">
        <p class="dim">${t("It holds until a moment, whatever the policy says; then the goal of its service class holds again.")}</p>
        <div>
          <hpm-goal some autofocus .goal=${form.goal} ?wrong=${this.isWrong(VELOCITY)} @goal=${(event: CustomEvent<VelocityGoal>) => this.type({ goal: event.detail })}></hpm-goal>
          ${now ? this.nowText(goalWord({ type: "velocity", velocity: now.velocity } as Goal)) : this.nowText(t("no temporary goal"))} ${this.wrong(VELOCITY)}
        </div>
        <div class="field">
          <label for="span">${t("For how long")}</label>
          <select id="span" @change=${choose("span")}>
            ${SPANS.map((seconds) => html`<option value=${seconds} .selected=${form.span === String(seconds)}>${span(seconds)}</option>`)}
            <option value=${OTHER} .selected=${form.span === OTHER}>${t("until a moment")}</option>
          </select>
        </div>
        ${form.span === OTHER
          ? html`<div class="field">
              <label for="until">${t("Until")}</label>
              <input
                id="until"
                type="datetime-local"
                .value=${form.until}
                aria-invalid=${this.isWrong("temporary-goal.until")}
                @input=${choose("until")}
              />
              ${now ? this.nowText(exact(now.until)) : nothing} ${this.wrong("temporary-goal.until")}
            </div>`
          : nothing}
        <div class="field">
          <label for="importance">${t("Importance meanwhile")}</label>
          <select id="importance" @change=${choose("importance")}>
            <option value="" .selected=${form.importance === ""}>${this.usual()}</option>
            ${IMPORTANCES.map((one) => html`<option value=${one} .selected=${form.importance === one}>${importanceWord(one)}</option>`)}
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
