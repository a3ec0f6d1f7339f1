/** What a policy was: who changed it and when, what differs from the one before and from now, and back to it. */

import { asApiError } from "../api/client";
import { Resource } from "../api/resource";
import type { Group, Policy, PolicyDetail, Revision } from "../api/types";
import { app, mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { ago, exact } from "../base/format";
import { complain, tell, tellUndo } from "../base/notices";
import { link } from "../base/page";
import { plural, t } from "../base/texts";
import { same } from "../parts/merge";
import { differences } from "./diff";
import { contentOf } from "./model";
import { policyPath } from "./writes";

@customElement("hpm-revisions")
export class RevisionsPart extends HpmElement {
  @property({ attribute: false }) group!: Group;
  @property() name = "";
  /** The number of the one that is unfolded; 0: none. */
  @property({ type: Number }) shown = 0;
  private readonly revisions = new Resource<{ revisions: Revision[] }>(this, () => `${this.path}/revisions`, {
    kinds: ["workload-resource-group"], ticks: false,
  });

  static override styles = [
    HpmElement.styles,
    css`
      .panel {
        padding: 8px 12px;
        margin-bottom: 8px;
      }
      .line {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 16px;
        align-items: center;
      }
      .line > .what {
        flex: 1 1 16rem;
        min-width: 0;
        overflow-wrap: anywhere;
      }
      .both {
        display: grid;
        gap: var(--gap);
        margin-top: 8px;
      }
    `,
  ];

  private get path(): string {
    return policyPath(this.group["object-id"], this.name);
  }

  private get now(): Policy | null {
    return this.group["perf-policies"].find((one) => one.name === this.name) ?? null;
  }

  override render() {
    const all = this.revisions.value?.revisions;
    if (!all) {
      return this.revisions.error
        ? html`<hpm-problem .what=${t("The revisions cannot be shown.")} .error=${this.revisions.error} @retry=${() => this.revisions.refresh()}></hpm-problem>`
        : html`<hpm-skeleton></hpm-skeleton>`;
    }
    const newestFirst = [...all].sort((one, other) => other.revision - one.revision);
    if (newestFirst.length === 0) return html`<p class="dim">${t("It was never changed since revisions are kept.")}</p>`;
    return html`<ol class="plain-list">
      ${newestFirst.map((one, at) => this.revision(one, newestFirst[at + 1]))}
    </ol>`;
  }

  private revision(one: Revision, before: Revision | undefined) {
    const open = one.revision === this.shown;
    const changes = differences(contentOrNull(before), contentOrNull(one));
    return html`<li class="panel">
      <div class="line">
        <button class="plain" type="button" aria-expanded=${open} @click=${() => this.emit("ask", { revision: open ? "" : String(one.revision) })}>
          <span aria-hidden="true">${open ? "▾" : "▸"}</span>${t("Revision {n}", { n: one.revision })}
        </button>
        <span title=${exact(one.time)}>${ago(one.time)}</span>
        <span>${one.user}</span>
        <span class="what">${this.inShort(one, before, changes.length)}</span>
        ${this.isNow(one) ? html`<span>● ${t("as it is now")}</span>` : this.restoreButton(one)}
      </div>
      ${open ? this.unfolded(one, before) : nothing}
    </li>`;
  }

  private restoreButton(one: Revision) {
    if (!mayWrite() || !one["perf-policy"]) return nothing;
    return html`<button type="button" @click=${() => this.restore(one.revision)}>${t("Restore revision {n}", { n: one.revision })}</button>`;
  }

  private inShort(one: Revision, before: Revision | undefined, changes: number): string {
    if (!one["perf-policy"]) return t("deleted");
    if (!before?.["perf-policy"]) return t("created");
    const first = differences(contentOrNull(before), contentOrNull(one))[0];
    if (!first) return t("no difference");
    const words = t("{field}: {before} → {after}", { field: first.name, before: first.before ?? "–", after: first.after ?? "–" });
    return changes > 1 ? `${words}; ${plural("{n} more", "{n} more", changes - 1)}` : words;
  }

  private unfolded(one: Revision, before: Revision | undefined) {
    const then = contentOrNull(one);
    const was = contentOrNull(before);
    const [number, earlier] = [t("Revision {n}", { n: one.revision }), before ? t("Revision {n}", { n: before.revision }) : t("Before")];
    return html`<div class="both">
      <section>
        <h3>${t("What was changed then")}</h3>
        <hpm-fields .fields=${differences(was, then)} .heads=${[earlier, number]}></hpm-fields>
      </section>
      ${this.isNow(one)
        ? nothing
        : html`<section>
            <h3>${t("Against the policy as it is now")}</h3>
            <hpm-fields .fields=${differences(then, this.now && contentOf(this.now))} .heads=${[number, t("Now")]}></hpm-fields>
          </section>`}
      <p>
        <a href=${link("policies", "", { compare: `${this.group["object-id"]}/${this.name}/${one.revision}`, with: `${this.group["object-id"]}/${this.name}`, show: "all" })}
          >${t("Side by side, whole")}</a
        >
      </p>
    </div>`;
  }

  private isNow(one: Revision): boolean {
    return Boolean(this.now && one["perf-policy"] && same(contentOf(this.now), contentOf(one["perf-policy"])));
  }

  private async restore(number: number): Promise<void> {
    try {
      const before = await this.read();
      const answer = await app.client.post<PolicyDetail>(`${this.path}/revisions/${number}/restore`, undefined, { etag: before?.etag ?? null });
      await this.revisions.refresh();
      this.emit("changed");
      const text = t("Policy {name} is as in revision {n} again.", { name: this.name, n: number });
      if (before) tellUndo(text, () => this.undo(contentOf(before.content), answer.etag));
      else tell(text);
    } catch (error) {
      complain(t("Not restored."), error);
    }
  }

  /** The policy as it is; null: it was deleted, and is restored without one to compare with. */
  private async read() {
    try {
      return await app.client.get<PolicyDetail>(this.path);
    } catch (error) {
      if (asApiError(error).status === 404) return null;
      throw error;
    }
  }

  private async undo(before: Policy, etag: string | null): Promise<void> {
    await app.client.post(this.path, before, { etag });
    await this.revisions.refresh();
    this.emit("changed");
  }
}

function contentOrNull(one: Revision | undefined): Policy | null {
  return one?.["perf-policy"] ? contentOf(one["perf-policy"]) : null;
}
