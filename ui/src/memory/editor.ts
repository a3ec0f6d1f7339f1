/**
 * One memory policy, to be read or changed: its text, where that is wrong, and what all policies would do with it now.
 * What is changed is a draft that survives a reload until it is applied or discarded; a change of somebody else is never
 * overwritten unasked. Dispatches `applied` with the policy's name ("": a new one was discarded), and `shown` as soon as
 * its text is there.
 */

import { Resource } from "../api/resource";
import type { MomFault, MomPolicy } from "../api/types";
import { app, mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, query, state, type PropertyValues } from "../base/element";
import { complaint, tell, tellUndo } from "../base/notices";
import { place } from "../base/place";
import { t } from "../base/texts";
import { BAR, draftBar } from "../parts/draft-bar";
import { Drafting } from "../parts/drafting";
import type { Merged } from "../parts/merge";
import type { CodePart, Spot } from "./code";
import { keepMemoryDraft, memoryDraft, type MemoryDraft } from "./draft";
import type { Evaluated } from "./evaluating";
import { unplaced } from "./words";
import { memoryPolicyPath, POLICIES } from "./writes";

/** What a new one begins with. */
const BEGIN = "# What is this for?\n\n(with Guests guest\n    nil)\n";
/** What the API takes as a name. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
/** The name that a policy is evaluated by which has none yet. */
const UNNAMED = "new";

type Text = { text: string };

@customElement("hpm-memory-editor")
export class MemoryEditor extends HpmElement {
  /** As the server has it; "": a new one. */
  @property() name = "";
  /** All that are kept. */
  @property({ attribute: false }) policies: readonly MomPolicy[] = [];
  @state() private evaluated: Evaluated | null = null;
  private wasShown = false;
  @query("hpm-code") private code!: CodePart | null;
  private readonly stored = new Resource<MomPolicy>(this, () => (this.name ? memoryPolicyPath(this.name) : null));
  private readonly drafting = new Drafting<string, MemoryDraft>(this, {
    mine: (draft) => draft.text,
    draft: (text, begun) => ({ name: this.name, text, ...begun }),
    keep: (draft) => {
      keepMemoryDraft(this.name, draft);
      this.drafting.error = null; // where it says is another place by now
    },
    send: (kept) => this.send(kept),
    now: async () => {
      const { content, etag } = await app.client.get<MomPolicy>(memoryPolicyPath(this.name));
      return { value: content.text, etag };
    },
    refresh: () => void this.stored.refresh(),
    gone: () => t("Somebody deleted this policy. To create it anew, press the button."),
  });

  static override styles = [
    HpmElement.styles,
    BAR,
    css`
      .name {
        max-width: 24rem;
      }
    `,
  ];

