/** The first-run walk: from a host that nobody has said anything about to goals that are held. */

import type { GroupSummary, Level, Levels } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { link } from "../base/page";
import { t } from "../base/texts";
import { LEVELS } from "../base/words";

interface Step {
  done: boolean;
  heading: string;
  text: string;
  button: string;
  /** Where it is done, or the level that is chosen then. */
  leads: { href: string } | { level: Level };
}

/** How far somebody has gone with either kind of management. */
export function furthest(levels: Levels): Level {
  const at = Math.max(LEVELS.indexOf(levels["cpu-mgmt"]), LEVELS.indexOf(levels["memory-mgmt"]));
  return LEVELS[at] ?? "off";
}

/** Whether there is anything left of the walk. */
export function walking(groups: readonly GroupSummary[], level: Level): boolean {
  return level !== "on" || !groups.some((one) => one["active-policy"] !== null);
}

@customElement("hpm-first-steps")
export class FirstSteps extends HpmElement {
  @property({ attribute: false }) groups: readonly GroupSummary[] = [];
  @property() level: Level = "off";
  @property({ type: Number }) servers = 0;

  static override styles = [
    HpmElement.styles,
    css`
      ol {
        counter-reset: step;
        display: grid;
        gap: 12px;
      }
      li {
        counter-increment: step;
        display: grid;
        grid-template-columns: 28px minmax(0, 1fr) auto;
        gap: 4px 12px;
        align-items: start;
      }
      li::before {
        content: counter(step);
        display: grid;
        place-items: center;
        width: 26px;
        height: 26px;
        border: 2px solid var(--edge);
        border-radius: 50%;
        font-weight: 600;
      }
      li.done::before {
        content: "✓" / "";
        color: var(--met);
        border-color: var(--met);
      }
      li.now::before {
        color: var(--on-accent);
        background: var(--accent);
        border-color: var(--accent);
      }
      li.done h3 {
        font-weight: normal;
      }
      @media (max-width: 560px) {
        li {
          grid-template-columns: 28px minmax(0, 1fr);
        }
        li > .button,
        li > .button-row {
          grid-column: 2;
          justify-self: start;
        }
      }
    `,
  ];

  override render() {
    const steps = this.steps();
    const now = steps.findIndex((one) => !one.done);
    return html`<section class="panel stack" aria-labelledby="heading">
      <div>
        <div class="spread">
          <h2 id="heading">${t("First steps")}</h2>
          <button class="plain" type="button" @click=${() => this.emit("hide")}>${t("Hide")}</button>
        </div>
        <p class="help">${t("A few minutes, and hpm keeps your important servers fast. Until the last step it changes nothing.")}</p>
      </div>
      <ol class="plain-list">
        ${steps.map(
          (step, at) => html`<li class=${step.done ? "done" : at === now ? "now" : ""} aria-current=${at === now ? "step" : nothing}>
            <div>
              <h3>${step.heading}${step.done ? html`<span class="hidden-text"> (${t("done")})</span>` : nothing}</h3>
              ${at === now ? html`<p class="help">${step.text}</p>` : nothing}
            </div>
            ${at === now ? this.button(step) : nothing}
          </li>`,
        )}
      </ol>
    </section>`;
  }

  private button({ button, leads }: Step) {
    if ("href" in leads) return html`<a class="button primary" href=${leads.href}>${button}</a>`;
    return html`<span class="button-row row">
      ${leads.level === "on" ? html`<a href=${link("adjustments")}>${t("See the advice")}</a>` : nothing}
      <button class="primary" type="button" @click=${() => this.emit("wish", leads.level)}>${button}</button>
    </span>`;
  }

  private steps(): Step[] {
    const own = this.groups.filter((one) => !one["is-default"]);
    const filled = own.find((one) => one["virtual-server-count"] > 0);
    const first = filled ?? own[0];
    const goal = this.groups.some((one) => one["active-policy"] !== null && !one["is-default"]);
    const rest = this.groups.find((one) => one["is-default"]);
    return [
      {
        done: own.length > 0,
        heading: t("Make a group for an important application"),
        text:
          this.servers > 0
            ? t("Give it a name, choose its servers, and pick a template that says how fast they shall be.")
            : t("This host has no virtual servers yet. Start them as always; hpm sees them within seconds, and you can choose them then."),
        button: t("Create a group"),
        leads: { href: link("groups", "", { do: "create" }) },
      },
      {
        done: filled !== undefined,
        heading: t("Choose the servers of that group"),
        text: t("A server is in exactly one group; those that were put nowhere are in default."),
        button: t("Choose servers"),
        leads: { href: link("groups", first?.["object-id"] ?? "", { do: "servers" }) },
      },
      {
        done: goal,
        heading: t("Say how important it is, and how fast it shall be"),
        text: t("A performance policy has an importance and goals. Pick a template; you can change it at any time."),
        button: t("Create policy"),
        leads: { href: link("groups", first?.["object-id"] ?? "", { do: "policy" }) },
      },
      {
        // where all servers are in groups with policies, there is nobody else to give anything
        done: rest === undefined || rest["active-policy"] !== null || (filled !== undefined && rest["virtual-server-count"] === 0),
        heading: t("Say that the other servers may give"),
        text: t("Servers of default have no policy: nothing is taken from them. Give default a policy of low importance, and hpm may move their CPU to the servers that need it."),
        button: t("Create policy for default"),
        leads: { href: link("groups", "default", { do: "give" }) },
      },
      {
        done: this.level !== "off",
        heading: t("Have hpm say what it would do"),
        text: t("At the level Advise it plans and reports, and changes nothing."),
        button: t("Advise"),
        leads: { level: "advise" },
      },
      {
        done: this.level === "on",
        heading: t("Switch on"),
        text: t("The latest adjustments say what hpm would do. Once it is on, goals that can be met are met some intervals later. Off puts back all shares as they were."),
        button: t("Switch on"),
        leads: { level: "on" },
      },
    ];
  }
}
