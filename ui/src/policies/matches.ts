/**
 * Which servers a rule takes now: of the group, how many of the host's, and which of them an earlier class takes before.
 *
 * The server is the judge: it is asked for a preview of a policy with this rule alone, a moment after the last key.
 * Dispatches `wrong` with what the server says of the rule (null: nothing).
 */

import { ApiError, isAbort } from "../api/client";
import type { Policy, Preview, Rule, ServerSummary } from "../api/types";
import { app } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, state, type PropertyValues } from "../base/element";
import { complaint } from "../base/notices";
import { link } from "../base/page";
import { plural, t } from "../base/texts";
import { groupPath, GROUPS } from "../groups/data";
import { same } from "../parts/merge";
import { DISCRETIONARY, hasGap, unfinished } from "./model";
import { wrongBelow, type Wrong } from "./rule";

const PAUSE = 400; // ms after the last key
const SHOWN = 24;
/** Of more servers the host's number is not asked for at each key. */
const MOST_SERVERS = 2000;
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
  @state() private everywhere: number | null = null;
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
    const others = (name: "rule" | "policy") => changed.has(name) && !same(changed.get(name), this[name]);
    if (!this.hasUpdated || changed.has("at") || changed.has("group") || others("rule") || others("policy")) this.later();
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
    if (this.everywhere === null) return inside;
    return `${inside} ${plural("On the whole host {n} matches.", "On the whole host {n} match.", this.everywhere)}`;
  }

  private later(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.look(), this.found ? PAUSE : 0);
  }

  private async look(): Promise<void> {
    const { rule, policy } = this;
    this.abort?.abort();
    if (!rule || !policy || !this.group) return;
    if (hasGap(rule)) return this.tell(null); // what was wrong of the rule before is so no more
    const { signal } = (this.abort = new AbortController());
    try {
      const own = await this.matching(rule, signal);
      const before = await this.earlier(policy, signal);
      this.everywhere = await this.onHost(rule, signal);
      this.members = own["virtual-servers"].length;
      this.found = matched(own).map((one) => ({ name: one.name, uri: one["virtual-server"], before: before.get(one["virtual-server"]) ?? "" }));
      this.problem = "";
      this.tell(null);
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      this.refused(error);
    }
  }

  private refused(error: unknown): void {
    const known = error instanceof ApiError && error.status === 400;
    const wrong = known ? wrongBelow({ path: error.field, text: error.said }, PROBE) : null;
    this.problem = wrong ? t("No rule yet that servers can be compared with.") : t("It is not known which servers match. {why}", { why: complaint(error) });
    this.tell(wrong);
  }

  private tell(wrong: Wrong | null): void {
    this.emit("wrong", wrong);
  }

  private async matching(rule: Rule, signal: AbortSignal): Promise<Preview> {
    return (await app.client.post<Preview>(`${groupPath(this.group)}/preview`, probe(rule), { signal })).content;
  }

  /** The classes before this one that take a server, by the server's URI. */
  private async earlier(policy: Policy, signal: AbortSignal): Promise<Map<string, string>> {
    if (unfinished({ ...policy, "service-classes": policy["service-classes"].slice(0, this.at) })) return new Map();
    const classes = policy["service-classes"].slice(0, this.at).map((one, at) => ({ ...one, name: String(at), goal: DISCRETIONARY }));
    if (classes.length === 0) return new Map();
    const body = { name: "probe", importance: "medium", "service-classes": [...classes, { name: "rest", goal: DISCRETIONARY }] };
    try {
      const { content } = await app.client.post<Preview>(`${groupPath(this.group)}/preview`, body, { signal });
      const names = policy["service-classes"].map((one) => one.name);
      const taken = content["virtual-servers"].filter((one) => one["service-class"] !== "rest");
      return new Map(taken.map((one) => [one["virtual-server"], names[Number(one["service-class"])] ?? ""]));
    } catch (error) {
      if (error instanceof ApiError && error.status === 400) return new Map(); // another class is not finished
      throw error;
    }
  }

  /** How many of all servers match, as if all were in the group; null: there are too many to ask. */
  private async onHost(rule: Rule, signal: AbortSignal): Promise<number | null> {
    const { content } = await app.client.get<{ "virtual-servers": ServerSummary[] }>("/virtual-servers", { signal });
    const all = content["virtual-servers"].map((one) => one["object-id"]);
    if (all.length > MOST_SERVERS) return null;
    const wish = { "workload-resource-group": this.group, "virtual-servers": all, "perf-policy": probe(rule) };
    const seen = await app.client.post<Preview>(`${GROUPS}/preview`, wish, { signal });
    return matched(seen.content).length;
  }
}

/** A policy by which it is seen what a rule takes. */
function probe(rule: Rule) {
  return {
    name: "probe", importance: "medium",
    "service-classes": [
      { name: "match", goal: DISCRETIONARY, classification: rule },
      { name: "rest", goal: DISCRETIONARY },
    ],
  };
}

function matched(seen: Preview): Preview["virtual-servers"] {
  return seen["virtual-servers"].filter((one) => one["service-class"] === "match");
}
