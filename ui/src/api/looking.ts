/** That a component shows what the mirror knows: it is drawn anew whenever that has changed, and asks while it is seen. */

import type { ReactiveController, ReactiveControllerHost } from "lit";
import { mirror, type Row } from "./mirror";

export class Looking implements ReactiveController {
  private stop: (() => void) | null = null;
  private known = { version: 0, groups: new Map<string, Row[]>() };

  /** `wanted`: whether there is anything to look for now. */
  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly wanted: () => boolean = () => true,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    mirror.addEventListener("change", this.changed);
    this.host.requestUpdate();
  }

  hostDisconnected(): void {
    mirror.removeEventListener("change", this.changed);
    this.end();
  }

  hostUpdate(): void {
    if (!this.wanted()) this.end();
    else this.stop ??= mirror.look();
  }

  /** The servers of each group that has any, by name; another map when any of them has changed. undefined: not known yet. */
  get groups(): ReadonlyMap<string, readonly Row[]> | undefined {
    if (!mirror.complete) return undefined;
    if (this.known.version !== mirror.version) this.known = { version: mirror.version, groups: grouped(mirror.rows) };
    return this.known.groups;
  }

  private end(): void {
    this.stop?.();
    this.stop = null;
  }

  private readonly changed = (): void => this.host.requestUpdate();
}

function grouped(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const known = groups.get(row.group);
    if (known) known.push(row);
    else groups.set(row.group, [row]);
  }
  return groups;
}
