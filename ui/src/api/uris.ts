/** URIs of objects. */

/** The id at the end of an object's URI. */
export function idOf(uri: string): string {
  return decodeURIComponent(uri.slice(uri.lastIndexOf("/") + 1));
}

/** A path with those words of a query that are not empty. */
export function asking(path: string, words: Readonly<Record<string, string | number | null | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(words)) {
    if (value !== "" && value !== null && value !== undefined) query.set(name, String(value));
  }
  const asked = query.toString();
  return asked ? `${path}?${asked}` : path;
}
