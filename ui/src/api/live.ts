/**
 * What is shown is fresh: hpm's events tell that something happened, and figures are asked for again each interval.
 *
 * While events do not come (a proxy holds them back, hpm is restarted) everything is asked for each interval, and the
 * stream is tried again, later each time. While the page is hidden events are only noted, so that nothing is asked for.
 */

import { isAbort, type Client } from "./client";

export type Happening = CustomEvent<{ kind: string; data: Record<string, unknown> }>;

const FIRST_WAIT = 1000; // ms until the stream is tried again
const LONGEST_WAIT = 30_000;
const SOON = 250; // ms in which events that come together count as one

/** Dispatches `tick` each interval, `happened` (a `Happening`) for each event, `connection` when that changes. */
export class Live extends EventTarget {
  /** Whether hpm answers. */
  connected = true;
  /** Seconds between two looks of hpm at its host. */
  interval = 10;

  private abort: AbortController | null = null;
  private timer = 0;
  private lastId = "";
  /** Whether something happened while the page was hidden. */
  private unseen = false;

  constructor(private readonly client: Client) {
    super();
  }

  start(): void {
    if (this.abort) return;
    this.abort = new AbortController();
    document.addEventListener("visibilitychange", this.seen, { signal: this.abort.signal });
    addEventListener("online", this.seen, { signal: this.abort.signal });
    void this.listen(this.abort.signal);
    this.schedule();
  }

  stop(): void {
    this.abort?.abort();
    this.abort = null;
    this.lastId = "";
    clearTimeout(this.timer);
  }

  /** Told by who asked whether hpm answered. */
  answered(well: boolean): void {
    if (this.connected === well) return;
    this.connected = well;
    this.dispatchEvent(new Event("connection"));
  }

  private readonly seen = (): void => {
    if (document.hidden) return;
    // before the tick: who asks at once then does not ask twice
    if (this.unseen) this.happen("resync", {});
    this.unseen = false;
    this.tick();
  };

  private schedule(): void {
    clearTimeout(this.timer);
    // hpm that was lost is looked for more often than one that answers
    const seconds = this.connected ? this.interval : Math.min(3, this.interval);
    this.timer = window.setTimeout(() => this.tick(), 1000 * seconds);
  }

  private tick(): void {
    if (!this.abort) return;
    if (!document.hidden) this.dispatchEvent(new Event("tick"));
    this.schedule();
  }

  private async listen(signal: AbortSignal): Promise<void> {
    let wait = FIRST_WAIT;
    while (!signal.aborted) {
      try {
        const headers: Record<string, string> = this.lastId ? { "Last-Event-ID": this.lastId } : {};
        const answer = await this.client.open("/events", { signal, headers });
        for await (const { id, event, data, retry } of messages(answer)) {
          wait = retry || FIRST_WAIT;
          if (id) this.lastId = id;
          if (data) this.tell(event, data);
        }
      } catch (error) {
        if (isAbort(error) || signal.aborted) return;
        wait = Math.min(LONGEST_WAIT, 2 * wait);
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  private tell(kind: string, text: string): void {
    let data: Record<string, unknown>;
    try {
      data = JSON.parse(text);
    } catch {
      return; // a newer hpm's; what it tells is seen at the next tick
    }
    this.happen(kind, data);
  }

  private happen(kind: string, data: Record<string, unknown>): void {
    if (document.hidden) this.unseen = true;
    else this.dispatchEvent(new CustomEvent("happened", { detail: { kind, data } }));
  }
}

interface Message {
  id: string;
  event: string;
  data: string;
  retry: number; // ms; 0: not said
}

/** The messages of an event stream (HTML, "Server-sent events"). */
export async function* messages(answer: Response): AsyncGenerator<Message> {
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let message: Message = { id: "", event: "", data: "", retry: 0 };
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r\n|\n|\r/);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") {
          yield message;
          message = { id: "", event: "", data: "", retry: 0 };
          continue;
        }
        const [name, ...others] = line.split(":");
        const text = others.join(":").replace(/^ /, "");
        if (name === "id") message.id = text;
        else if (name === "event") message.event = text;
        else if (name === "retry") message.retry = Number(text) || 0;
        else if (name === "data") message.data += (message.data ? "\n" : "") + text;
      }
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}

export { SOON };
