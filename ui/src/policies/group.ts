/** The policies of one group: which there are, one of them to be changed, the schedule, revisions, suggested goals. */

import type { Group, Policy } from "../api/types";
import { app, mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, query, state, type PropertyValues } from "../base/element";
import { complain, tell } from "../base/notices";
import { link } from "../base/page";
import { place, type Place } from "../base/place";
import { t } from "../base/texts";
import { importanceWord } from "../base/words";
import type { DialogPart } from "../parts/dialog";
import type { Action } from "../parts/menu";
import { keepPolicyDraft, policyDraft } from "./draft";
import { contentOf, freeName, isScheduled, policyOf, TEMPLATES } from "./model";
import { activate, download, remove, type Format } from "./writes";

@customElement("hpm-group-policies")
export class GroupPolicies extends HpmElement {
  @property({ attribute: false }) group!: Group;
  @property({ attribute: false }) groups: readonly Group[] = [];
  @property({ attribute: false }) place!: Place;
  @property({ attribute: false }) error: Error | undefined;
  @query("#copy") private copying!: DialogPart;
  @query("#delete") private deleting!: DialogPart;

  /** A policy that is being deleted: it is not asked for any more, though the group that is known still has it. */
  @state() private leaving = "";

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: 12px;
        grid-template-columns: minmax(0, 1fr);
      }
      hpm-head {
        margin: 0;
      }
      .policies {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
      }
      .policies a {
        display: inline-flex;
        gap: 6px;
        align-items: center;
        min-height: 32px;
        padding: 2px 12px;
        border: 1px solid var(--edge);
        border-radius: 16px;
        color: var(--text);
        overflow-wrap: anywhere;
      }
      .policies a[aria-current] {
        background: var(--chosen);
        border-color: var(--accent);
        font-weight: 600;
      }
      .unsaved {
        color: var(--advice);
      }
      .tabs {
        display: flex;
        gap: 4px;
        border-bottom: 1px solid var(--line);
        overflow-x: auto;
        overflow-y: hidden;
      }
      .tabs a {
        padding: 8px 12px;
        border-bottom: 3px solid transparent;
        color: var(--text);
        white-space: nowrap;
      }
      .tabs a[aria-current] {
        border-color: var(--accent);
        font-weight: 600;
      }
      .tabs a:focus-visible {
        outline-offset: -2px;
      }
    `,
  ];

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.get("group")) this.leaving = "";
  }

  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>("hpm-head")?.focus();
  }

  private get groupId(): string {
    return this.group["object-id"];
  }

  /** The policy that is shown; "": a new one, or none. */
  private get name(): string {
    const name = nameOf(this.group, this.place.query);
    return name === this.leaving ? "" : name;
  }

  private get isNew(): boolean {
    return isNew(this.group, this.place.query);
  }

  override render() {
    const { group, name } = this;
    const policy = policyOf(group, name);
    const tab = this.place.query.get("tab") || "classes";
    return html`<hpm-head
        heading=${headingOf(group, this.place.query)}
        sentence=${policy ? this.sentence(policy) : ""}
        .error=${this.error}
      >
        <span slot="actions" class="row">${this.buttons(policy)}</span>
      </hpm-head>
      ${this.chooser(name)}
      ${this.tabs(tab)}
      ${this.content(tab, name)} ${mayWrite() ? this.dialogs(policy) : nothing}`;
  }

  private tabs(chosen: string) {
    const tab = (key: string, label: string) => {
      const query = { ...Object.fromEntries(this.place.query), tab: key };
      return html`<a href=${link("policies", this.groupId, query)} aria-current=${key === chosen ? "page" : nothing}>${label}</a>`;
    };
    return html`<nav class="tabs" aria-label=${t("What is shown of it")}>
      ${tab("classes", t("Service classes"))} ${tab("schedule", t("Schedule"))} ${tab("revisions", t("Revisions"))} ${tab("suggest", t("Suggested goals"))}
    </nav>`;
  }

  private sentence(policy: Policy): string {
    const active = policy.name === this.group["active-policy"];
    const words = { importance: importanceWord(policy.importance) };
    if (!active) return t("Not active. Importance {importance}.", words);
    return isScheduled(this.group, policy.name) ? t("Active now; the schedule names it. Importance {importance}.", words) : t("Active now. Importance {importance}.", words);
  }

  private buttons(policy: Policy | undefined) {
    const { group } = this;
    const admin = mayWrite();
    const active = policy?.name === group["active-policy"];
    return html`<a class="button" href=${link("policies")}>${t("All policies")}</a>
      ${admin && policy && !active ? html`<button class="primary activate" type="button" @click=${() => this.activate(policy.name)}>${t("Activate")}</button>` : nothing}
      ${admin ? html`<hpm-menu .label=${t("New policy")} .actions=${this.templates()}></hpm-menu>` : nothing}
      <hpm-menu .label=${t("Actions")} .of=${policy?.name ?? group.name} .actions=${this.actions(policy, admin)}></hpm-menu>`;
  }

  private actions(policy: Policy | undefined, admin: boolean): Action[] {
    const { group } = this;
    const save = (format: Format, name?: string) => void download(name ? { group, policy: name } : { group }, format);
    const actions: Action[] = [];
    if (policy) {
      const name = policy.name;
      if (admin) actions.push({ label: t("Copy…"), run: () => this.copying.show() });
      actions.push(
        { label: t("Compare…"), run: () => app.places.go(place("policies", "", { compare: `${this.groupId}/${name}` })) },
        { label: t("Export policy as JSON"), run: () => save("json", name) },
        { label: t("Export policy as XML"), run: () => save("xml", name) },
      );
    }
    actions.push({ label: t("Export group as JSON"), run: () => save("json") }, { label: t("Export group as XML"), run: () => save("xml") });
    if (!admin) return actions;
    actions.push({ label: t("Import into this group…"), run: () => this.emit("import") });
    if (group["active-policy"]) {
      actions.push({ label: t("Deactivate {name}: no active policy", { name: group["active-policy"] }), danger: true, run: () => void this.activate(null) });
    }
    if (policy) {
      const not = isScheduled(group, policy.name) ? { not: t("The schedule of the group names it; change that first.") } : {};
      actions.push({ label: t("Delete policy {name}", { name: policy.name }), danger: true, ...not, run: () => this.askDelete(policy) });
    }
    return actions;
  }

  private templates(): Action[] {
    return TEMPLATES.map((one) => ({ label: `${t(one.label)} – ${t(one.help)}`, run: () => this.begin(one.policy()) }));
  }

  private chooser(shown: string) {
    const policies = this.group["perf-policies"];
    const begun = policyDraft(this.groupId, "") !== null;
    if (policies.length === 0 && !begun) return nothing;
    const tab = this.place.query.get("tab") ?? "";
    return html`<nav class="policies" aria-label=${t("Policies of {name}", { name: this.group.name })}>
      ${policies.map(
        (one) => html`<a href=${link("policies", this.groupId, { policy: one.name, ...(tab ? { tab } : {}) })} aria-current=${one.name === shown ? "true" : nothing}
          >${one.name}${one.name === this.group["active-policy"] ? html`<span>● ${t("active")}</span>` : nothing}${policyDraft(this.groupId, one.name)
            ? html`<span class="unsaved">✎ ${t("unsaved")}</span>`
            : nothing}</a
        >`,
      )}
      ${begun ? html`<a href=${link("policies", this.groupId, { new: "yes" })} aria-current=${this.isNew ? "true" : nothing}>${t("new policy")}<span class="unsaved">✎ ${t("unsaved")}</span></a>` : nothing}
    </nav>`;
  }

  private content(tab: string, name: string) {
    if (tab === "schedule") return html`<hpm-schedule .group=${this.group} shown=${name} @changed=${() => this.changed()}></hpm-schedule>`;
    if (tab === "suggest") return html`<hpm-suggest .group=${this.group} .query=${this.place.query} @begin=${(event: CustomEvent<Policy>) => this.open(event.detail)}></hpm-suggest>`;
    if (!name && !this.isNew) return this.empty();
    if (tab === "revisions") {
      return name
        ? html`<hpm-revisions .group=${this.group} .name=${name} .shown=${Number(this.place.query.get("revision") ?? 0)} @changed=${() => this.changed()}></hpm-revisions>`
        : html`<p class="dim">${t("A policy that is not created yet has no revisions.")}</p>`;
    }
    if (name && !policyOf(this.group, name) && !policyDraft(this.groupId, name)) return this.gone(name);
    return html`<hpm-policy-editor
      .group=${this.group}
      .name=${name}
      .unfolded=${Number(this.place.query.get("class") ?? 0) - 1}
      @unfold=${(event: CustomEvent<number>) => this.ask({ class: event.detail < 0 ? "" : String(event.detail + 1) })}
      @drafted=${() => this.requestUpdate()}
      @applied=${(event: CustomEvent<string>) => this.applied(event.detail)}
    ></hpm-policy-editor>`;
  }

  private empty() {
    const state = t("It is unmanaged: its servers keep their shares, and are neither squeezed nor helped.");
    const step = mayWrite() ? t("Begin with one of these; nothing is changed before you apply it.") : "";
    return html`<hpm-empty heading=${t("{name} has no policy", { name: this.group.name })} text="${state} ${step}">
      ${mayWrite() ? TEMPLATES.map((one) => html`<button type="button" title=${t(one.help)} @click=${() => this.begin(one.policy())}>${t(one.label)}</button>`) : nothing}
    </hpm-empty>`;
  }

  private gone(name: string) {
    return html`<hpm-empty heading=${t("There is no policy {name}", { name })} text=${t("It was deleted or has another name now. Its revisions may still tell what it was.")}>
      <a class="button" href=${link("policies", this.groupId, { policy: name, tab: "revisions" })}>${t("Revisions")}</a>
    </hpm-empty>`;
  }

  private dialogs(policy: Policy | undefined) {
    return html`<hpm-dialog id="copy" heading=${t("Copy policy {name}", { name: policy?.name ?? "" })} action=${t("Copy")} @save=${this.copy}>
        <div class="stack">
          <div class="field">
            <label for="to">${t("To group")}</label>
            <select id="to">
              ${this.groups.map((one) => html`<option value=${one["object-id"]} ?selected=${one["object-id"] === this.groupId}>${one.name}</option>`)}
            </select>
            <span class="help">${t("The copy is opened as a new policy; nothing is changed before you create it.")}</span>
          </div>
        </div>
      </hpm-dialog>
      <hpm-dialog id="delete" heading=${t("Delete policy {name}?", { name: policy?.name ?? "" })} action=${t("Delete policy")} danger @save=${() => policy && this.delete(policy)}>
        <p>${t("It is the active policy: {group} becomes unmanaged, its servers keep their shares.", { group: this.group.name })}</p>
      </hpm-dialog>`;
  }

  private begin(policy: Policy, group = this.group): void {
    const id = group["object-id"];
    if (policyDraft(id, "")) tell(t("There is a new policy already that is not created yet; create or discard it first."));
    else {
      const name = freeName(policy.name, group["perf-policies"].map((one) => one.name));
      keepPolicyDraft(id, "", { policy: { ...policy, name: policy.name ? name : "" }, base: null, etag: null });
    }
    if (id !== this.groupId) app.places.go(place("policies", id, { new: "yes" }));
    else this.ask({ new: "yes", policy: "", tab: "", class: "" });
  }

  /** Puts a policy that was suggested into the editor: over the one of its name, or as a new one. */
  private open(policy: Policy): void {
    const base = policyOf(this.group, policy.name);
    if (!base) return this.begin(contentOf(policy));
    const kept = policyDraft(this.groupId, policy.name);
    keepPolicyDraft(this.groupId, policy.name, { policy: contentOf(policy), base: kept?.base ?? contentOf(base), etag: kept?.etag ?? null });
    this.ask({ policy: policy.name, new: "", tab: "", class: "" });
  }

  private copy(): void {
    const to = this.renderRoot.querySelector<HTMLSelectElement>("#to")!.value;
    const policy = policyOf(this.group, this.name)!;
    this.copying.close();
    this.begin(contentOf(policyDraft(this.groupId, this.name)?.policy ?? policy), this.groups.find((one) => one["object-id"] === to));
  }

  private askDelete(policy: Policy): void {
    if (policy.name === this.group["active-policy"]) this.deleting.show();
    else void this.delete(policy);
  }

  private async delete(policy: Policy): Promise<void> {
    this.deleting.close();
    this.leaving = policy.name;
    if (!(await remove(this.group, policy.name))) {
      this.leaving = "";
      return;
    }
    keepPolicyDraft(this.groupId, policy.name, null);
    this.changed();
    this.ask({ policy: "" });
  }

  private async activate(name: string | null): Promise<void> {
    try {
      await activate(this.group, name);
    } catch (error) {
      complain(t("Not activated."), error);
    }
    this.changed();
  }

  private applied(name: string): void {
    this.changed();
    this.ask({ policy: name, new: "" });
  }

  private ask(words: Record<string, string>): void {
    this.emit("ask", words);
  }

  private changed(): void {
    this.emit("changed");
  }
}

/** Whether a policy is shown that is not created yet. */
function isNew(group: Group, query: URLSearchParams): boolean {
  return query.get("new") === "yes" && policyDraft(group["object-id"], "") !== null;
}

/** The policy that is shown; "": a new one, or none. */
function nameOf(group: Group, query: URLSearchParams): string {
  if (isNew(group, query)) return "";
  return query.get("policy") || group["active-policy"] || group["perf-policies"][0]?.name || "";
}

/** What is shown of a group, by the query of the URL: the group and the policy. */
export function headingOf(group: Group, query: URLSearchParams): string {
  if (isNew(group, query)) return t("{group}: new policy", { group: group.name });
  const name = nameOf(group, query);
  return name ? `${group.name}: ${name}` : group.name;
}
