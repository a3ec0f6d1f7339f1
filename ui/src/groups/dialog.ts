/**
 * The dialog in which a group is created or changed, with a preview of what would come of it beside the form.
 *
 * What is typed is kept until it is saved, also over a reload. Where somebody else changed the group meanwhile it asks.
 * Dispatches `saved` with the group, and `closed`.
 */

import { ApiError, asApiError } from "../api/client";
import { Resource } from "../api/resource";
import type { Group, GroupSummary, ServerSummary } from "../api/types";
import { app } from "../base/app";
import { css, customElement, html, HpmElement, nothing, query, state } from "../base/element";
import { tell } from "../base/notices";
import { place } from "../base/place";
import { t } from "../base/texts";
import type { DialogPart } from "../parts/dialog";
import { same, type Merged, type MergePart } from "../parts/merge";
import type { Previewed } from "../parts/preview";
import { GROUP_KINDS, groupPath, GROUPS, MEMBER_KINDS, member, type Member } from "./data";
import { draftOf, EMPTY, fieldsOf, fieldsTyped, forget, formOf, keep, membersOf, type GroupFields, type GroupForm } from "./form";
import { MERGE_FIELDS } from "./merge-fields";
import { takenFrom, type Picked } from "./picker";
import { chosenAt, isTaken, madeOf, takenText, type PolicyChoice } from "./policy-choice";
import { isChanged, Saving } from "./saving";
import { stepList } from "./steps";

/** What is seen first. */
export type Part = "name" | "servers" | "policy";

@customElement("hpm-group-dialog")
export class GroupDialog extends HpmElement {
  @state() private shown = false;
  @state() private first: Part = "name";
  @state() private form: GroupForm = EMPTY;
  @state() private error: ApiError | string | null = null;
  @state() private wrong: Record<string, string> = {}; // what is wrong, by the field of the form
  @state() private busy = false;
  @state() private offered = false; // what is shown was typed before
  @state() private theirs: Group | null = null;
  @state() private hint = "";
  @query("hpm-dialog") private dialog!: DialogPart;
  @query("hpm-merge") private merge!: MergePart<GroupFields>;
  private saving = new Saving(null, null, () => {});
  private begun: GroupForm = EMPTY;
  private newAs = ""; // what a group is kept as that is not created yet

  private readonly servers = new Resource<{ "virtual-servers": ServerSummary[] }>(
    this,
    () => (this.shown ? "/virtual-servers" : null),
    { kinds: MEMBER_KINDS, ticks: false },
  );
  private readonly groups = new Resource<{ "workload-resource-groups": GroupSummary[] }>(
    this,
    () => (this.shown ? GROUPS : null),
    { kinds: GROUP_KINDS, ticks: false },
  );

  static override styles = [
    HpmElement.styles,
    css`
      .two {
        display: grid;
        grid-template-columns: minmax(0, 3fr) minmax(0, 2fr);
        gap: 24px;
      }
      aside {
        border-inline-start: 1px solid var(--line);
        padding-inline-start: 24px;
      }
      aside > div {
        position: sticky;
        top: 0;
        display: grid;
        gap: 8px;
      }
      .hint {
        padding: 8px 12px;
        background: var(--soft);
        border-inline-start: 4px solid var(--accent);
      }
      .stack {
        align-content: start;
      }
      @media (max-width: 860px) {
        .two {
          grid-template-columns: minmax(0, 1fr);
        }
        aside {
          border: none;
          border-top: 1px solid var(--line);
          padding: var(--gap) 0 0;
        }
        aside > div {
          position: static;
        }
      }
    `,
  ];

  /** Opens it for a new group; `form` is what it begins with, `as` what it is kept as until it is created. */
  create(form: GroupForm = EMPTY, as = ""): void {
    this.begin(null, null, form, "name", as);
  }

  /** Opens it for a group, as it is now; with a policy from the template of that key, where it has none. Raises `ApiError`. */
  async edit(id: string, first: Part = "name", template = ""): Promise<void> {
    const { content, etag } = await app.client.get<Group>(groupPath(id));
    this.begin(content, etag, formOf(content), first, id);
    if (template && !this.offered && content["active-policy"] === null) {
      this.form = { ...this.form, ...madeOf(template, content["perf-policies"]) };
    }
  }

  private begin(group: Group | null, etag: string | null, form: GroupForm, first: Part, as: string): void {
    const kept = draftOf(as);
    this.newAs = group ? "" : as;
    this.saving = new Saving(kept?.base ?? group, kept ? kept.etag : etag, () => this.requestUpdate());
    this.begun = form;
    this.form = kept?.form ?? form;
    this.offered = kept !== null;
    this.first = first;
    this.error = null;
    this.wrong = {};
    this.hint = "";
    this.theirs = null;
    this.shown = true;
    this.dialog.show();
  }

