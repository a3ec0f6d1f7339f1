/**
 * One policy, to be changed: its name, importance and classes, and what it would do. What is changed is a draft that
 * survives a reload until it is applied or discarded; a change of somebody else is never overwritten unasked.
 */

import { Resource } from "../api/resource";
import type { Group, Importance, Policy, PolicyDetail, ServiceClass } from "../api/types";
import { app, mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, type PropertyValues } from "../base/element";
import { complaint, tell, tellUndo } from "../base/notices";
import { place } from "../base/place";
import { t } from "../base/texts";
import { IMPORTANCES, importanceWord } from "../base/words";
import { groupPath } from "../groups/data";
import { BAR, draftBar } from "../parts/draft-bar";
import { Drafting } from "../parts/drafting";
import type { Merged } from "../parts/merge";
import { differences } from "./diff";
import { keepPolicyDraft, policyDraft, type PolicyDraft } from "./draft";
import { mergeFields, partsOf, policyOfParts, type Parts } from "./merging";
import { contentOf, unfinished } from "./model";
import { wrongBelow, type Wrong } from "./rule";
import { policyPath } from "./writes";

@customElement("hpm-policy-editor")
export class PolicyEditor extends HpmElement {
  @property({ attribute: false }) group!: Group;
  /** As the server has it; "": a new policy, whose draft there is. */
  @property() name = "";
  @property({ type: Number }) unfolded = -1;
  private readonly stored = new Resource<PolicyDetail>(this, () => (this.name ? this.path : null), {
    kinds: ["workload-resource-group"], ticks: false,
  });
  private readonly drafting = new Drafting<Policy, PolicyDraft>(this, {
    mine: (draft) => draft.policy,
    draft: (policy, begun) => ({ policy, ...begun }),
    keep: (draft) => {
      keepPolicyDraft(this.group["object-id"], this.name, draft);
      this.emit("drafted");
    },
    send: (kept) => this.send(kept),
    now: async () => {
      const { content, etag } = await app.client.get<PolicyDetail>(this.path);
      return { value: contentOf(content), etag };
    },
    refresh: () => void this.stored.refresh(),
    gone: () => t("Somebody deleted this policy or renamed it. To create it anew, press the button."),
    refused: ({ field }) => {
      const at = /^service-classes\[(\d+)\]/.exec(field);
      if (at) this.emit("unfold", Number(at[1]));
    },
  });

  static override styles = [
    HpmElement.styles,
    BAR,
    css`
      .fields {
        display: grid;
        gap: 12px var(--gap);
        grid-template-columns: minmax(0, 14rem) 10rem minmax(0, 1fr);
      }
      .bar {
        max-height: 50vh;
        overflow: auto;
      }
      @media (max-width: 760px) {
        .fields {
          grid-template-columns: minmax(0, 1fr);
        }
      }
    `,
  ];

