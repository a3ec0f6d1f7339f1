/** How Wok wants to be asked, and what its page wants to know: its session ends ten minutes after a user's last deed. */

/** What Wok's page has for the session (its `wok.session.js`). */
interface WokSession {
  remainingSessionTime: number; // ms
  remaingTimeToShowAlert: number; // ms before the end at which it warns
  flagInTimer: boolean; // it warns now
  expiringCounter(): void;
  refreshExpiringCounter(): void;
  hideExpiringAlert(): void;
}

/**
 * Headers of every request. Without the first one Wok would have the browser ask for a password by itself. By the
 * second one it knows who asks by itself, which does not keep a session alive; a user does, who writes, or clicked or
 * pressed a key within the last seconds.
 */
export function headersInWok(method: string): Record<string, string> {
  const own = method !== "GET" || navigator.userActivation.isActive;
  return { "X-Requested-With": "XMLHttpRequest", ...(own ? {} : { "Wok-Robot": "wok-robot" }) };
}

/** Has Wok's page warn in time that the session is about to end, as it does after requests of its own. */
export function tellWok(answer: Response): void {
  const left = 1000 * Number.parseInt(answer.headers.get("Session-Expires-On") ?? "", 10);
  const session = (window as { wok?: { session?: WokSession } }).wok?.session;
  if (!session || Number.isNaN(left)) return;
  session.remainingSessionTime = left;
  if (!session.flagInTimer) {
    session.refreshExpiringCounter();
    session.expiringCounter();
  } else if (left > session.remaingTimeToShowAlert) {
    session.hideExpiringAlert();
    session.refreshExpiringCounter();
    session.flagInTimer = false;
  }
}

/** Wok's page to log in, which says that the session has ended and then comes back to where the user is now. */
export function loginOfWok(): string {
  const page = location.pathname.slice(location.pathname.lastIndexOf("/"));
  return `login.html?error=sessionTimeout&next=${encodeURIComponent(page + location.search + location.hash)}`;
}