  override render() {
    const { form, saving } = this;
    const group = saving.group;
    return html`<hpm-dialog
        wide
        heading=${group ? t("Edit group {name}", { name: group.name }) : t("Create a group")}
        action=${saving.steps.some((one) => one.state === "failed") ? t("Try the rest again") : group ? t("Save") : t("Create")}
        .busy=${this.busy}
        .error=${this.error}
        @save=${this.save}
        @close=${this.closed}
      >
        ${this.shown ? html`<div class="two"><div class="stack">${this.fields()}</div>${this.preview(form, group)}</div>` : nothing}
      </hpm-dialog>
      <hpm-merge
        what=${t("group {name}", { name: group?.name ?? "" })}
        .base=${group ? fieldsOf(group) : null}
        .mine=${fieldsTyped(form)}
        .theirs=${this.theirs ? fieldsOf(this.theirs) : null}
        .fields=${MERGE_FIELDS}
        @merged=${this.answered}
      ></hpm-merge>`;
  }

  private fields() {
    const { form, saving } = this;
    const group = saving.group;
    const fixed = group?.["is-default"] ?? false;
    return html`${this.offered
        ? html`<p class="hint">
            ${t("This is what you typed before and did not save.")}
            <button class="plain" type="button" @click=${this.anew}>${t("Begin anew")}</button>
          </p>`
        : nothing}
      ${this.hint ? html`<p class="hint" role="status">${this.hint}</p>` : nothing} ${stepList(saving.steps)}
      <div class="field">
        <label for="name">${t("Name")}</label>
        <input
          id="name"
          maxlength="64"
          ?autofocus=${this.first === "name" && !fixed}
          ?disabled=${fixed}
          .value=${form.name}
          aria-invalid=${Boolean(this.wrong["name"])}
          aria-describedby="name-wrong"
          @input=${(event: InputEvent) => this.change({ name: (event.target as HTMLInputElement).value }, "name")}
        />
        ${this.complaint("name")}
      </div>
      <div class="field">
        <label for="description">${t("Description")}</label>
        <input
          id="description"
          maxlength="1024"
          ?autofocus=${this.first === "name" && fixed}
          .value=${form.description}
          aria-invalid=${Boolean(this.wrong["description"])}
          aria-describedby="description-wrong"
          @input=${(event: InputEvent) => this.change({ description: (event.target as HTMLInputElement).value }, "description")}
        />
        ${this.complaint("description")}
      </div>
      <h3>${t("Virtual servers")}</h3>
      ${fixed
        ? html`<p class="help">${t("All servers that are in no other group are in this one. To take one out, put it in another group.")}</p>`
        : html`<hpm-server-picker
            ?autofocus=${this.first === "servers"}
            .all=${this.members}
            .groups=${this.names}
            group=${group?.["object-id"] ?? ""}
            .servers=${form.servers}
            .move=${form.move}
            .reason=${this.wrong["servers"] ?? ""}
            @pick=${(event: CustomEvent<Picked>) => this.change(event.detail, "servers")}
          ></hpm-server-picker>`}
      <hpm-policy-choice
        ?autofocus=${this.first === "policy"}
        .choice=${form}
        .field=${this.wrong["policyField"] ?? ""}
        .reason=${this.wrong["policy"] ?? ""}
        @choose=${(event: CustomEvent<PolicyChoice>) => this.change(event.detail, "policy")}
      ></hpm-policy-choice>
      ${group?.schedule?.length
        ? html`<p class="help">${t("The group has a schedule: another policy than it wants is active until it switches next.")}</p>`
        : nothing}`;
  }

  private preview(form: GroupForm, group: Group | null) {
    return html`<aside aria-label=${t("Preview")}>
      <div>
        <h3>${t("What would come of it")}</h3>
        <hpm-preview
          group=${group?.["object-id"] ?? ""}
          .policy=${form.policies[chosenAt(form)] ?? null}
          .servers=${group?.["is-default"] ? null : form.servers}
          @preview=${this.previewed}
        ></hpm-preview>
      </div>
    </aside>`;
  }

  private complaint(field: string) {
    const said = this.wrong[field];
    return html`<span id="${field}-wrong">${said ? html`<span class="wrong">${said}</span>` : nothing}</span>`;
  }

  private get members(): readonly Member[] {
    const value = this.servers.value?.["virtual-servers"];
    if (value !== this.listed.from) this.listed = { from: value, members: (value ?? []).map(member) };
    return this.listed.members;
  }
  private listed: { from: unknown; members: readonly Member[] } = { from: undefined, members: [] };

  private get names(): ReadonlyMap<string, string> {
    return new Map(this.groups.value?.["workload-resource-groups"].map((one) => [one["object-id"], one.name]));
  }

  private change(change: Partial<GroupForm>, field: string): void {
    this.form = { ...this.form, ...change };
    this.wrong = { ...this.wrong, [field]: "", [`${field}Field`]: "" };
    this.keep();
  }

