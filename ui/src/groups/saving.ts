/**
 * Saves a group step by step: what it is (created, or changed if nobody else changed it meanwhile), then its servers.
 *
 * What is to be done is found anew from what hpm says that the group is. So a save that failed half-way is gone on with
 * by saving again: what was done is not done twice.
 */

import { ApiError } from "../api/client";
import type { Group } from "../api/types";
import { app } from "../base/app";
import { plural, t } from "../base/texts";
import { groupPath, GROUPS, type Member } from "./data";
import { fieldsTyped, membersOf, updateOf, type GroupForm } from "./form";
import { takenFrom } from "./picker";

export interface Step {
  text: string;
  state: "waits" | "runs" | "done" | "failed";
}

interface Work {
  text: string;
  run: () => Promise<void>;
}

export class Saving {
  steps: Step[] = [];

  /** `group` null: it is created. `changed` is called whenever `steps` or `group` are others. */
  constructor(
    public group: Group | null,
    public etag: string | null,
    private readonly changed: () => void,
  ) {}

  /** Raises `ApiError` where a step is refused; those before it have been done. */
  async save(form: GroupForm, all: readonly Member[]): Promise<Group> {
    const done = this.steps.filter((one) => one.state === "done");
    const works = this.works(form, all);
    this.steps = [...done, ...works.map(({ text }) => ({ text, state: "waits" as const }))];
    for (const [at, work] of works.entries()) {
      this.mark(done.length + at, "runs");
      try {
        await work.run();
      } catch (error) {
        this.mark(done.length + at, "failed");
        throw error;
      }
      this.mark(done.length + at, "done");
    }
    return this.group!;
  }

  private works(form: GroupForm, all: readonly Member[]): Work[] {
    const works: Work[] = [];
    const update = this.group ? updateOf(this.group, form) : null;
    if (!this.group) works.push({ text: t("Create the group"), run: () => this.create(form) });
    else if (update) works.push({ text: t("Change the group"), run: () => this.post(groupPath(this.id), update, this.etag) });
    const { added, removed } = this.group ? membersOf(this.group, form) : { added: form.servers, removed: [] };
    const taken = new Set(takenFrom(all, added, this.group ? this.id : "").map((one) => one.id));
    const free = added.filter((id) => !taken.has(id));
    const act = (action: string, ids: readonly string[], more: object = {}) => () =>
      this.post(`${groupPath(this.id)}/actions`, { action, "virtual-servers": ids, ...more });
    if (free.length > 0) {
      works.push({ text: plural("Add {n} server", "Add {n} servers", free.length), run: act("add-virtual-servers", free) });
    }
    if (taken.size > 0) {
      works.push({
        text: plural("Take {n} server from another group", "Take {n} servers from other groups", taken.size),
        run: act("add-virtual-servers", [...taken], { move: form.move }),
      });
    }
    if (removed.length > 0) {
      works.push({
        text: plural("Take {n} server out", "Take {n} servers out", removed.length),
        run: act("remove-virtual-servers", removed),
      });
    }
    return works;
  }

  private get id(): string {
    return this.group!["object-id"];
  }

  private async create(form: GroupForm): Promise<void> {
    const { name, description, policies, active } = fieldsTyped(form);
    const schedule = form.schedule?.length ? { schedule: form.schedule, otherwise: form.otherwise ?? null } : {};
    await this.post(GROUPS, { name, description, "perf-policies": policies, "active-policy": active, ...schedule, ...(form.guest ? { "guest-policy": form.guest } : {}) });
  }

  private async post(path: string, body: unknown, etag: string | null = null): Promise<void> {
    const answer = await app.client.post<Group>(path, body, { etag });
    this.group = answer.content;
    this.etag = answer.etag;
    this.changed();
  }

  private mark(at: number, state: Step["state"]): void {
    this.steps = this.steps.map((one, index) => (index === at ? { ...one, state } : one));
    this.changed();
  }
}

/** Whether somebody else changed it meanwhile. */
export const isChanged = (error: unknown): boolean => error instanceof ApiError && error.status === 412;
