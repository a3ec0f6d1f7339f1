/** Where the user is: a page, perhaps one thing on it, and how it is looked at. All of it stands in the URL. */

export interface Place {
  page: string; // "overview", "servers", …
  id: string; // of the thing that the page is about; "": of none
  query: URLSearchParams; // range of time, filter, order, selection
}

/** How places are written as URLs, and which one is shown. */
export interface Places {
  read(): Place;
  href(place: Place): string;
  go(place: Place, how?: "push" | "replace"): void;
  listen(changed: () => void): () => void;
}

export function place(page: string, id = "", query: Record<string, string> | URLSearchParams = {}): Place {
  return { page, id, query: new URLSearchParams(query) };
}

/** As it stands in URLs, without what is before and behind. */
export function written({ page, id, query }: Place): string {
  const path = id ? `/${page}/${encodeURIComponent(id)}` : `/${page}`;
  const asked = query.toString();
  return asked ? `${path}?${asked}` : path;
}

/** The place that is written so; `otherwise`: the page where none is named. */
export function parsed(text: string, otherwise: string): Place {
  const [path = "", ...asked] = text.split("?");
  const [, page = "", id = ""] = path.split("/");
  let name = id;
  try {
    name = decodeURIComponent(id);
  } catch {
    // typed by hand; it names nothing that there is
  }
  return { page: page || otherwise, id: name, query: new URLSearchParams(asked.join("?")) };
}

/** On our own pages: all behind the `#`. */
export class OwnPlaces implements Places {
  private readonly changed = new EventTarget();

  read(): Place {
    return parsed(location.hash.slice(1), "overview");
  }

  href(to: Place): string {
    return `#${written(to)}`;
  }

  go(to: Place, how: "push" | "replace" = "push"): void {
    if (how === "push") history.pushState(null, "", this.href(to));
    else history.replaceState(null, "", this.href(to));
    this.changed.dispatchEvent(new Event("change"));
  }

  listen(changed: () => void): () => void {
    this.changed.addEventListener("change", changed);
    addEventListener("popstate", changed);
    return () => {
      this.changed.removeEventListener("change", changed);
      removeEventListener("popstate", changed);
    };
  }
}
