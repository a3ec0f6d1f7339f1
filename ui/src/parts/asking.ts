/**
 * What the server says of something that is being typed: it is asked when that has rested for a moment, and an older
 * question is given up. Until the newest one is answered, what is known is old (`busy`).
 */

import type { ReactiveController } from "lit";
import { asApiError, isAbort, type ApiError } from "../api/client";
import { app } from "../base/app";
import type { HpmElement } from "../base/element";

const REST = 300; // ms without a change until it is asked
/** Seconds until it is asked again where hpm is busy. */
const BUSY = 3;

export interface AskingOptions {
  /** Whether a refusal is because hpm is busy, and may be asked again soon. */
  isBusy: (error: ApiError) => boolean;
  /** Called with each answer: `answer` and `error` say which. */
  answered: () => void;
  /** Whether it is asked again each interval, too. Left out: no. */
  ticks?: boolean;
}

/** `answer` is what was said last, also where the newest question was refused; `error` is why it was. */
export class Asking<T> implements ReactiveController {
  answer: T | null = null;
  error: ApiError | null = null;
  busy = false;
  private asked = "";
  private timer = 0;
  private abort: AbortController | undefined;

  /** `wish`: what is posted to `path`, as the component has it now. */
  constructor(
    private readonly host: HpmElement,
    private readonly path: string,
    private readonly wish: () => unknown,
    private readonly options: AskingOptions,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    if (this.options.ticks) app.live.addEventListener("tick", this.ticked);
    this.host.requestUpdate();
  }

  hostDisconnected(): void {
    app.live.removeEventListener("tick", this.ticked);
    this.stop();
    this.asked = "";
  }

  hostUpdate(): void {
    const wish = JSON.stringify(this.wish());
    if (wish === this.asked || !this.host.isConnected) return;
    const first = this.asked === "";
    this.asked = wish;
    this.stop();
    this.busy = true;
    this.timer = window.setTimeout(() => void this.ask(wish), first ? 0 : REST);
  }

  private stop(): void {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.abort = undefined;
  }

  private readonly ticked = (): void => {
    // what is wrong does not become right by waiting
    if (!this.busy && !this.abort && this.error?.status !== 400) void this.ask(this.asked, true);
  };

  /** `byItself`: the page looks again, and nobody has typed anything. */
  private async ask(body: string, byItself = false): Promise<void> {
    const abort = (this.abort = new AbortController());
    try {
      const { content } = await app.client.post<T>(this.path, JSON.parse(body), { signal: abort.signal, byItself });
      if (abort !== this.abort) return;
      this.answer = content;
      this.error = null;
    } catch (error) {
      if (isAbort(error) || abort !== this.abort) return;
      this.error = asApiError(error);
      const wait = this.error.wait ?? (this.options.isBusy(this.error) ? BUSY : null);
      if (wait !== null) this.timer = window.setTimeout(() => void this.ask(body, true), 1000 * wait);
    }
    this.abort = undefined;
    this.busy = false;
    this.host.requestUpdate();
    this.options.answered();
  }
}
