/**
 * The dialog in which a guest policy is changed, whoever it is of, with what would come of it.
 *
 * What was typed survives a reload until the dialog is closed. Where somebody else changed it meanwhile, what is there
 * now is shown, what was typed stays, and to save again is to have it so.
 */

import { ApiError, asApiError } from "../api/client";
import type { GuestPolicy, HostNode, Levels, Version } from "../api/types";
import { app } from "../base/app";
import { css, customElement, html, HpmElement, nothing, query, state } from "../base/element";
import { tellUndo } from "../base/notices";
import { draft, keepDraft } from "../base/preferences";
import { t } from "../base/texts";
import type { DialogPart } from "../parts/dialog";
import { same } from "../parts/merge";
import { wrongBelow } from "../policies/rule";
import { comesOfIt } from "./below";
import type { Below, Extent, GuestPolicyPart } from "./editor";
import { plain, policyWords } from "./words";

/** A guest policy as hpm has it now. */
export interface Stored {
  policy: GuestPolicy;
  etag: string | null;
}

/** Whose policy it is, and how it is read and written. */
export interface Target {
  /** What what was typed is kept as. */
  key: string;
  name: string;
  heading: string;
  extent: Extent;
  below: Below;
  load: () => Promise<Stored>;
  /** Raises `ApiError`. Gives the new ETag. */
  send: (policy: GuestPolicy, etag: string | null) => Promise<string | null>;
  /** Where the API's paths of the policy's fields begin: "guest-policy", or "". */
  prefix: string;
  /** Called when it was changed. */
  after: () => void;
}

interface Draft {
  policy: GuestPolicy;
  base: GuestPolicy;
  etag: string | null;
}

@customElement("hpm-guest-dialog")
export class GuestDialog extends HpmElement {
  @state() private target: Target | null = null;
  @state() private policy: GuestPolicy = {};
  @state() private base: GuestPolicy = {};
  @state() private nodes: readonly HostNode[] = [];
  @state() private levels: Levels | undefined;
  @state() private error: ApiError | string | null = null;
  @state() private busy = false;
  @state() private offered = false;
  @state() private overtaken = false;
  private etag: string | null = null;
  @query("hpm-dialog") private dialog!: DialogPart;
  @query("hpm-guest-policy") private editor!: GuestPolicyPart | null;

  static override styles = [
    HpmElement.styles,
    css`
      section > h3 {
        margin-bottom: 8px;
      }
    `,
  ];

  /** Raises `ApiError` where it cannot be read. */
  async open(target: Target): Promise<void> {
    const [stored, version, levels] = await Promise.all([
      target.load(),
      app.client.get<Version>("/version"),
      app.client.get<Levels>("/mgmt-levels"),
    ]);
    const kept = draft<Draft>(`guest-${target.key}`);
    this.nodes = version.content["numa-nodes"] ?? [];
    this.levels = levels.content;
    this.base = kept?.base ?? plain(stored.policy);
    this.policy = kept?.policy ?? this.base;
    this.etag = kept?.etag ?? stored.etag;
    this.offered = kept !== null;
    this.error = null;
    this.overtaken = false;
    this.target = target;
    await this.updateComplete;
    this.dialog.show();
  }

  override render() {
    const { target } = this;
    if (!target) return nothing;
    return html`<hpm-dialog
      wide
      .heading=${target.heading}
      .action=${this.overtaken ? t("Save nevertheless") : t("Save")}
      .busy=${this.busy}
      .error=${this.error}
      @save=${this.save}
      @close=${this.closed}
    >
      <div class="stack">
        ${this.offered ? html`<p class="help">${t("This is what you typed before and did not save.")}</p>` : nothing}
        ${this.overtaken ? html`<p class="wrong">${t("There now: {value}", { value: policyWords(this.base) || t("nothing") })}</p>` : nothing}
        <hpm-guest-policy
          .policy=${this.policy}
          .below=${target.below}
          .nodes=${this.nodes}
          .extent=${target.extent}
          .wrong=${this.wrong}
          @guest-policy=${(event: CustomEvent<GuestPolicy>) => this.changed(event)}
        ></hpm-guest-policy>
        ${this.comes(target)}
      </div>
    </hpm-dialog>`;
  }

  private comes(target: Target) {
    const fields = comesOfIt(this.base, this.policy, target.below, this.levels);
    return html`<section aria-live="polite">
      <h3>${t("What would come of it")}</h3>
      ${fields.length > 0
        ? html`<hpm-fields .fields=${fields} .heads=${[t("Now"), t("Then")]}></hpm-fields>`
        : html`<p class="dim">${t("Nothing is changed yet.")}</p>`}
    </section>`;
  }

  private get wrong() {
    if (!(this.error instanceof ApiError) || !this.target) return null;
    const wrong = { path: this.error.field, text: this.error.said };
    return this.target.prefix ? wrongBelow(wrong, this.target.prefix) : wrong;
  }

  private changed(event: CustomEvent<GuestPolicy>): void {
    event.stopPropagation();
    this.policy = event.detail;
    const kept: Draft = { policy: this.policy, base: this.base, etag: this.etag };
    keepDraft(`guest-${this.target!.key}`, same(this.policy, this.base) ? null : kept);
  }

  private readonly closed = (): void => {
    if (this.target) keepDraft(`guest-${this.target.key}`, null);
    this.target = null;
  };

  private readonly save = async (event: Event): Promise<void> => {
    event.stopPropagation();
    focused()?.blur(); // where Enter sends the form, what is in its field has not changed anything yet
    const { target, policy, base } = this;
    if (!target) return;
    if (same(policy, base) && !this.overtaken) return this.dialog.close();
    this.busy = true;
    this.error = null;
    try {
      const etag = await target.send(policy, this.etag);
      this.dialog.close();
      target.after();
      tellUndo(t("The guest policy of {name} is changed.", { name: target.name }), async () => {
        await target.send(base, etag);
        target.after();
      });
    } catch (error) {
      await this.refused(asApiError(error), target);
    } finally {
      this.busy = false;
    }
  };

  private async refused(error: ApiError, target: Target): Promise<void> {
    this.error = error;
    if (error.status !== 412) {
      await this.updateComplete;
      return this.editor?.focus();
    }
    try {
      const now = await target.load();
      this.base = plain(now.policy);
      this.etag = now.etag;
      this.overtaken = true;
      this.error = t("Somebody else changed {name} meanwhile. Look at what is there now, and save again if it is to be as you say.", { name: target.name });
    } catch (failed) {
      this.error = asApiError(failed);
    }
  }
}

/** The element that has the focus, wherever it is. */
function focused(): HTMLElement | null {
  let one = document.activeElement;
  while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
  return one instanceof HTMLElement ? one : null;
}
