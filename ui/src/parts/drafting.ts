/**
 * A change that is made as a draft: it survives a reload until it is applied or discarded, Apply tells what is wrong, and
 * what somebody else changed meanwhile is never overwritten unasked (`hpm-merge`, which the component shows).
 */

import { ApiError, asApiError } from "../api/client";
import type { HpmElement } from "../base/element";
import { tell } from "../base/notices";
import { t } from "../base/texts";
import { same, type MergePart } from "./merge";

/** What is kept of a draft: at least what it was when it was begun (null: it is a new one), and the tag of that. */
export interface Begun<T> {
  base: T | null;
  etag: string | null;
}

/** What it is that is drafted. `T`: as the server has it; `D`: the draft of that. */
export interface Drafted<T, D extends Begun<T>> {
  /** The two of them. */
  mine: (draft: D) => T;
  draft: (mine: T, begun: Begun<T>) => D;
  /** Keeps it over a reload; null: there is none any more. */
  keep: (draft: D | null) => void;
  /** Sends it, and ends with `keep(null)`. Raises `ApiError`. */
  send: (draft: D) => Promise<void>;
  /** As it is now, with its tag. */
  now: () => Promise<{ value: T; etag: string | null }>;
  /** It is to be read anew. */
  refresh: () => void;
  /** What is said where somebody deleted it: what was typed becomes a new one. Left out: it cannot be deleted by itself. */
  gone?: () => string;
  /** Called when the server refused it. */
  refused?: (error: ApiError) => void;
}

export class Drafting<T, D extends Begun<T>> {
  kept: D | null = null;
  /** Why it was not applied. */
  error: ApiError | null = null;
  busy = false;
  /** What somebody is asked about: as it was, as it is drafted, as somebody else made it. */
  versions: readonly [base: T, mine: T, theirs: T] | null = null;
  private theirEtag: string | null = null;

  constructor(
    private readonly host: HpmElement,
    private readonly what: Drafted<T, D>,
  ) {}

  /** Whether there is another one than the draft was begun with; `stored`: what the server is known to have. */
  isOther(stored: T | undefined): boolean {
    return this.kept !== null && this.kept.base !== null && stored !== undefined && !same(this.kept.base, stored);
  }

  /** Goes on with a draft that is kept already, or with none. */
  begin(kept: D | null): void {
    this.kept = kept;
    this.refuse(null);
  }

  keep(draft: D | null): void {
    this.kept = draft;
    if (!draft) this.error = null;
    this.host.requestUpdate();
    this.what.keep(draft);
  }

  /** The draft is `mine` from now on; none if that is what it was when it was begun, `before` if there is none yet. */
  edit(mine: T, before: Begun<T>): void {
    const { base, etag } = this.kept ?? before;
    this.keep(base !== null && same(base, mine) ? null : this.what.draft(mine, { base, etag }));
  }

  /** Forgets it. `bringBack` has it again. */
  discard(bringBack: (kept: D | null) => void): void {
    const { kept } = this;
    this.keep(null);
    this.what.refresh();
    tell(t("The changes were discarded."), { label: t("Undo"), run: () => bringBack(kept) });
  }

  async apply(): Promise<void> {
    const { kept } = this;
    if (!kept || this.busy) return;
    this.busy = true;
    this.refuse(null);
    try {
      await this.what.send(kept);
    } catch (error) {
      await this.refused(asApiError(error), kept);
    } finally {
      this.busy = false;
      this.host.requestUpdate();
    }
  }

  /** Somebody changed it since this was begun: if not what is drafted, it goes on; if so, who sits here decides. */
  async changedMeanwhile(kept: D): Promise<void> {
    try {
      const { value, etag } = await this.what.now();
      if (same(kept.base, value)) return await this.what.send({ ...kept, etag });
      this.theirEtag = etag;
      this.versions = [kept.base!, this.what.mine(kept), value];
      this.host.requestUpdate();
      await this.host.updateComplete; // the question knows the three of them only then
      this.host.renderRoot.querySelector<MergePart>("hpm-merge")!.ask();
    } catch (error) {
      this.refuse(asApiError(error));
    }
  }

  /** What comes of the question is again a draft, of their version: it is looked at before it is applied. */
  merged(mine: T): void {
    const base = this.versions![2];
    this.keep(same(base, mine) ? null : this.what.draft(mine, { base, etag: this.theirEtag }));
    this.what.refresh();
  }

  private refuse(error: ApiError | null): void {
    this.error = error;
    this.host.requestUpdate();
  }

  private async refused(error: ApiError, kept: D): Promise<void> {
    const { gone } = this.what;
    if (error.status === 412) return this.changedMeanwhile(kept);
    if (error.status === 404 && kept.base !== null && gone) {
      this.keep({ ...kept, base: null, etag: null }); // what was typed is not lost by that
      this.refuse(new ApiError(gone()));
    } else this.refuse(error);
    this.what.refused?.(error);
    await this.host.updateComplete;
    this.host.renderRoot.querySelector<HTMLElement>(".summary")?.focus();
  }
}
