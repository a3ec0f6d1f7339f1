// Logs in, and shows the host and its groups. All that the API says is put in as text, never as HTML.

const BASE = "/zhpm/wsapi/v1";
const SECONDS = 10; // between two looks
const READ_SECONDS = 5; // for an answer that is only read; checking a password may take longer
const WRITE_SECONDS = 60;
const LEVELS = {
  off: "CPU management is off: hpm only watches",
  advise: "CPU management advises: hpm plans, and changes nothing",
  on: "CPU management is on",
};
const part = (id) => document.getElementById(id);

// That somebody logged in with this browser. The session's cookie is hidden from scripts, and to ask for the groups
// without it would only be refused, with an error in the browser's console.
const session = {
  get begun() { return localStorage.getItem("hpm-session") !== null; },
  begin() { localStorage.setItem("hpm-session", "begun"); },
  end() { localStorage.removeItem("hpm-session"); },
};

let timer = 0;
let look = 0; // the number of the newest look; what an older one finds comes too late
let measured = 0; // when the figures were measured, in milliseconds of the browser's clock
let oldAfter = 0; // seconds
let failed = false; // whether the newest look failed

/** A request of the API; gives its JSON and `Age`, or throws an Error with the API's message, `status` and `wait`. */
async function ask(method, path, body) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const signal = AbortSignal.timeout(1000 * (method === "GET" ? READ_SECONDS : WRITE_SECONDS));
  const sent = body && JSON.stringify(body);
  let answer, content;
  try {
    answer = await fetch(BASE + path, { method, headers, body: sent, redirect: "error", signal });
    content = answer.status === 204 ? null : await answer.json();
  } catch (error) {
    const why = error.name === "TimeoutError" ? "hpm does not answer" : "hpm cannot be reached; is it running?";
    throw new Error(why, { cause: error });
  }
  if (answer.ok) return { content, age: Number(answer.headers.get("Age")) };
  const { status, statusText } = answer;
  throw Object.assign(new Error(content?.message ?? statusText), { status, wait: answer.headers.get("Retry-After") });
}

/** Shows a message; an empty one takes it away. The same one again is not read out again. */
function say(message) {
  if (part("message").textContent === message) return;
  part("message").textContent = message;
  part("message").hidden = !message;
}

/** Says what could not be done, why, and when it may be tried again. */
function complain(what, error) {
  const why = error.wait ? error.message.replace(/[;,] (so )?try again.*$/, "") : error.message;
  say(`${what}: ${/[.?!]$/.test(why) ? why : why + "."}` + (error.wait ? ` Try again in ${error.wait}\u00a0s.` : ""));
}

function showLogin() {
  clearTimeout(timer);
  look += 1;
  session.end();
  part("overview").hidden = part("who").hidden = true;
  part("login").hidden = false;
  part("groups").replaceChildren();
  for (const id of ["name", "host", "level", "age", "about"]) part(id).textContent = "";
  part("login").elements.user.focus();
}

function row(group) {
  const index = group["performance-index"];
  const status = group["goal-status"];
  const cells = [
    ["th", "", group.name],
    ["td", status, status],
    ["td", "number", index === null ? "–" : index.toFixed(2)],
    ["td", "number", group["virtual-server-count"]],
    ["td", "named more", group["active-policy"] ?? "–"],
    ["td", "more", group.importance ?? "–"],
  ];
  const line = document.createElement("tr");
  for (const [kind, name, text] of cells) {
    const cell = document.createElement(kind);
    if (kind === "th") cell.scope = "row";
    if (name) cell.className = name;
    cell.textContent = text;
    line.append(cell);
  }
  return line;
}

/** Where the figures are from: the page is the same for a real host and for an invented one. */
function about(version) {
  const { hypervisor, "hypervisor-uri": uri, "hypervisor-version": number } = version;
  const hpm = `hpm ${version["hpm-version"]}`;
  if (hypervisor === "simulated") return `${hpm}; a simulated host (${uri}), not a real one`;
  return hypervisor ? `${hpm}; ${hypervisor} ${number ?? ""} at ${uri}` : `${hpm}; no connection yet to ${uri}`;
}

function showAge() {
  const seconds = Math.max(0, Math.floor((Date.now() - measured) / 1000));
  const [unit, size] = seconds < 120 ? ["s", 1] : seconds < 7200 ? ["min", 60] : ["h", 3600];
  part("age").textContent = `${Math.floor(seconds / size)}\u00a0${unit}`;
  part("overview").classList.toggle("stale", failed || seconds > oldAfter);
}

function show(caller, version, levels, list, age) {
  const groups = list["workload-resource-groups"];
  measured = Date.now() - 1000 * age;
  oldAfter = SECONDS + 3 * version["interval-seconds"];
  failed = version.problem !== null;
  part("name").textContent = caller.user;
  part("host").textContent = location.hostname;
  part("level").textContent = LEVELS[levels["cpu-mgmt"]];
  part("about").textContent = about(version);
  part("hint").hidden = groups.some((group) => group["active-policy"] !== null);
  part("groups").replaceChildren(...groups.map(row));
  showAge();
  say(failed ? `The figures are old: ${version.problem}` : "");
  const first = part("overview").hidden;
  part("login").hidden = true;
  part("overview").hidden = part("who").hidden = false;
  if (first) part("host").focus();
}

async function showOverview() {
  clearTimeout(timer);
  const mine = (look += 1);
  const paths = ["/login", "/version", "/mgmt-levels", "/workload-resource-groups"];
  try {
    const answers = await Promise.all(paths.map((path) => ask("GET", path)));
    if (mine !== look) return;
    show(...answers.map((answer) => answer.content), answers[3].age);
  } catch (error) {
    if (mine !== look) return;
    const first = part("overview").hidden;
    if (error.status === 401 || (error.status === 403 && first)) {
      showLogin();
      if (error.status === 403) complain("No access", error);
      else say(first ? "" : "The session has ended. Log in again.");
      return;
    }
    failed = true;
    if (!first) showAge();
    complain(first ? "No figures" : "No new figures", { message: error.message });
  }
  timer = setTimeout(showOverview, SECONDS * 1000);
}

part("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const { user, password } = Object.fromEntries(new FormData(form));
  try {
    await ask("POST", "/login", { user, password });
  } catch (error) {
    form.elements.password.value = "";
    form.elements.password.focus();
    return complain("Not logged in", error);
  }
  session.begin();
  form.reset();
  await showOverview();
});

part("logout").addEventListener("click", async () => {
  try {
    await ask("POST", "/logout");
  } catch (error) {
    if (error.status !== 401) return complain("Not logged out", error);
  }
  say("");
  showLogin();
});

document.title = `${location.hostname} – hpm`;
setInterval(() => part("overview").hidden || showAge(), 1000);
if (session.begun) showOverview();
else showLogin();
