/** A group on the overview: how important it is, how its goals stand now and in the last hour. */

import type { GroupMetrics, GroupSummary } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { index, percent } from "../base/format";
import { link } from "../base/page";
import { plural, t } from "../base/texts";
import { importanceWord, MET } from "../base/words";
import { classesOf, type ClassGoal } from "./goals";

/** Classes that a card names. */
const MOST = 4;

@customElement("hpm-group-card")
export class GroupCard extends HpmElement {
  @property({ attribute: false }) group!: GroupSummary;
  @property({ attribute: false }) metrics: GroupMetrics | undefined;
  /** Its PI in the last hour, a value a minute. */
  @property({ attribute: false }) past: readonly (number | null)[] = [];

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      .panel {
        display: grid;
        gap: 8px;
        height: 100%;
        align-content: start;
      }
      .panel.missed {
        border-color: var(--missed);
        border-inline-start-width: 6px;
        background: var(--miss-ground);
      }
      h3 {
        font-size: 1.0625rem;
      }
      .spread {
        flex-wrap: nowrap;
        align-items: start;
      }
      li {
        display: flex;
        gap: 8px;
        align-items: center;
        min-height: 26px;
      }
      .name {
        flex: 1;
        min-width: 0;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .velocity {
        min-width: 4.5em;
      }
    `,
  ];

  override render() {
    const { group } = this;
    const classes = this.metrics ? classesOf([this.metrics]) : [];
    // what is missed is never among those that are not named
    classes.sort((one, other) => Number(!one.judged || one.met) - Number(!other.judged || other.met));
    const servers = plural("{n} server", "{n} servers", group["virtual-server-count"]);
    return html`<article class="panel ${group["goal-status"]}">
      <div class="spread">
        <div>
          <h3><a href=${link("groups", group["object-id"])}>${group.name}</a></h3>
          <p class="help">${this.about()} · ${servers}</p>
        </div>
        <hpm-status status=${group["goal-status"]}></hpm-status>
      </div>
      ${group["active-policy"] === null
        ? html`<p class="help">${this.unmanaged()}</p>`
        : html`<ul class="plain-list">
              ${classes.slice(0, MOST).map(
                (one) => html`<li>
                  <span class="name">${one.name}</span>
                  <hpm-bullet .velocity=${one.velocity} .goal=${one.goal}></hpm-bullet>
                  <span class="number velocity">${velocityOf(one)}</span>
                </li>`,
              )}
              ${classes.length > MOST ? html`<li class="dim">${plural("{n} other class", "{n} other classes", classes.length - MOST)}</li>` : nothing}
            </ul>
            <div class="spread">
              <span class="help" title=${t("Performance index: goal velocity / velocity. Up to 1.05 the goal is met.")}
                >${t("PI {index}", { index: index(this.metrics?.metrics["performance-index"] ?? group["performance-index"]) })}</span
              >
              ${this.past.some((one) => one !== null)
                ? html`<hpm-spark .values=${this.past} .goal=${MET} better="less" digits="2" label=${t("PI in the last hour")}></hpm-spark>`
                : nothing}
            </div>`}
    </article>`;
  }

  private unmanaged(): string {
    if (this.group["virtual-server-count"] === 0) return t("No active policy, and no servers yet.");
    return t("No active policy: its servers keep their shares, and nothing is taken from them.");
  }

  private about(): string {
    const { importance } = this.group;
    if (importance === null) return t("unmanaged");
    const said = { importance: importanceWord(importance), policy: this.group["active-policy"] ?? "" };
    return t("{importance}, policy {policy}", said);
  }
}

function velocityOf(one: ClassGoal): string {
  if (one.velocity === null) return t("idle");
  if (one.goal === null) return percent(one.velocity);
  return t("{velocity} of {goal}", { velocity: percent(one.velocity), goal: percent(one.goal) });
}