  override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("name")) return;
    const anew = !this.name && mayWrite() ? { name: "", text: BEGIN, base: null, etag: null } : null;
    this.drafting.begin(memoryDraft(this.name) ?? anew);
    this.evaluated = null;
  }

  private get kept(): MemoryDraft | null {
    return this.drafting.kept;
  }

  override updated(): void {
    if (this.shown && !this.wasShown) this.emit("shown");
    this.wasShown = this.shown;
  }

  /** Whether its text is there. */
  get shown(): boolean {
    return this.code !== null && (this.kept !== null || this.stored.value !== undefined);
  }

  /** Moves the caret to a place. */
  async goTo(spot: Spot): Promise<void> {
    await this.updateComplete;
    await this.code?.updateComplete;
    this.code?.goTo(spot);
  }

  override render() {
    const text = this.kept?.text ?? this.stored.value?.text;
    if (text === undefined) {
      return this.stored.error && !this.stored.loading
        ? html`<hpm-problem .what=${t("The memory policy cannot be shown.")} .error=${this.stored.error} @retry=${() => this.stored.refresh()}></hpm-problem>`
        : html`<hpm-skeleton rows="12"></hpm-skeleton>`;
    }
    const unread = this.unread;
    return html`${this.kept?.base === null ? this.nameField(this.kept) : nothing}
      <div class="stack">
        <hpm-code
          label=${t("Text of the policy")}
          describedby=${unread ? unread.text : ""}
          .value=${text}
          .spots=${this.spots}
          ?readonly=${!mayWrite()}
          @text=${(event: CustomEvent<string>) => this.edit({ text: event.detail })}
        ></hpm-code>
        <div role="status">
          ${unread
            ? html`<p class="wrong">
                ${t("Line {line}, column {column}: {message}", { line: unread.line, column: unread.column, message: unread.text })}
                <button class="plain" type="button" @click=${() => this.code?.goTo(unread)}>${t("Show it")}</button>
              </p>`
            : nothing}
        </div>
      </div>
      ${this.kept ? this.bar(this.kept) : nothing}
      <section class="panel stack" aria-labelledby="would">
        <h2 id="would">${this.kept ? t("What all memory policies would do now, with this text") : t("What all memory policies would do now")}</h2>
        <hpm-memory-evaluating
          .policies=${this.all(text)}
          .policy=${this.evaluatedName}
          @evaluated=${(event: CustomEvent<Evaluated>) => (this.evaluated = event.detail)}
          @spot=${(event: CustomEvent<MomFault>) => this.code?.goTo(event.detail)}
        ></hpm-memory-evaluating>
      </section>
      ${this.merge()}`;
  }

  private nameField(kept: MemoryDraft) {
    const { error } = this.drafting;
    const wrong = error?.field === "name" ? error.said : "";
    return html`<div class="field name">
      <label for="name">${t("Name")}</label>
      <input
        id="name"
        maxlength="64"
        autocomplete="off"
        spellcheck="false"
        .value=${kept.name}
        aria-invalid=${wrong ? "true" : "false"}
        aria-describedby="name-help"
        @input=${(event: Event) => this.edit({ name: (event.target as HTMLInputElement).value })}
      />
      <span class="help" id="name-help">${t("Policies are one program in the order of their names; a number at the beginning says where, as in 30-balloon. Letters, digits, and . _ - within.")}</span>
      ${wrong ? html`<span class="wrong">${complaint(error, wrong)}</span>` : nothing}
    </div>`;
  }

  private bar(kept: MemoryDraft) {
    const { error } = this.drafting;
    return draftBar(this.drafting, kept, {
      anew: t("A new memory policy, not created yet"),
      why: error ? complaint(error, this.unread?.text ?? error.said) : "",
      stored: this.stored.value?.text,
      discard: this.discard,
    });
  }

  private merge() {
    const [base, mine, theirs] = this.drafting.versions?.map((text) => ({ text })) ?? [];
    const fields = [{ key: "text" as const, label: t("text"), text: (value: string) => html`<pre>${value}</pre>` }];
    return html`<hpm-merge
      .what=${t("memory policy {name}", { name: this.name })}
      .base=${base}
      .mine=${mine}
      .theirs=${theirs}
      .fields=${fields}
      @merged=${(event: CustomEvent<Merged<Text>>) => this.drafting.merged(event.detail.value.text)}
    ></hpm-merge>`;
  }

  /** Where the text cannot be read, and why; as the evaluation said it, or the refusal. */
  private get unread(): (Spot & { text: string }) | null {
    for (const error of [this.evaluated?.error, this.drafting.error]) {
      const { line, column, path } = error?.details ?? {};
      if (typeof line !== "number" || typeof column !== "number") continue;
      if (path === this.evaluatedName || path === this.name) return { line, column, text: unplaced(error!.message) };
    }
    return null;
  }

  /** What is marked in the text: where it cannot be read, or else errors of the evaluation. */
  private get spots(): readonly Spot[] {
    if (this.unread) return [this.unread];
    return (this.evaluated?.evaluation?.errors ?? []).filter((one) => one.policy === this.evaluatedName);
  }

  private get evaluatedName(): string {
    if (this.name) return this.name;
    const name = this.kept?.name ?? "";
    return NAME.test(name) ? name : UNNAMED;
  }

  /** All policies, with the text that stands here. */
  private all(text: string): Record<string, string> {
    return { ...Object.fromEntries(this.policies.map((one) => [one.name, one.text])), [this.evaluatedName]: text };
  }

  private edit(part: Partial<Pick<MemoryDraft, "name" | "text">>): void {
    if (!mayWrite()) return;
    const before = this.kept ?? { name: this.name, text: this.stored.value!.text, base: this.stored.value!.text, etag: this.stored.etag };
    const draft = { ...before, ...part };
    this.drafting.keep(draft.base === draft.text ? null : draft);
  }

  private readonly discard = (): void => {
    const { kept, name } = this;
    this.drafting.discard((before) => {
      keepMemoryDraft(name, before);
      if (this.isConnected && this.name === name) this.drafting.begin(before);
      app.places.go(name ? place("memory-policies", name) : place("memory-policies", "", { new: "yes" }));
    });
    if (!name || kept?.base === null) this.emit("applied", "");
  };

  private async send(kept: MemoryDraft): Promise<void> {
    const { base, text } = kept;
    if (base === null) {
      const name = this.name || kept.name;
      await app.client.post<MomPolicy>(POLICIES, { name, text });
      this.drafting.keep(null);
      this.emit("applied", name);
      return tell(t("Memory policy {name} was created.", { name }));
    }
    const path = memoryPolicyPath(this.name);
    const answer = await app.client.post<MomPolicy>(path, { text }, { etag: kept.etag });
    this.drafting.keep(null);
    this.stored.set(answer);
    await this.stored.refresh();
    this.emit("applied", this.name);
    tellUndo(t("Memory policy {name} was changed.", { name: this.name }), async () => {
      await app.client.post(path, { text: base }, { etag: answer.etag });
      await this.stored.refresh();
    });
  }
}
