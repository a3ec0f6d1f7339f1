/**
 * Places in Wok, which has no place for them. What is behind the `#` names the tab, and Wok takes anything more there
 * for a tab that does not exist. A query is not read by its page, but refused by its server at `/`. So where there is
 * more to say than the tab, an address is `wok-ui.html?hpm=PLACE#TAB`, with the name that Wok's page has, too.
 */

import { parsed, place, written, type Place, type Places } from "./place";

const PAGE = "wok-ui.html";
const SOON = 50; // ms in which a browser tells of a new hash after it told of a new state

/** Wok's address of the tab of each page, as it stands behind the `#`. */
type Tabs = Readonly<Record<string, string>>;

export class WokPlaces implements Places {
  private readonly changed = new EventTarget();

  /** `tab`: the page that the tab shown by Wok begins with. */
  constructor(
    private readonly tab: string,
    private readonly tabs: Tabs,
  ) {
    watch(tabs);
  }

  read(): Place {
    const here = parsed(said(location) ?? "", this.tab);
    return this.tabs[here.page] === this.tabs[this.tab] ? here : place(this.tab);
  }

  href(to: Place): string {
    const query = new URLSearchParams(location.search);
    const start = !to.id && !to.query.size && this.start(`#${this.tabs[to.page]}`) === to.page;
    if (start) query.delete("hpm");
    else query.set("hpm", written(to));
    return address(query, this.tabs[to.page] ?? "");
  }

  go(to: Place, how: "push" | "replace" = "push"): void {
    if (how === "push") history.pushState(null, "", this.href(to));
    else history.replaceState(null, "", this.href(to));
    if (this.shown()) this.changed.dispatchEvent(new Event("change"));
    else tellWok();
  }

  listen(changed: () => void): () => void {
    const over = new AbortController();
    const { signal } = over;
    this.changed.addEventListener("change", changed, { signal });
    // back in another tab, Wok takes this one away
    addEventListener("popstate", () => this.shown() && changed(), { signal });
    document.addEventListener("click", (event) => this.clicked(event), { signal });
    return () => over.abort();
  }

  /** Whether Wok's address still is that of the tab that we stand in. */
  private shown(): boolean {
    return location.hash === `#${this.tabs[this.tab]}`;
  }

  /** The page that a tab begins with; undefined: the tab is none of ours. */
  private start(hash: string): string | undefined {
    return Object.keys(this.tabs).find((page) => `#${this.tabs[page]}` === hash);
  }

  private clicked(event: MouseEvent): void {
    const path = event.composedPath();
    const link = path.find((one): one is HTMLAnchorElement => one instanceof HTMLAnchorElement);
    if (!link || link.target || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const start = this.start(link.hash);
    if (link.getAttribute("href") === `${this.tabs[this.tab]}.html`) {
      // Wok's own link to the tab that is shown: Wok does nothing, and the user wants to be where the tab begins
      if (this.shown() && said(location) !== null) this.go(place(this.tab));
    } else if (start && !event.defaultPrevented && path.some((one) => (one as Element).localName === "hpm-app")) {
      // a link of ours: left to itself, the browser would load the whole of Wok's page again where the query differs
      event.preventDefault();
      this.go(parsed(said(link) ?? "", start));
    }
  }
}

/** The hash that Wok was told of last. */
let told: string | null = null;

/** Keeps Wok and the address together from now on, also while none of our tabs is shown. */
function watch(tabs: Tabs): void {
  if (told !== null) return tidy(tabs);
  told = location.hash;
  addEventListener("hashchange", () => {
    told = location.hash;
    tidy(tabs);
  });
  // back to an address with another query: not every browser says that the hash has changed, too
  addEventListener("popstate", () => setTimeout(() => told !== location.hash && tellWok(), SOON));
  const wanted = tabs[parsed(said(location) ?? "", "").page];
  if (wanted === undefined || `#${wanted}` === location.hash) return tidy(tabs);
  // somebody was sent here, and had to log in, over which Wok forgets the tab
  history.replaceState(null, "", address(new URLSearchParams(location.search), wanted));
  tellWok();
}

/** Wok looks at the hash when the browser says that it has changed. */
function tellWok(): void {
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Wok leaves the query as it is when the user chooses a tab: a place in it that is in another tab is over. */
function tidy(tabs: Tabs): void {
  const at = said(location);
  if (at === null || `#${tabs[parsed(at, "").page]}` === location.hash) return;
  const query = new URLSearchParams(location.search);
  query.delete("hpm");
  history.replaceState(null, "", address(query, location.hash.slice(1)));
}

/** The place that an address of Wok's says; null: none. */
function said(at: { search: string }): string | null {
  return new URLSearchParams(at.search).get("hpm");
}

function address(query: URLSearchParams, tab: string): string {
  return `${query.size ? `${PAGE}?${query}` : location.pathname}#${tab}`;
}
