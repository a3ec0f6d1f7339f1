/** One change of many virtual servers: in parts, so that it can be seen how far it is, and stopped. */

import { app } from "../base/app";
import { ApiError } from "../api/client";
import type { Row } from "../api/mirror";
import type { Server, ServerUpdate } from "../api/types";
import { complaint } from "../base/notices";

export interface Failure {
  row: Row;
  why: string;
}

/** Changes these at once: all of them or none. Raises `ApiError`. */
export type Write = (rows: readonly Row[]) => Promise<void>;

/** Whether it may simply be tried again. */
function isBusy(error: unknown): error is ApiError {
  return error instanceof ApiError && (error.status === 429 || (error.status === 409 && error.reason === 1));
}

/** Requests on their way at a time. */
const AT_A_TIME = 2;

export class Bulk {
  done = 0;
  readonly failures: Failure[] = [];
  /** Nobody was asked about those: hpm did not answer. */
  cut: ApiError | undefined;
  stopped = false;
  private readonly parts: (readonly Row[])[] = [];

  /** `size`: how many are changed by one request. `changed` is called whenever one is done. */
  constructor(
    readonly rows: readonly Row[],
    private readonly write: Write,
    size: number,
    private readonly changed: () => void,
  ) {
    for (let at = 0; at < rows.length; at += size) this.parts.push(rows.slice(at, at + size));
  }

  /** No more after those that are on their way. */
  stop(): void {
    this.parts.length = 0;
    this.stopped = true;
    this.changed();
  }

  /** Ends when all is done, or it was stopped. */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: AT_A_TIME }, () => this.work()));
  }

  private async work(): Promise<void> {
    for (let part = this.parts.shift(); part; part = this.parts.shift()) {
      await this.change(part);
      this.changed();
    }
  }

  private async change(part: readonly Row[]): Promise<void> {
    try {
      await this.write(part);
      this.done += part.length;
    } catch (error) {
      if (isBusy(error)) {
        await new Promise((resolve) => setTimeout(resolve, 1000 * (error.wait ?? 1)));
        if (!this.stopped) this.parts.unshift(part);
        return;
      }
      if (error instanceof ApiError && error.status === 0) {
        this.cut = error;
        this.parts.length = 0;
      } else if (part.length > 1) {
        // one of them is in the way of all: the others are done without it
        this.parts.unshift(...part.map((row) => [row]));
      } else {
        this.failures.push({ row: part[0]!, why: complaint(error) });
      }
    }
  }
}

/** Puts servers in a group; out of others than `default` only with `move`. */
export function putInGroup(group: string, move: boolean): Write {
  return async (rows) => {
    const body = { action: "add-virtual-servers", "virtual-servers": rows.map((row) => row.uuid), move };
    await app.client.post(`/workload-resource-groups/${encodeURIComponent(group)}/actions`, body);
  };
}

/** Changes one server. */
async function update(row: Row, change: Partial<ServerUpdate>): Promise<void> {
  await app.client.post(`/virtual-servers/${row.uuid}`, change);
}

/** hpm leaves them alone. */
export const exclude: Write = async (rows) => {
  for (const row of rows) await update(row, { excluded: true });
};

/** Ends what administrators did that made hpm leave them alone. */
export const manageAgain: Write = async (rows) => {
  for (const row of rows) {
    const { content } = await app.client.get<Server>(`/virtual-servers/${row.uuid}`);
    const change: Partial<ServerUpdate> = {};
    if (content.excluded) change.excluded = false;
    if (content["management-reason"] === "changed-by-administrator") change.release = true;
    if (Object.keys(change).length > 0) await update(row, change);
  }
};