  private keep(): void {
    const { group, etag } = this.saving;
    const id = this.keptAs;
    if (same(this.form, this.begun)) forget(id);
    else keep({ id, base: group, etag, form: this.form });
  }

  /** Lets go of what was typed before. */
  private readonly anew = async (): Promise<void> => {
    const id = this.saving.group?.["object-id"];
    forget(this.keptAs);
    if (id) await this.edit(id, this.first).catch((error: unknown) => (this.error = asApiError(error)));
    else this.create(this.begun, this.newAs);
  };

  private get keptAs(): string {
    return this.saving.group?.["object-id"] ?? this.newAs;
  }

  private readonly previewed = (event: CustomEvent<Previewed>): void => {
    const { error, field } = event.detail;
    this.wrong = { ...this.wrong, policyField: field, policy: field && error ? error.message : "" };
  };

  private readonly save = async (event?: Event): Promise<void> => {
    event?.stopPropagation();
    if (!this.ready()) return;
    this.busy = true;
    this.error = null;
    this.hint = "";
    const isNew = this.saving.group === null;
    try {
      const group = await this.saving.save(this.form, this.members);
      if (isNew) forget(this.newAs);
      forget(group["object-id"]);
      this.begun = this.form;
      this.dialog.close();
      const text = isNew ? t("Group {name} was created.", { name: group.name }) : t("Group {name} was saved.", { name: group.name });
      tell(text, { label: t("To the overview"), run: () => app.places.go(place("overview")) });
      this.emit<Group>("saved", group);
    } catch (error) {
      await this.failed(error, isNew);
    } finally {
      this.busy = false;
    }
  };

  /** Whether it can be sent; else it says what is wrong. */
  private ready(): boolean {
    const wrong: Record<string, string> = {};
    if (!this.form.name.trim()) wrong["name"] = t("Give the group a name.");
    const id = this.saving.group?.["object-id"] ?? "";
    if (takenFrom(this.members, this.form.servers, id).length > 0 && !this.form.move) {
      wrong["servers"] = t("Servers of other groups: tick that they are taken from there, or take them out of the list.");
    }
    if (isTaken(this.form)) wrong["policy"] = takenText();
    this.wrong = wrong;
    const said = Object.values(wrong);
    this.error = said.length > 0 ? said.join(" ") : null;
    return said.length === 0;
  }

  private async failed(error: unknown, wasNew: boolean): Promise<void> {
    if (wasNew && this.saving.group) {
      // it is there now: what is left to do is to change it
      forget(this.newAs);
      this.form = { ...this.form, template: "" };
      this.keep();
    }
    if (isChanged(error)) {
      await this.ask().catch((why: unknown) => (this.error = asApiError(why)));
      return;
    }
    this.error = error instanceof ApiError ? error : String(error);
    this.wrong = error instanceof ApiError ? this.placed(error) : {};
  }

  /** What is wrong, by the field of the form that the error names. */
  private placed(error: ApiError): Record<string, string> {
    const [, at, rest] = /^perf-policies\[(\d+)\]\.(.*)$/.exec(error.field) ?? [];
    if (at !== undefined && Number(at) === chosenAt(this.form)) {
      return { policy: error.message, policyField: rest ?? "" };
    }
    const field = error.field.startsWith("virtual-servers") ? "servers" : error.field;
    return { [field]: error.message };
  }

  /** Somebody else changed it: asks what is to be, where that is a question. */
  private async ask(): Promise<void> {
    const base = this.saving.group!;
    const { content, etag } = await app.client.get<Group>(groupPath(base["object-id"]));
    if (same(fieldsOf(base), fieldsOf(content))) {
      this.goOn(content, etag, fieldsTyped(this.form));
      await this.save();
      return;
    }
    this.theirs = content;
    this.theirTag = etag;
    this.merge.ask();
  }
  private theirTag: string | null = null;

  private readonly answered = (event: CustomEvent<Merged<GroupFields>>): void => {
    event.stopPropagation();
    const { value, took } = event.detail;
    this.goOn(this.theirs!, this.theirTag, value);
    this.theirs = null;
    if (took === "mine") void this.save();
    else this.hint = t("You see what they saved, and what only you changed. Save, or close.");
  };

  /** Edits on from what somebody else made of the group; servers that I added or took out still are. */
  private goOn(theirs: Group, etag: string | null, fields: GroupFields): void {
    const { added, removed } = membersOf(this.saving.group!, this.form);
    const kept = formOf(theirs).servers.filter((id) => !removed.includes(id) && !added.includes(id));
    this.saving = new Saving(theirs, etag, () => this.requestUpdate());
    // where it is theirs that stands, what was made of a template is not the last of its policies any more
    const template = fields.policies === this.form.policies && fields.active === this.form.active ? this.form.template : "";
    this.form = { ...this.form, ...fields, template, servers: [...kept, ...added] };
    this.keep();
  }

  private readonly closed = (): void => {
    this.shown = false;
    this.merge.close();
    this.emit("closed");
  };
}

