/**
 * Which servers that run hpm leaves alone, and why. The mirror does not have it, so it is asked for only while somebody
 * wants to know: in parts, so that no answer about ten thousand servers holds up the page.
 */

import { app } from "../base/app";
import { ApiError, asApiError, isAbort } from "./client";
import type { Server } from "./types";

interface Part {
  "virtual-servers": Server[];
  next: string | null;
}

const FIRST = "/virtual-servers/detail?management=unmanaged&status=running&limit=500";
/** Seconds after which it is asked for again. */
const AGAIN = 30;

/** Dispatches `change` when `reasons` are others. */
export class LeftAlone extends EventTarget {
  /** By UUID; undefined: not known yet. */
  reasons: ReadonlyMap<string, string> | undefined;
  error: ApiError | undefined;
  private abort: AbortController | undefined;
  private asked = 0;

  /** Whether somebody wants to know. */
  want(wanted: boolean): void {
    if (wanted === (this.abort !== undefined)) return;
    if (wanted) {
      this.abort = new AbortController();
      app.live.addEventListener("tick", this.ticked, { signal: this.abort.signal });
      void this.read();
    } else {
      this.abort?.abort();
      this.abort = undefined;
      this.reasons = undefined;
    }
  }

  private readonly ticked = (): void => {
    if (Date.now() - this.asked > 1000 * AGAIN) void this.read();
  };

  /** Asks for it now. */
  async read(): Promise<void> {
    const signal = this.abort?.signal;
    if (!signal) return;
    this.asked = Date.now();
    const found = new Map<string, string>();
    try {
      for (let path: string | null = FIRST; path !== null; ) {
        const { content }: { content: Part } = await app.client.get<Part>(path, { signal });
        for (const one of content["virtual-servers"]) found.set(one["object-id"], one["management-reason"] ?? "");
        path = content.next === null ? null : app.client.path(content.next);
      }
      this.reasons = found;
      this.error = undefined;
    } catch (error) {
      if (isAbort(error)) return;
      this.error = asApiError(error);
    }
    this.dispatchEvent(new Event("change"));
  }
}
