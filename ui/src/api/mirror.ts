/**
 * All virtual servers of the host, kept current by the sync protocol (docs/metrics.md, "Pollers"): the first answer tells
 * everything, the next ones what changed. Of ten thousand servers only what tables show is kept, with what comes of it.
 */

import { app } from "../base/app";
import { goalPercent, MET } from "../base/words";
import { ApiError, asApiError, isAbort } from "./client";
import { SOON, type Happening } from "./live";
import { ranked } from "./ranks";
import type { Goal, GoalStatus, Sync } from "./types";
import { idOf } from "./uris";

/** The PI of work without a goal of velocity, by convention. */
const DISCRETIONARY = 0.81;
/** Work that only waits counts as of this velocity, so that a PI is always a number. */
const LEAST_VELOCITY = 0.1;
const KINDS = new Set(["virtual-server", "virtual-server-removed", "workload-resource-group", "workload-resource-group-removed", "resync"]);

type Runtime = Sync["runtime"];
export type RunState = Runtime["state"][number];

/** A virtual server; its figures change in place. Figures in units of one CPU, or in percent; null: not known. */
export interface Row {
  readonly number: number;
  uuid: string;
  name: string;
  /** Its place among all by name, as people count: db2 before db10. */
  rank: number;
  /** Id of its group. */
  group: string;
  class: string | null;
  vcpus: number;
  goal: Goal | null;
  /** The goal's velocity; null: it has none. */
  wanted: number | null;
  state: RunState;
  velocity: number | null;
  using: number | null;
  delay: number | null;
  shares: number | null;
  /** MiB: what it can have, what its balloon leaves it of that, and what it uses. */
  memory: number;
  has: number | null;
  used: number | null;
  /** Since when libvirt, although it answers, tells nothing of it: all else is as it was then. null: it does. */
  stale: string | null;
  /** Performance index; null: no goal, or idle. */
  pi: number | null;
  status: GoalStatus;
  /** Of the time of its virtual CPUs, the part that they waited for a CPU. */
  waiting: number | null;
}

/** Dispatches `change` when rows, or what is known about them, are others than before. Asks only while somebody looks. */
export class Mirror extends EventTarget {
  /** By name. */
  rows: readonly Row[] = [];
  /** Whether all servers are known. */
  complete = false;
  /** Why the newest try to ask failed. */
  error: ApiError | undefined;
  /** Why figures are not fresher, as hpm says. */
  problem: string | null = null;
  /** When the figures were measured, in ms of the browser's clock. */
  measured = 0;
  /** How many rows are `stale`. */
  stale = 0;
  /** Grows when any row has changed. */
  version = 0;

  private readonly numbers = new Map<number, Row>();
  private readonly uuids = new Map<string, Row>();
  private readonly words = new Map<string, unknown>();
  private token = "";
  private lookers = 0;
  private soon = 0;
  private abort: AbortController | undefined;

  /** Somebody looks; gives how to say that it is over. */
  look(): () => void {
    if (this.lookers++ === 0) {
      app.live.addEventListener("tick", this.ask);
      app.live.addEventListener("happened", this.happened);
      void this.ask();
    }
    return () => {
      if (--this.lookers > 0) return;
      app.live.removeEventListener("tick", this.ask);
      app.live.removeEventListener("happened", this.happened);
      clearTimeout(this.soon);
      this.soon = 0;
      this.abort?.abort();
    };
  }

  /** Forgets all that it knows, for who logs in next. */
  reset(): void {
    this.abort?.abort();
    this.clear();
    this.rows = [];
    this.complete = false;
    this.error = undefined;
    this.problem = null;
    this.measured = 0;
    this.stale = 0;
    this.token = "";
    this.version++;
    this.dispatchEvent(new Event("change"));
  }

  byUuid(uuid: string): Row | undefined {
    return this.uuids.get(uuid);
  }

  /** Asks what changed, now. */
  readonly ask = async (): Promise<void> => {
    // what comes now is told by the answer that is on its way, or by the next one
    if (this.abort && !this.abort.signal.aborted) return;
    clearTimeout(this.soon);
    this.soon = 0;
    const abort = (this.abort = new AbortController());
    const since = this.token && `&since=${encodeURIComponent(this.token)}`;
    try {
      const path = `/virtual-servers/sync?sections=configuration${since}`;
      const { content, age } = await app.client.get<Sync | null>(path, { signal: abort.signal });
      if (abort.signal.aborted) return;
      if (content) this.apply(content);
      this.measured = Date.now() - 1000 * age;
      this.error = undefined;
      app.live.answered(true);
    } catch (error) {
      if (isAbort(error)) return;
      this.error = asApiError(error);
      if (this.error.status === 0) app.live.answered(false);
    } finally {
      if (this.abort === abort) this.abort = undefined;
    }
    this.dispatchEvent(new Event("change"));
  };

