/** The time, for components that show how it goes on: it is set anew each interval, and with that they are drawn anew. */

import type { ReactiveController, ReactiveControllerHost } from "lit";
import { app } from "./app";

export class Now implements ReactiveController {
  ms = Date.now();

  /** `busy`: while that holds, time stands still, so that what is being asked for at this time is not asked for anew. */
  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly busy: () => boolean = () => false,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    this.ms = Date.now();
    app.live.addEventListener("tick", this.ticked);
  }

  hostDisconnected(): void {
    app.live.removeEventListener("tick", this.ticked);
  }

  private readonly ticked = (): void => {
    if (this.busy()) return;
    this.ms = Date.now();
    this.host.requestUpdate();
  };
}