  override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("name") && !changed.has("group")) return;
    const before = changed.get("group") as Group | undefined;
    if (!changed.has("name") && before?.["object-id"] === this.group["object-id"]) return;
    this.drafting.begin(policyDraft(this.group["object-id"], this.name));
  }

  override render() {
    const policy = this.policy;
    if (!policy) {
      return this.stored.error && !this.stored.loading
        ? html`<hpm-problem .what=${t("The policy cannot be shown.")} .error=${this.stored.error} @retry=${() => this.stored.refresh()}></hpm-problem>`
        : html`<hpm-skeleton></hpm-skeleton>`;
    }
    const readonly = !mayWrite();
    return html`${this.fields(policy, readonly)}
      <hpm-classes
        .group=${this.group["object-id"]}
        .policy=${policy}
        .unfolded=${this.unfolded}
        .wrong=${this.wrongOf("service-classes")}
        ?readonly=${readonly}
        @classes=${(event: CustomEvent<ServiceClass[]>) => this.edit({ "service-classes": event.detail })}
      ></hpm-classes>
      ${this.drafting.kept ? this.bar(this.drafting.kept) : nothing}
      <section class="panel stack" aria-label=${t("Preview")}>
        <h2>${this.isActive ? t("What it would do now, as it stands here") : t("What it would do now, if it were active")}</h2>
        ${this.preview(policy)}
      </section>
      ${this.merge()}`;
  }

  private get isActive(): boolean {
    return this.name !== "" && this.group["active-policy"] === this.name;
  }

  private preview(policy: Policy) {
    const lacks = unfinished(policy);
    if (lacks) return html`<p class="dim">${lacks}</p>`;
    // a policy that has no name yet would do the same with any
    return html`<hpm-preview .group=${this.group["object-id"]} .policy=${policy.name.trim() ? policy : { ...policy, name: "new" }}></hpm-preview>`;
  }

  private fields(policy: Policy, readonly: boolean) {
    const wrong = this.wrongOf("importance");
    return html`<div class="fields">
      ${this.text("name", t("Name"), policy.name, 64, readonly)}
      <div class="field">
        <label for="importance">${t("Importance")}</label>
        <select
          id="importance"
          ?disabled=${readonly}
          aria-invalid=${wrong ? "true" : "false"}
          aria-describedby=${wrong ? "importance-wrong" : nothing}
          @change=${(event: Event) => this.edit({ importance: (event.target as HTMLSelectElement).value as Importance })}
        >
          ${IMPORTANCES.map((one) => html`<option value=${one} ?selected=${one === policy.importance}>${importanceWord(one)}</option>`)}
        </select>
        ${wrong ? html`<span class="wrong" id="importance-wrong">${wrong.text}</span>` : nothing}
      </div>
      ${this.text("description", t("Description"), policy.description, 1024, readonly)}
    </div>`;
  }

  private text(name: "name" | "description", label: string, value: string, most: number, readonly: boolean) {
    const wrong = this.wrongOf(name);
    return html`<div class="field">
      <label for=${name}>${label}</label>
      <input
        id=${name}
        maxlength=${most}
        autocomplete="off"
        .value=${value}
        ?readonly=${readonly}
        aria-invalid=${wrong ? "true" : "false"}
        aria-describedby=${wrong ? `${name}-wrong` : nothing}
        @input=${(event: Event) => this.edit({ [name]: (event.target as HTMLInputElement).value })}
      />
      ${wrong ? html`<span class="wrong" id="${name}-wrong">${wrong.text}</span>` : nothing}
    </div>`;
  }

  private bar(kept: PolicyDraft) {
    const { error } = this.drafting;
    const changes = kept.base ? differences(kept.base, kept.policy) : [];
    return draftBar(this.drafting, kept, {
      anew: t("A new policy, not created yet"),
      why: error ? `${error.field ? `${error.field}: ` : ""}${complaint(error, error.said)}` : "",
      stored: this.stored.value && contentOf(this.stored.value),
      discard: this.discard,
      more:
        changes.length > 0
          ? html`<details>
              <summary>${t("What changes")}</summary>
              <hpm-fields .fields=${changes} .heads=${[t("Now"), t("Then")]}></hpm-fields>
            </details>`
          : nothing,
    });
  }

  private merge() {
    const { versions } = this.drafting;
    const [base, mine, theirs] = versions ? partsOf(versions) : [];
    return html`<hpm-merge
      .what=${t("policy {name}", { name: this.name })}
      .base=${base}
      .mine=${mine}
      .theirs=${theirs}
      .fields=${theirs ? mergeFields(theirs) : []}
      @merged=${(event: CustomEvent<Merged<Parts>>) => this.drafting.merged(policyOfParts(event.detail.value))}
    ></hpm-merge>`;
  }

  /** What is shown: the draft, or what the server has. */
  private get policy(): Policy | null {
    return this.drafting.kept?.policy ?? (this.stored.value ? contentOf(this.stored.value) : null);
  }

  private get path(): string {
    return policyPath(this.group["object-id"], this.name);
  }

  private wrongOf(part: string): Wrong | null {
    const { error } = this.drafting;
    return error ? wrongBelow({ path: error.field, text: error.said }, part) : null;
  }

  private edit(part: Partial<Policy>): void {
    const before = this.policy;
    if (!before || !mayWrite()) return;
    this.drafting.edit({ ...before, ...part }, { base: before, etag: this.stored.etag });
  }

  private readonly discard = (): void => {
    const { name } = this;
    const id = this.group["object-id"];
    this.drafting.discard((kept) => this.bringBack(id, name, kept));
    if (!name) this.emit("applied", "");
  };

  /** Puts a draft back where it was, whatever is shown by now; another new policy begun meanwhile is not lost by that. */
  private bringBack(id: string, name: string, kept: PolicyDraft | null): void {
    if (!name && policyDraft(id, name)) return tell(t("There is a new policy already that is not created yet; create or discard it first."));
    keepPolicyDraft(id, name, kept);
    if (this.isConnected && this.group["object-id"] === id && this.name === name) {
      this.drafting.begin(kept);
      this.emit("drafted");
    }
    app.places.go(place("policies", id, name ? { policy: name } : { new: "yes" }));
  }

  private async send(kept: PolicyDraft): Promise<void> {
    const creates = !kept.base;
    if (!creates && !kept.etag) return this.drafting.changedMeanwhile(kept); // a suggestion was put in its place
    const id = this.group["object-id"];
    const path = creates ? `${groupPath(id)}/policies` : policyPath(id, this.name);
    const answer = await app.client.post<PolicyDetail>(path, contentOf(kept.policy), { etag: creates ? null : kept.etag });
    const { name } = answer.content;
    this.drafting.keep(null);
    if (name === this.name) this.stored.set(answer);
    await this.stored.refresh();
    this.emit("applied", name);
    if (!kept.base) return tell(t("Policy {name} was created.", { name }));
    tellUndo(t("Policy {name} was changed.", { name }), () => this.undo(id, name, kept.base!, answer.etag));
  }

  private async undo(id: string, name: string, before: Policy, etag: string | null): Promise<void> {
    await app.client.post(policyPath(id, name), before, { etag });
    await this.stored.refresh();
    if (this.isConnected && this.group["object-id"] === id && this.name === name) this.emit("applied", before.name);
  }
}
