/**
 * Which servers a rule takes now: of the group, how many of the host's, and which of them an earlier class takes before.
 *
 * The server is the judge: it is asked for a preview of a policy with this rule alone, a moment after the last key.
 * Dispatches `wrong` with what the server says of the rule (null: nothing).
 */

import { ApiError, isAbort } from "../api/client";
import type { GroupSummary, Policy, Preview, Rule } from "../api/types";
import { app } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, state, type PropertyValues } from "../base/element";
import { complaint } from "../base/notices";
import { link } from "../base/page";
import { plural, t } from "../base/texts";
import { DISCRETIONARY, hasGap, same, unfinished, wrongPath, wrongText } from "./model";
import { wrongBelow, type Wrong } from "./rule";

const PAUSE = 400; // ms after the last key
const SHOWN = 24;
/** Of more groups the host's number is not asked for at each key. */
const MOST_GROUPS = 20;
const PROBE = "service-classes[0].classification";

interface Match {
  name: string;
  uri: string;
  before: string; // the class that takes it before this one; "": none
}

@customElement("hpm-matches")
export class MatchesPart extends HpmElement {
  @property() group = "";
  @property({ attribute: false }) rule: Rule | null = null;
  /** The policy that the rule belongs to, and the place of its class. */
  @property({ attribute: false }) policy: Policy | null = null;
  @property({ type: Number }) at = 0;
  @state() private found: Match[] | null = null;
  @state() private members = 0;
  @state() private elsewhere: number | null = null;
  @state() private problem = "";
  private timer = 0;
  private abort: AbortController | undefined;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: 4px;
        align-content: start;
      }
      ul {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 12px;
      }
      .before {
        text-decoration: line-through;
        color: var(--dim);
      }
    `,
  ];

  override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get("rule");
    const moved = changed.has("at") || changed.has("group") || changed.has("policy");
    if (!this.hasUpdated || moved || (changed.has("rule") && !same(before, this.rule))) this.later();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.timer);
    this.abort?.abort();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) this.later();
  }

  override render() {
    if (this.rule && hasGap(this.rule)) return html`<p class="help">${t("Type the value that is compared; * stands for any characters.")}</p>`;
    if (this.problem) return html`<p class="wrong">${this.problem}</p>`;
    if (!this.found) return html`<p class="help">${t("Looking which servers match…")}</p>`;
    const names = this.found.slice(0, SHOWN);
    const more = this.found.length - names.length;
    return html`<p role="status">${this.sentence()}</p>
      ${names.length > 0
        ? html`<ul class="plain-list" aria-label=${t("Servers that match")}>
            ${names.map((one) => html`<li>
              <a class=${one.before ? "before" : ""} href=${link("servers", one.uri.split("/").at(-1))}>${one.name}</a
              >${one.before ? html` <span class="help">${t("taken by {name}", { name: one.before })}</span>` : nothing}
            </li>`)}
            ${more > 0 ? html`<li class="help">${plural("and {n} more", "and {n} more", more)}</li>` : nothing}
          </ul>`
        : nothing}`;
  }

  private sentence(): string {
    const n = this.found!.length;
    const inside = plural("{n} of {all} server of this group matches now.", "{n} of {all} servers of this group match now.", n, { all: this.members });
    if (this.elsewhere === null) return inside;
    return `${inside} ${plural("On the whole host {n} matches.", "On the whole host {n} match.", n + this.elsewhere)}`;
  }

  private later(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.look(), this.found ? PAUSE : 0);
  }

  private async look(): Promise<void> {
    const { rule, policy } = this;
    this.abort?.abort();
    if (!rule || !policy || !this.group || hasGap(rule)) return;
    const { signal } = (this.abort = new AbortController());
    try {
      const own = await this.matching(this.group, rule, signal);
      const before = await this.earlier(policy, signal);
      this.members = own["virtual-servers"].length;
      this.found = own["virtual-servers"]
        .filter((one) => one["service-class"] === "match")
        .map((one) => ({ name: one.name, uri: one["virtual-server"], before: before.get(one["virtual-server"]) ?? "" }));
      this.problem = "";
      this.tell(null);
      this.elsewhere = await this.others(rule, signal);
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      this.refused(error);
    }
  }

  private refused(error: unknown): void {
    const known = error instanceof ApiError && error.status === 400;
    const wrong = known ? wrongBelow({ path: wrongPath(error), text: wrongText(error) }, PROBE) : null;
    this.problem = wrong ? t("No rule yet that servers can be compared with.") : t("It is not known which servers match. {why}", { why: complaint(error) });
    this.tell(wrong);
  }

  private tell(wrong: Wrong | null): void {
    this.emit("wrong", wrong);
  }

  private async matching(group: string, rule: Rule, signal: AbortSignal): Promise<Preview> {
    const probe = {
      name: "probe", importance: "medium",
      "service-classes": [
        { name: "match", goal: DISCRETIONARY, classification: rule },
        { name: "rest", goal: DISCRETIONARY },
      ],
    };
    return (await app.client.post<Preview>(`/workload-resource-groups/${group}/preview`, probe, { signal })).content;
  }

  /** The classes before this one that take a server, by the server's URI. */
  private async earlier(policy: Policy, signal: AbortSignal): Promise<Map<string, string>> {
    if (unfinished({ ...policy, "service-classes": policy["service-classes"].slice(0, this.at) })) return new Map();
    const classes = policy["service-classes"].slice(0, this.at).map((one, at) => ({ ...one, name: String(at), goal: DISCRETIONARY }));
    if (classes.length === 0) return new Map();
    const probe = { name: "probe", importance: "medium", "service-classes": [...classes, { name: "rest", goal: DISCRETIONARY }] };
    try {
      const { content } = await app.client.post<Preview>(`/workload-resource-groups/${this.group}/preview`, probe, { signal });
      const names = policy["service-classes"].map((one) => one.name);
      const taken = content["virtual-servers"].filter((one) => one["service-class"] !== "rest");
      return new Map(taken.map((one) => [one["virtual-server"], names[Number(one["service-class"])] ?? ""]));
    } catch (error) {
      if (error instanceof ApiError && error.status === 400) return new Map(); // another class is not finished
      throw error;
    }
  }

  private async others(rule: Rule, signal: AbortSignal): Promise<number | null> {
    const { content } = await app.client.get<{ "workload-resource-groups": GroupSummary[] }>("/workload-resource-groups", { signal });
    const groups = content["workload-resource-groups"].filter((one) => one["object-id"] !== this.group && one["virtual-server-count"] > 0);
    if (groups.length > MOST_GROUPS) return null;
    let sum = 0;
    for (const one of groups) {
      const seen = await this.matching(one["object-id"], rule, signal);
      sum += seen["virtual-servers"].filter((server) => server["service-class"] === "match").length;
    }
    return sum;
  }
}
