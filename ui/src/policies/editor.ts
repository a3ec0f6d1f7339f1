/**
 * One policy, to be changed: its name, importance and classes, and what it would do. What is changed is a draft that
 * survives a reload until it is applied or discarded; a change of somebody else is never overwritten unasked.
 */

import { ApiError } from "../api/client";
import { Resource } from "../api/resource";
import type { Group, Importance, Policy, PolicyDetail, ServiceClass } from "../api/types";
import { app, mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, query, state, type PropertyValues } from "../base/element";
import { complain, complaint, tell } from "../base/notices";
import { place } from "../base/place";
import { t } from "../base/texts";
import { IMPORTANCES, importanceWord } from "../base/words";
import { groupPath } from "../groups/data";
import { same, type Merged, type MergePart } from "../parts/merge";
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
  @state() private kept: PolicyDraft | null = null;
  @state() private error: ApiError | null = null;
  @state() private busy = false;
  @state() private versions: Parts[] | null = null;
  private theirs: { policy: Policy; etag: string | null } | null = null;
  @query("hpm-merge") private question!: MergePart<Parts>;
  private readonly stored = new Resource<PolicyDetail>(this, () => (this.name ? this.path : null), {
    kinds: ["workload-resource-group"], ticks: false,
  });

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: var(--gap);
        grid-template-columns: minmax(0, 1fr);
      }
      .fields {
        display: grid;
        gap: 12px var(--gap);
        grid-template-columns: minmax(0, 14rem) 10rem minmax(0, 1fr);
      }
      .bar {
        position: sticky;
        bottom: 0;
        z-index: 2;
        display: grid;
        gap: 8px;
        padding: 10px var(--gap);
        background: var(--raised);
        border: 1px solid var(--advice);
        border-inline-start-width: 6px;
        border-radius: var(--radius);
        max-height: 50vh;
        overflow: auto;
      }
      .summary {
        color: var(--missed);
      }
      .summary:focus {
        outline: none;
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
    this.kept = policyDraft(this.group["object-id"], this.name);
    this.error = null;
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
      ${this.kept ? this.bar(this.kept) : nothing}
      <section class="panel stack" aria-label=${t("Preview")}>
        <h2>${t("What it would do now, if it were active")}</h2>
        ${this.preview(policy)}
      </section>
      ${this.merge()}`;
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
    const changes = kept.base ? differences(kept.base, kept.policy) : [];
    return html`<section class="bar" aria-label=${t("Unsaved changes")}>
      ${this.error
        ? html`<p class="summary" role="alert" tabindex="-1">▲ ${t("Not applied.")} ${this.error.field ? `${this.error.field}: ` : ""}${complaint(new Error(this.error.said))}</p>`
        : nothing}
      <div class="spread">
        <strong>${kept.base ? t("Unsaved changes") : t("A new policy, not created yet")}</strong>
        <span class="row">
          <button class="primary apply" type="button" ?disabled=${this.busy} @click=${() => this.apply()}>
            ${this.busy ? t("Working…") : kept.base ? t("Apply") : t("Create policy")}
          </button>
          <button class="discard" type="button" @click=${this.discard}>${t("Discard")}</button>
        </span>
      </div>
      ${this.isOther(kept)
        ? html`<p class="row">
            ▲ ${t("Somebody else changed this policy since you began.")}
            <button class="plain" type="button" @click=${() => this.changedMeanwhile(kept)}>${t("Compare and merge")}</button>
          </p>`
        : nothing}
      ${changes.length > 0
        ? html`<details>
            <summary>${t("What changes")}</summary>
            <hpm-fields .fields=${changes} .heads=${[t("Now"), t("Then")]}></hpm-fields>
          </details>`
        : nothing}
    </section>`;
  }

  private merge() {
    const [base, mine, theirs] = this.versions ?? [];
    return html`<hpm-merge
      .what=${t("policy {name}", { name: this.name })}
      .base=${base}
      .mine=${mine}
      .theirs=${theirs}
      .fields=${theirs ? mergeFields(theirs) : []}
      @merged=${(event: CustomEvent<Merged<Parts>>) => this.merged(event.detail)}
    ></hpm-merge>`;
  }

  /** What is shown: the draft, or what the server has. */
  private get policy(): Policy | null {
    return this.kept?.policy ?? (this.stored.value ? contentOf(this.stored.value) : null);
  }

  /** Whether the server has another policy now than the draft was begun with. */
  private isOther(kept: PolicyDraft): boolean {
    return Boolean(kept.base && this.stored.value && !same(kept.base, contentOf(this.stored.value)));
  }

  private get path(): string {
    return policyPath(this.group["object-id"], this.name);
  }

  private wrongOf(part: string): Wrong | null {
    return this.error ? wrongBelow({ path: this.error.field, text: this.error.said }, part) : null;
  }

  private edit(part: Partial<Policy>): void {
    const before = this.policy;
    if (!before || !mayWrite()) return;
    const base = this.kept ? this.kept.base : before;
    const policy = { ...before, ...part };
    if (base && same(base, policy)) return this.keep(null);
    this.keep({ policy, base, etag: this.kept ? this.kept.etag : this.stored.etag });
  }

  private keep(draft: PolicyDraft | null): void {
    keepPolicyDraft(this.group["object-id"], this.name, draft);
    this.kept = draft;
    if (!draft) this.error = null;
    this.emit("drafted");
  }

  private readonly discard = (): void => {
    const { kept, name } = this;
    const id = this.group["object-id"];
    this.keep(null);
    void this.stored.refresh();
    tell(t("The changes were discarded."), { label: t("Undo"), run: () => this.bringBack(id, name, kept) });
    if (!name) this.emit("applied", "");
  };

  /** Puts a draft back where it was, whatever is shown by now; another new policy begun meanwhile is not lost by that. */
  private bringBack(id: string, name: string, kept: PolicyDraft | null): void {
    if (!name && policyDraft(id, name)) return tell(t("There is a new policy already that is not created yet; create or discard it first."));
    keepPolicyDraft(id, name, kept);
    if (this.isConnected && this.group["object-id"] === id && this.name === name) {
      this.kept = kept;
      this.emit("drafted");
    }
    app.places.go(place("policies", id, name ? { policy: name } : { new: "yes" }));
  }

  private async apply(): Promise<void> {
    const { kept } = this;
    if (!kept || this.busy) return;
    this.busy = true;
    this.error = null;
    try {
      await this.send(kept);
    } catch (error) {
      await this.refused(error instanceof ApiError ? error : new ApiError(String(error)), kept);
    } finally {
      this.busy = false;
    }
  }

  private async send(kept: PolicyDraft): Promise<void> {
    const creates = !kept.base;
    if (!creates && !kept.etag) return this.changedMeanwhile(kept); // a suggestion was put in its place
    const id = this.group["object-id"];
    const path = creates ? `${groupPath(id)}/policies` : policyPath(id, this.name);
    const answer = await app.client.post<PolicyDetail>(path, contentOf(kept.policy), { etag: creates ? null : kept.etag });
    const { name } = answer.content;
    this.keep(null);
    if (name === this.name) this.stored.set(answer.content);
    await this.stored.refresh();
    this.emit("applied", name);
    if (!kept.base) return tell(t("Policy {name} was created.", { name }));
    tell(t("Policy {name} was changed.", { name }), { label: t("Undo"), run: () => void this.undo(id, name, kept.base!, answer.etag) });
  }

  private async undo(id: string, name: string, before: Policy, etag: string | null): Promise<void> {
    try {
      await app.client.post(policyPath(id, name), before, { etag });
      await this.stored.refresh();
      if (this.isConnected && this.group["object-id"] === id && this.name === name) this.emit("applied", before.name);
    } catch (error) {
      complain(t("Not undone."), error);
    }
  }

  private async refused(error: ApiError, kept: PolicyDraft): Promise<void> {
    if (error.status === 412) return this.changedMeanwhile(kept);
    if (error.status === 404 && kept.base) {
      // somebody deleted it, or gave it another name: what was typed is not lost by that
      this.keep({ ...kept, base: null, etag: null });
      this.error = new ApiError(t("Somebody deleted this policy or renamed it. To create it anew, press the button."));
    } else this.error = error;
    const at = /^service-classes\[(\d+)\]/.exec(error.field);
    if (at) this.emit("unfold", Number(at[1]));
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(".summary")?.focus();
  }

  /** Somebody changed it since this was begun: if not the policy itself, it goes on; if so, who sits here decides. */
  private async changedMeanwhile(kept: PolicyDraft): Promise<void> {
    try {
      const answer = await app.client.get<PolicyDetail>(this.path);
      this.theirs = { policy: contentOf(answer.content), etag: answer.etag };
      if (same(kept.base, this.theirs.policy)) return await this.send({ ...kept, etag: answer.etag });
      this.versions = partsOf([kept.base!, kept.policy, this.theirs.policy]);
      await this.updateComplete; // it knows the three of them only then
      this.question.ask();
    } catch (error) {
      this.error = error instanceof ApiError ? error : new ApiError(String(error));
    }
  }

  /** What comes of it is again a draft, of their version: it is looked at before it is applied. */
  private merged({ value }: Merged<Parts>): void {
    const { policy: base, etag } = this.theirs!;
    const policy = policyOfParts(value);
    this.keep(same(base, policy) ? null : { policy, base, etag });
    void this.stored.refresh();
  }
}
