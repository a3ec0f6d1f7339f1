/** Goals that a group reached, from its history, as a policy; what it would cost others; and into the editor with it. */

import { ApiError, asApiError, isAbort } from "../api/client";
import type { Group, Policy, Suggestion } from "../api/types";
import { app, mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, state, type PropertyValues } from "../base/element";
import { exact, fixed, index, percent } from "../base/format";
import { complaint } from "../base/notices";
import { toLocal } from "../base/period";
import { plural, t } from "../base/texts";
import { goalWord, IMPORTANCES, importanceWord } from "../base/words";
import { groupPath } from "../groups/data";

const ASKED = ["from", "to", "importance", "name"] as const;

@customElement("hpm-suggest")
export class SuggestPart extends HpmElement {
  @property({ attribute: false }) group!: Group;
  /** Of the URL: what it is asked with. */
  @property({ attribute: false }) query = new URLSearchParams();
  @state() private found: Suggestion | null = null;
  @state() private error: ApiError | null = null;
  @state() private busy = false;
  private asked = "";
  private abort: AbortController | undefined;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: var(--gap);
        grid-template-columns: minmax(0, 1fr);
      }
      form {
        display: flex;
        flex-wrap: wrap;
        gap: 12px var(--gap);
        align-items: end;
      }
      .scroll {
        overflow-x: auto;
      }
      th,
      td {
        height: auto;
        padding-block: 6px;
        vertical-align: top;
      }
      th {
        vertical-align: bottom;
      }
      td.reason {
        min-width: 16rem;
      }
      li {
        overflow-wrap: anywhere;
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.abort?.abort();
    this.asked = "";
  }

  override willUpdate(_changed: PropertyValues<this>): void {
    // it costs the server some work, and is refused where there is no history: it is asked for when somebody asks
    const path = this.query.get("s") ? `${groupPath(this.group["object-id"])}/suggestion?${this.words()}` : "";
    if (path === this.asked) return;
    this.asked = path;
    this.found = null;
    this.error = null;
    if (path) void this.ask(path);
  }

  override render() {
    return html`<p>${t("What its servers reached when nobody complained, as goals. Without dates the last seven days count. Nothing is changed before you apply it.")}</p>
      ${this.form()}
      ${this.error
        ? html`<div class="panel stack" role="status">
            <p>${this.error.status === 409 ? t("There is no suggestion yet.") : t("There is no suggestion.")} ${complaint(this.error)}</p>
            <p class="row"><button type="button" @click=${() => this.ask(this.asked)}>${t("Try again")}</button></p>
          </div>`
        : this.found
          ? this.suggestion(this.found)
          : this.busy
            ? html`<hpm-skeleton></hpm-skeleton>`
            : nothing}`;
  }

  private form() {
    const value = (name: string) => this.query.get(`s-${name}`) ?? "";
    const local = (name: string) => toLocal(value(name));
    return html`<form @submit=${this.submitted} aria-busy=${this.busy}>
      <div class="field">
        <label for="from">${t("History from")}</label>
        <input id="from" name="from" type="datetime-local" .value=${local("from")} />
      </div>
      <div class="field">
        <label for="to">${t("until")}</label>
        <input id="to" name="to" type="datetime-local" .value=${local("to")} />
      </div>
      <div class="field">
        <label for="importance">${t("Importance")}</label>
        <select id="importance" name="importance">
          <option value="">${t("as it is, or medium")}</option>
          ${IMPORTANCES.map((one) => html`<option value=${one} ?selected=${one === value("importance")}>${importanceWord(one)}</option>`)}
        </select>
      </div>
      <div class="field">
        <label for="name">${t("Name of the policy")}</label>
        <input id="name" name="name" maxlength="64" autocomplete="off" placeholder="suggested" .value=${value("name")} />
      </div>
      <button type="submit">${t("Suggest")}</button>
    </form>`;
  }

  private suggestion(one: Suggestion) {
    return html`<div class="spread">
        <p>
          ${t("Policy {name}, importance {importance}, from history of {from} to {to}.", {
            name: one.policy.name, importance: importanceWord(one.policy.importance), from: exact(one.from), to: exact(one.to),
          })}
        </p>
        ${mayWrite() ? html`<button class="primary" type="button" @click=${() => this.emit<Policy>("begin", one.policy)}>${t("Open in the editor")}</button>` : nothing}
      </div>
      <div class="scroll" tabindex="0" role="group" aria-label=${t("Suggested goals")}>${this.classes(one)}</div>
      ${one.notes.length > 0 ? html`<ul>${one.notes.map((note) => html`<li>${note}</li>`)}</ul>` : nothing}
      <h2>${t("What it would do to others, as the host is loaded now")}</h2>
      ${one.effects.length > 0
        ? html`<div class="scroll" tabindex="0" role="group" aria-label=${t("Effects on others")}>${this.effects(one)}</div>`
        : html`<p class="dim">${t("No class of another group has servers that are managed and busy.")}</p>`}`;
  }

  private classes(one: Suggestion) {
    return html`<table>
      <thead>
        <tr>
          <th scope="col">${t("Class")}</th>
          <th scope="col">${t("Goal now")}</th>
          <th scope="col">${t("Suggested")}</th>
          <th scope="col" class="number">${t("Servers")}</th>
          <th scope="col" class="number">${t("History, hours")}</th>
          <th scope="col" class="number">${t("Velocity, low – median")}</th>
          <th scope="col" class="number">${t("Met, %: now → then")}</th>
          <th scope="col" class="number">${t("PI then")}</th>
          <th scope="col">${t("Why")}</th>
        </tr>
      </thead>
      <tbody>
        ${one.classes.map(
          (each) => html`<tr>
            <td>${each.name}</td>
            <td>${goalWord(each.goal)}</td>
            <td><strong>${goalWord(each["suggested-goal"])}</strong></td>
            <td class="number">${each["virtual-server-count"]}</td>
            <td class="number">${fixed(each["history-hours"], 1)}</td>
            <td class="number">${fixed(each["velocity-low"])} – ${fixed(each["velocity-median"])}</td>
            <td class="number">${percent(each["attainment-now"])} → ${percent(each.attainment)}</td>
            <td class="number">${index(each["pi-projected"])}</td>
            <td class="reason">${each.reason}</td>
          </tr>`,
        )}
      </tbody>
    </table>`;
  }

  private effects(one: Suggestion) {
    const lost = one.effects.filter((each) => each["goal-status-after"] === "missed" && each["goal-status-before"] !== "missed").length;
    return html`${lost > 0 ? html`<p class="wrong">${plural("{n} class would miss its goal, which it meets now.", "{n} classes would miss their goals, which they meet now.", lost)}</p>` : nothing}
      <table>
        <thead>
          <tr>
            <th scope="col">${t("Group")}</th>
            <th scope="col">${t("Class")}</th>
            <th scope="col">${t("Importance")}</th>
            <th scope="col">${t("Goal")}</th>
            <th scope="col" class="number">${t("Velocity")}</th>
            <th scope="col" class="number">${t("PI")}</th>
            <th scope="col">${t("Then")}</th>
          </tr>
        </thead>
        <tbody>
          ${one.effects.map(
            (each) => html`<tr>
              <td>${each.name}</td>
              <td>${each["service-class"]}</td>
              <td>${importanceWord(each.importance)}</td>
              <td>${goalWord(each.goal)}</td>
              <td class="number">${fixed(each["velocity-before"])} → ${fixed(each["velocity-after"])}</td>
              <td class="number">${index(each["pi-before"])} → ${index(each["pi-after"])}</td>
              <td><hpm-status .status=${each["goal-status-after"]}></hpm-status></td>
            </tr>`,
          )}
        </tbody>
      </table>`;
  }

  /** What the API is asked with, as the URL of the page has it. */
  private words(): URLSearchParams {
    const words = new URLSearchParams();
    for (const name of ASKED) {
      const value = this.query.get(`s-${name}`);
      if (value) words.set(name, value);
    }
    return words;
  }

  private submitted(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const words: Record<string, string> = { s: "yes" };
    for (const name of ASKED) {
      const value = String(form.get(name) ?? "");
      words[`s-${name}`] = value && (name === "from" || name === "to") ? new Date(value).toISOString() : value;
    }
    if (this.query.get("s") && ASKED.every((name) => (this.query.get(`s-${name}`) ?? "") === words[`s-${name}`])) void this.ask(this.asked);
    this.emit("ask", words);
  }

  private async ask(path: string): Promise<void> {
    this.abort?.abort();
    const abort = (this.abort = new AbortController());
    this.busy = true;
    try {
      const { content } = await app.client.get<Suggestion>(path, { signal: abort.signal });
      if (abort !== this.abort) return;
      this.found = content;
      this.error = null;
    } catch (error) {
      if (isAbort(error) || abort !== this.abort) return;
      this.error = asApiError(error);
    }
    this.busy = false;
  }
}
