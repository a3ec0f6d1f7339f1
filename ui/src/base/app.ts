/** What all components share: the API, what happens on the host, the place in the URL, and who looks. */

import type { Client } from "../api/client";
import type { Live } from "../api/live";
import type { WhoIAm } from "../api/types";
import type { Places } from "./place";

export interface App {
  client: Client;
  live: Live;
  places: Places;
  who: WhoIAm | null; // null: nobody is logged in
  wok: boolean; // whether the pages stand in Wok's
}

/** Set by `shell/begin.ts` for the `<hpm-app>` that there is, before anything within it. */
export let app: App;

export function begin(made: App): App {
  app = made;
  return app;
}

/** Whether who looks may change anything: what they may not is not shown to them. */
export function mayWrite(): boolean {
  return app.who?.role === "admin";
}
