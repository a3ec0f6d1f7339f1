/**
 * Begins anew for each `<hpm-app>`: finds out where it stands (our own page, or a tab of Wok's) and in which language.
 *
 * The element says what differs: `base` is the path of the API, `tab` the page that a tab of Wok begins with, and
 * `lang` Wok's language.
 */

import { Client } from "../api/client";
import { Live } from "../api/live";
import { begin } from "../base/app";
import { PAGES } from "../base/pages";
import { OwnPlaces } from "../base/place";
import { paint, preferences } from "../base/preferences";
import { chosen, locale, speak } from "../base/texts";
import { WokPlaces } from "../base/wok-place";
import { headersInWok, tellWok } from "./wok";

/** Sets what all components within share; the promise is kept when their texts are there. */
export async function begun(host: HTMLElement): Promise<void> {
  const tab = host.getAttribute("tab");
  const base = (host.getAttribute("base") ?? "/zhpm/wsapi/v1").replace(/\/$/, "");
  if (tab) {
    const client = new Client(new URL(base, document.baseURI).pathname, headersInWok);
    client.onAnswer = tellWok;
    const tabs = Object.fromEntries(PAGES.map((one) => [one.name, `${base}/tabs/${one.tab}`]));
    begin({ client, live: new Live(client), places: new WokPlaces(tab, tabs), who: null, wok: true });
  } else {
    const client = new Client(base);
    begin({ client, live: new Live(client), places: new OwnPlaces(), who: null, wok: false });
  }
  host.toggleAttribute("wok", tab !== null);
  paint();
  const wanted = host.getAttribute("lang") ?? preferences.language;
  await speak(chosen(wanted ? [wanted] : navigator.languages));
  if (tab) host.lang = locale(); // as browsers write it: Wok's name for it has `_`
  else document.documentElement.lang = locale();
}
