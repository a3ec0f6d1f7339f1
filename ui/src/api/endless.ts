/**
 * A list of numbered things, newest first, that is read in pieces: older ones when they are wanted, new ones as they
 * come. Who reads further down is not disturbed: what is new waits (`waiting`) until it is asked for (`showNew`).
 */

import type { ReactiveController, ReactiveControllerHost } from "lit";
import { app } from "../base/app";
import { ApiError, asApiError, isAbort } from "./client";
import { SOON, type Happening } from "./live";
import { asking } from "./uris";

const AT_ONCE = 50;
/** As many as the API gives at once, for all of them. */
const MOST = 1000;

export interface Numbered {
  "object-id": number;
}

export interface EndlessWish {
  path: string;
  /** Words of the query, beside `before` and `limit`. */
  query: Readonly<Record<string, string>>;
  /** The list begins with the thing of this number, and nothing newer is shown. */
  top?: number | null;
}

export interface EndlessOptions {
  /** Kinds of events that say that there may be something new. */
  kinds?: readonly string[];
  /** Whether what is new has to wait. */
  hold: () => boolean;
}

type Piece<T> = Record<string, T[]> & { next: string | null };

export class Endless<T extends Numbered> implements ReactiveController {
  items: readonly T[] = [];
  /** How many new ones wait to be shown. */
  waiting = 0;
  /** Whether there are older ones. */
  more = false;
  /** Whether the first piece has come. */
  known = false;
  loading = false;
  error: ApiError | undefined;

  private key = "";
  private wish: EndlessWish | null = null;
  private newest: readonly T[] = [];
  private abort: AbortController | undefined;
  /** Of reading all for a file, which goes on beside what is shown. */
  private abortAll: AbortController | undefined;
  private soon = 0;

  /** `name`: the field of the answer that the list is in. */
  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly wanted: () => EndlessWish,
    private readonly name: string,
    private readonly options: EndlessOptions,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    app.live.addEventListener("tick", this.ticked);
    app.live.addEventListener("happened", this.happened);
  }

  hostDisconnected(): void {
    app.live.removeEventListener("tick", this.ticked);
    app.live.removeEventListener("happened", this.happened);
    clearTimeout(this.soon);
    this.soon = 0;
    this.abort?.abort();
    this.abortAll?.abort();
    this.key = "";
  }

  hostUpdate(): void {
    const wish = this.wanted();
    const key = JSON.stringify(wish);
    if (key === this.key) return;
    this.key = key;
    this.wish = wish;
    this.items = this.newest = [];
    this.waiting = 0;
    this.known = this.more = false;
    this.error = undefined;
    void this.begin();
  }

  /** Reads the first piece (again). */
  async begin(): Promise<void> {
    const wish = this.wish!;
    await this.reading(async (signal) => {
      const piece = await this.piece(wish, AT_ONCE, wish.top ? wish.top + 1 : null, signal);
      this.items = piece.items;
      this.more = piece.more;
      this.waiting = 0;
      this.known = true;
    });
  }

  /** Reads the next piece of older ones. */
  async older(): Promise<void> {
    const last = this.items.at(-1);
    if (!last || !this.more || this.loading) return;
    await this.reading(async (signal) => {
      const piece = await this.piece(this.wish!, AT_ONCE, last["object-id"], signal);
      this.items = [...this.items, ...piece.items];
      this.more = piece.more;
    });
  }

  /** Shows the new ones that waited. */
  showNew(): void {
    this.merge(this.newest);
    this.host.requestUpdate();
  }

  /**
   * All that are wanted now, for a file, whatever is wanted by its end; `told` is called with how many were read so
   * far. It is given up (an abort, see `isAbort`) when the component leaves the page.
   */
  async all(told: (count: number) => void): Promise<T[]> {
    const wish = this.wish!;
    const { signal } = (this.abortAll = new AbortController());
    const found: T[] = [];
    for (let more = true; more; ) {
      const piece = await this.piece(wish, MOST, found.at(-1)?.["object-id"] ?? null, signal);
      found.push(...piece.items);
      more = piece.more;
      told(found.length);
    }
    return found;
  }

  /** Looks whether there are new ones, or whether more is known of those that are shown. */
  private async look(): Promise<void> {
    if (this.loading || !this.known || this.wish?.top) return;
    await this.reading(async (signal) => {
      const piece = await this.piece(this.wish!, AT_ONCE, null, signal);
      const top = this.items[0]?.["object-id"] ?? 0;
      this.newest = piece.items;
      const fresh = piece.items.filter((one) => one["object-id"] > top).length;
      if (fresh > 0 && this.options.hold()) {
        this.waiting = fresh;
        this.merge(piece.items.slice(fresh));
      } else {
        if (this.items.length === 0) this.more = piece.more;
        this.merge(piece.items);
      }
    });
  }

  private merge(piece: readonly T[]): void {
    const top = this.items[0]?.["object-id"] ?? 0;
    const last = piece.at(-1)?.["object-id"] ?? 0;
    const fresh = piece.filter((one) => one["object-id"] > top);
    if (fresh.length > 0) this.waiting = 0;
    if (fresh.length === AT_ONCE && last > top + 1) {
      this.items = piece; // others came between, which `older` brings
      this.more = true;
      return;
    }
    const again = new Map(piece.map((one) => [one["object-id"], one]));
    this.items = [...fresh, ...this.items.map((one) => again.get(one["object-id"]) ?? one)];
  }

  private async reading(read: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.abort?.abort();
    const abort = (this.abort = new AbortController());
    this.loading = true;
    this.host.requestUpdate();
    try {
      await read(abort.signal);
      this.error = undefined;
      app.live.answered(true);
    } catch (error) {
      if (isAbort(error) || abort !== this.abort) return;
      this.error = asApiError(error);
      if (this.error.status === 0) app.live.answered(false);
    } finally {
      if (abort === this.abort) {
        this.loading = false;
        this.host.requestUpdate();
      }
    }
  }

  private async piece(wish: EndlessWish, limit: number, before: number | null, signal: AbortSignal): Promise<{ items: T[]; more: boolean }> {
    const { path, query } = wish;
    const { content } = await app.client.get<Piece<T>>(asking(path, { ...query, before, limit }), { signal });
    signal.throwIfAborted();
    return { items: content[this.name] ?? [], more: content.next !== null };
  }

  private readonly ticked = (): void => {
    if (!this.known && this.error) void this.begin();
    else void this.look();
  };

  private readonly happened = (event: Event): void => {
    const { kind } = (event as Happening).detail;
    if (kind !== "resync" && !this.options.kinds?.includes(kind)) return;
    this.soon ||= window.setTimeout(() => {
      this.soon = 0;
      void this.look();
    }, SOON);
  };
}
