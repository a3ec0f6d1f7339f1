/** Something of the API that a component shows, kept fresh for as long as the component is on the page. */

import type { ReactiveController, ReactiveControllerHost } from "lit";
import { app } from "../base/app";
import { type Answer, ApiError, asApiError, isAbort } from "./client";
import { SOON, type Happening } from "./live";

export interface ResourceOptions {
  /** Kinds of events that it is asked for again after; `resync` always is one. Left out: none. */
  kinds?: readonly string[];
  /** Whether it is asked for again each interval. Left out: true. */
  ticks?: boolean;
}

/**
 * `value` is what was read last, also while it is asked for again or hpm does not answer; `error` is why the newest try
 * failed. `path` may give null: there is nothing to ask for now.
 */
export class Resource<T> implements ReactiveController {
  value: T | undefined;
  error: ApiError | undefined;
  loading = false;
  /** When its figures were measured, in milliseconds of the browser's clock. */
  measured = 0;

  private path: string | null = null;
  private known: Answer<T> | undefined;
  private abort: AbortController | undefined;
  private soon = 0;
  /** Whether something happened since it was asked for, which the answer on its way may not tell yet. */
  private again = false;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly pathNow: () => string | null,
    private readonly options: ResourceOptions = {},
  ) {
    host.addController(this);
  }

  get etag(): string | null {
    return this.known?.etag ?? null;
  }

  hostConnected(): void {
    app.live.addEventListener("tick", this.ticked);
    app.live.addEventListener("happened", this.happened);
    this.host.requestUpdate();
  }

  hostDisconnected(): void {
    app.live.removeEventListener("tick", this.ticked);
    app.live.removeEventListener("happened", this.happened);
    clearTimeout(this.soon);
    this.soon = 0;
    this.abort?.abort();
    this.abort = undefined;
    this.loading = this.again = false;
    this.path = null;
  }

  hostUpdate(): void {
    const path = this.pathNow();
    if (path === this.path) return;
    // another thing: nothing of the one before is shown in its place
    if (path?.split("?")[0] !== this.path?.split("?")[0]) this.value = undefined;
    this.path = path;
    this.known = undefined;
    this.error = undefined;
    if (path === null) this.abort?.abort();
    else void this.refresh();
  }

  /** Ask for it now. */
  async refresh(): Promise<void> {
    const path = this.path;
    if (path === null) return;
    clearTimeout(this.soon);
    this.soon = 0;
    this.again = false;
    this.abort?.abort();
    const abort = (this.abort = new AbortController());
    this.loading = true;
    if (this.value === undefined) this.host.requestUpdate();
    try {
      const answer = await app.client.get<T>(path, { known: this.known, signal: abort.signal });
      if (abort !== this.abort) return;
      this.known = answer;
      this.value = answer.content;
      this.measured = Date.now() - 1000 * answer.age;
      this.error = undefined;
      app.live.answered(true);
    } catch (error) {
      if (isAbort(error) || abort !== this.abort) return;
      this.error = asApiError(error);
      if (this.error.status === 0) app.live.answered(false);
    } finally {
      if (abort === this.abort) {
        this.loading = false;
        this.abort = undefined;
        this.host.requestUpdate();
        if (this.again) void this.refresh();
      }
    }
  }

  /** Shows what a write answered, at once. What was being read meanwhile may be older, and is not waited for. */
  set(answer: Answer<T>): void {
    this.abort?.abort();
    this.abort = undefined;
    this.loading = false;
    this.known = answer;
    this.value = answer.content;
    this.host.requestUpdate();
    if (this.again) void this.refresh();
  }

  private readonly ticked = (): void => {
    // an answer that takes longer than an interval is waited for
    if (this.loading) return;
    if (this.options.ticks !== false || this.error) void this.refresh();
  };

  private readonly happened = (event: Event): void => {
    const { kind } = (event as Happening).detail;
    if (kind !== "resync" && !this.options.kinds?.includes(kind)) return;
    this.soon ||= window.setTimeout(() => {
      this.soon = 0;
      if (this.loading) this.again = true;
      else void this.refresh();
    }, SOON);
  };
}