  private readonly happened = (event: Event): void => {
    if (!KINDS.has((event as Happening).detail.kind)) return;
    this.soon ||= window.setTimeout(() => {
      this.soon = 0;
      void this.ask();
    }, SOON);
  };

  private apply(told: Sync): void {
    if (told.resync) this.clear();
    const before = this.uuids.size;
    let named = told.resync || told.removed.length > 0;
    for (const uuid of told.removed) this.remove(uuid);
    for (const one of told.changed.configuration) named = this.configure(one) || named;
    this.figures(told.runtime);
    this.markStale(told.stale);
    if (named || this.uuids.size !== before) this.rows = ranked([...this.uuids.values()]);
    this.token = told.token;
    this.problem = told.problem;
    this.complete = true;
    this.version++;
  }

  private clear(): void {
    this.numbers.clear();
    this.uuids.clear();
    this.words.clear();
  }

  private remove(uuid: string): void {
    const row = this.uuids.get(uuid);
    if (!row) return;
    this.uuids.delete(uuid);
    this.numbers.delete(row.number);
  }

  /** Gives whether it has another name than before. */
  private configure(told: Sync["changed"]["configuration"][number]): boolean {
    const { number, name, configuration } = told;
    const uuid = told["object-id"];
    const known = this.uuids.get(uuid);
    if (known && known.number !== number) this.remove(uuid);
    const row = this.uuids.get(uuid) ?? blank(number, uuid);
    const renamed = row.name !== name;
    row.name = name;
    row.group = this.once(configuration.group, idOf);
    row.class = configuration.class;
    row.vcpus = configuration.vcpus;
    row.memory = configuration.memory;
    row.goal = configuration.goal === null ? null : this.once(JSON.stringify(configuration.goal), () => configuration.goal);
    row.wanted = goalPercent(row.goal);
    judge(row);
    this.uuids.set(uuid, row);
    this.numbers.set(number, row);
    return renamed;
  }

  private markStale(told: Sync["stale"]): void {
    if (this.stale > 0) for (const row of this.uuids.values()) row.stale = null;
    this.stale = 0;
    for (const one of told) {
      const row = this.uuids.get(one["object-id"]);
      if (!row) continue; // which is not known yet
      row.stale = one.since;
      this.stale++;
    }
  }

  /** What many servers have alike, URIs and goals, is kept once. */
  private once<T>(text: string, make: (text: string) => T): T {
    if (!this.words.has(text)) this.words.set(text, make(text));
    return this.words.get(text) as T;
  }

  private figures(told: Runtime): void {
    const { server, velocity, using, delay, shares, state, "memory-used": used } = told;
    for (let at = 0; at < server.length; at++) {
      const row = this.numbers.get(server[at]!);
      if (!row) continue; // of a server that is told to be gone
      row.velocity = velocity[at]!;
      row.using = using[at]!;
      row.delay = delay[at]!;
      row.shares = shares[at]!;
      row.has = told.memory[at]!;
      row.used = used[at]!;
      row.state = state[at]!;
      judge(row);
    }
  }
}

function blank(number: number, uuid: string): Row {
  return {
    number, uuid, name: "", rank: 0, group: "", class: null, vcpus: 0, goal: null, wanted: null, state: "unknown",
    velocity: null, using: null, delay: null, shares: null, memory: 0, has: null, used: null, stale: null, pi: null, status: "unmanaged", waiting: null,
  };
}

/** What comes of a server's figures and goal; as `engine/index.py` has it. */
function judge(row: Row): void {
  const { goal, wanted, velocity } = row;
  row.waiting = row.delay === null || row.vcpus === 0 ? null : Math.min(100, (100 * row.delay) / row.vcpus);
  if (goal === null || velocity === null) row.pi = null;
  else row.pi = wanted === null ? DISCRETIONARY : wanted / Math.max(LEAST_VELOCITY, velocity);
  if (goal === null) row.status = "unmanaged";
  else if (row.state === "paused") row.status = "paused";
  else if (row.pi === null) row.status = "idle";
  else if (wanted === null) row.status = "discretionary";
  else row.status = row.pi <= MET ? "met" : "missed";
}

/** The one of all pages: who comes back to the table finds what was there, and asks only what changed since. */
export const mirror = new Mirror();
