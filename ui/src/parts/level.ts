/**
 * Switches the level of CPU management, or that of memory: off, advise, on; each with a sentence on what it does. What may surprise is
 * asked about before it is done; everything else is done at once, and can be taken back. Who may only read sees the
 * level in force, and nothing to press. Where it is `brief`, only the sentence of the level in force is seen; those of
 * the others are their titles.
 */

import { app, mayWrite } from "../base/app";
import { asApiError, type ApiError } from "../api/client";
import { Resource } from "../api/resource";
import type { GroupSummary, Level, Levels, Managed } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property, query, state } from "../base/element";
import { complain, tell } from "../base/notices";
import { link } from "../base/page";
import { t } from "../base/texts";
import { LEVELS, levelSentence, levelWord, managementWord } from "../base/words";
import type { DialogPart } from "./dialog";

/** What is asked before a level is set: how it is called, what comes of it, and the button that does it. */
interface Question {
  level: Level;
  heading: string;
  text: string;
  action: string;
}

@customElement("hpm-level")
export class LevelPart extends HpmElement {
  /** What it switches the management of. */
  @property() of: Managed = "cpu";
  @property({ type: Boolean }) brief = false;
  @state() private busy: Level | null = null;
  @state() private question: Question | null = null;
  @state() private refused: ApiError | null = null;
  @query("hpm-dialog") private dialog!: DialogPart;
  private readonly levels = new Resource<Levels>(this, () => "/mgmt-levels", { kinds: ["mgmt-levels"], ticks: false });

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
      }
      .cards {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(13rem, 100%), 1fr));
        gap: 8px;
      }
      .card {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 2px 8px;
        align-content: start;
        justify-content: start;
        padding: 8px 12px;
        border: 1px solid var(--edge);
        border-radius: var(--radius);
        text-align: start;
        white-space: normal;
      }
      .card .help {
        grid-column: 2;
      }
      .brief {
        display: flex;
        flex-wrap: wrap;
        margin-bottom: 8px;
      }
      .brief .card {
        padding: 4px 12px;
      }
      .mark {
        width: 16px;
        height: 16px;
        margin-top: 3px;
        border: 2px solid var(--edge);
        border-radius: 50%;
      }
      [aria-checked="true"] {
        border-color: var(--accent);
        background: var(--chosen);
      }
      [aria-checked="true"] .mark {
        border: 5px solid var(--accent);
        background: var(--ground);
      }
      [aria-checked="true"] .help {
        color: var(--text);
      }
    `,
  ];

  private get level(): Level | undefined {
    return this.levels.value?.[`${this.of}-mgmt`];
  }

  override render() {
    const { level } = this;
    if (!level) {
      return this.levels.error
        ? html`<hpm-problem .what=${t("The management level cannot be read.")} .error=${this.levels.error} @retry=${() => this.levels.refresh()}></hpm-problem>`
        : html`<hpm-skeleton rows="2"></hpm-skeleton>`;
    }
    if (!mayWrite()) return html`<p><strong>${levelWord(level)}</strong> – ${levelSentence(level, this.of)}</p>`;
    return html`<div class=${this.brief ? "brief cards" : "cards"} role="radiogroup" aria-label=${managementWord(this.of)} @keydown=${this.typed}>
        ${LEVELS.map((one) => this.card(one, level))}
      </div>
      ${this.brief ? html`<p class="help">${levelSentence(level, this.of)}</p>` : nothing}
      <hpm-dialog
        heading=${this.question?.heading ?? ""}
        action=${this.question?.action ?? ""}
        .busy=${this.busy !== null}
        .error=${this.refused}
        @save=${() => this.question && this.set(this.question.level)}
        @close=${() => (this.question = null)}
      >
        <p>${this.question?.text}</p>
        ${this.question?.level === "on"
          ? html`<p><a href=${link("groups")} @click=${() => this.dialog.close()}>${t("Workload resource groups")}</a></p>`
          : nothing}
      </hpm-dialog>`;
  }

  private card(one: Level, level: Level) {
    const chosen = one === level;
    return html`<button
      type="button"
      class="card"
      role="radio"
      data-level=${one}
      aria-checked=${chosen}
      aria-labelledby="name-${one}"
      aria-describedby="what-${one}"
      title=${this.brief ? levelSentence(one, this.of) : nothing}
      tabindex=${chosen ? 0 : -1}
      @click=${() => this.choose(one, level)}
    >
      <span class="mark" aria-hidden="true"></span>
      <strong id="name-${one}">${this.busy === one ? t("Working…") : levelWord(one)}</strong>
      <span class="help" id="what-${one}" ?hidden=${this.brief}>${levelSentence(one, this.of)}</span>
    </button>`;
  }

  /** Arrows only move: to try where they lead must not switch anything. */
  private typed(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const cards = [...this.renderRoot.querySelectorAll<HTMLElement>(".card")];
    const at = cards.indexOf(this.shadowRoot!.activeElement as HTMLElement);
    cards[(at + step + cards.length) % cards.length]?.focus();
  }

  /** Chooses a level, as a click on its card does; also before the level in force has been read. */
  async wish(level: Level): Promise<void> {
    if (!this.level) await this.levels.refresh();
    if (this.level) await this.choose(level, this.level);
    else if (this.levels.error) complain(t("The management level was not changed."), this.levels.error); // else the next wish reads it
  }

  private async choose(wanted: Level, level: Level): Promise<void> {
    if (wanted === level || this.busy) return;
    this.refused = null;
    try {
      this.question = await this.asks(wanted, level);
    } catch (error) {
      return complain(t("The management level was not changed."), error);
    }
    if (this.question) this.dialog.show();
    else await this.set(wanted);
  }

  private async asks(wanted: Level, level: Level): Promise<Question | null> {
    if (level === "on") {
      const back =
        this.of === "cpu"
          ? t("All shares and quotas that hpm set are put back to what they were before, at once. Goals are not held any more.")
          : t("Servers get back the memory that they had before, which takes some seconds, and equal pages are merged (KSM) as before.");
      const heading = this.of === "cpu" ? t("Stop managing CPU?") : t("Stop managing memory?");
      const action = wanted === "off" ? t("Switch off") : t("Only advise");
      return { level: wanted, heading, text: `${back} ${levelSentence(wanted, this.of)}`, action };
    }
    if (wanted === "on" && !(await hasPolicy())) {
      const text = t("No group has an active policy yet, so hpm would have nothing to do. Make a group, and give it a policy, first.");
      return { level: wanted, heading: t("Switch on without a policy?"), text, action: t("Switch on") };
    }
    return null;
  }

  /** `etag`: that of the levels that are replaced; those that somebody else set meanwhile are not. */
  private async set(wanted: Level, etag = this.levels.etag): Promise<void> {
    const before = this.level;
    this.busy = wanted;
    this.refused = null;
    try {
      const answer = await app.client.post<Levels>("/mgmt-levels", { [`${this.of}-mgmt`]: wanted }, { etag });
      this.levels.set(answer);
      this.dialog.close();
      const undo = { label: t("Undo"), run: () => void this.set(before!, answer.etag) };
      const said = { management: managementWord(this.of), level: levelWord(wanted), sentence: levelSentence(wanted, this.of) };
      tell(t("{management}: {level}. {sentence}", said), before ? undo : undefined);
    } catch (error) {
      if (this.question) this.refused = asApiError(error);
      else complain(t("The management level was not changed."), error);
    } finally {
      this.busy = null;
      void this.levels.refresh();
    }
  }
}

async function hasPolicy(): Promise<boolean> {
  type Groups = { "workload-resource-groups": GroupSummary[] };
  const { content } = await app.client.get<Groups>("/workload-resource-groups");
  return content["workload-resource-groups"].some((one) => one["active-policy"] !== null);
}
