/**
 * Begins: finds out where it stands (our own page, or a tab of Wok's), learns the language, and shows the pages.
 *
 * The element `<hpm-app>` of the page around it says what differs: `base` is the path of the API, `tab` the page that a
 * tab of Wok begins with, and `lang` Wok's language.
 */

import { Client } from "./api/client";
import { Live } from "./api/live";
import { begin } from "./base/app";
import { PAGES } from "./base/pages";
import { OwnPlaces, WokPlaces } from "./base/place";
import { preferences } from "./base/preferences";
import { chosen, locale, speak } from "./base/texts";

const host = document.querySelector("hpm-app")!;
const tab = host.getAttribute("tab");
const base = (host.getAttribute("base") ?? "/zhpm/wsapi/v1").replace(/\/$/, "");
// Wok asks for the header, or it would send a page to log in; and does not take looking again for a user who is there
const headers: Record<string, string> = tab
  ? { "X-Requested-With": "XMLHttpRequest", "Wok-Robot": "wok-robot" }
  : {};
const client = new Client(tab ? new URL(base, document.baseURI).pathname : base, headers);
const tabs = Object.fromEntries(PAGES.map((one) => [one.name, `plugins/hpm/tabs/${one.tab}`]));
const places = tab ? new WokPlaces(tab, tabs) : new OwnPlaces();
begin({ client, live: new Live(client), places, who: null, wok: tab !== null });

const wanted = host.getAttribute("lang") ?? preferences.language;
await speak(chosen(wanted ? [wanted] : navigator.languages));
if (!tab) document.documentElement.lang = locale();
if (preferences.colours !== "system") host.setAttribute("colours", preferences.colours);
else if (tab) host.setAttribute("colours", "light"); // as the page around it is
await import("./components");
