// Logs in, and shows the host and its groups. All that the API says is put in as text, never as HTML.

const BASE = "/zhpm/wsapi/v1";
const SECONDS = 10;
const part = (id) => document.getElementById(id);

let timer = 0;

/** A request of the API; gives the answer's JSON, or throws an Error with the API's message and its status. */
async function ask(method, path, body) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(BASE + path, { method, headers, body: body && JSON.stringify(body), redirect: "error" });
  } catch {
    throw new Error("hpm cannot be reached; is it running?");
  }
  const content = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw Object.assign(new Error(content?.message ?? answer.statusText), { status: answer.status });
  return content;
}

function say(message) {
  part("message").textContent = message;
  part("message").hidden = !message;
}

function showLogin() {
  clearTimeout(timer);
  part("overview").hidden = part("who").hidden = true;
  part("login").hidden = false;
  part("groups").replaceChildren();
  part("name").textContent = part("host").textContent = "";
  part("login").elements.user.focus();
}

function row(group) {
  const index = group["performance-index"];
  const cells = [
    group.name, group["active-policy"] ?? "–", group.importance ?? "–", group["virtual-server-count"],
    index === null ? "–" : index.toFixed(2), group["goal-status"],
  ];
  const line = document.createElement("tr");
  cells.forEach((text, column) => {
    const cell = document.createElement(column === 0 ? "th" : "td");
    if (column === 0) cell.scope = "row";
    if (column === 3 || column === 4) cell.className = "number";
    if (text === "missed") cell.className = "missed";
    cell.textContent = text;
    line.append(cell);
  });
  return line;
}

async function showOverview() {
  clearTimeout(timer);
  try {
    const caller = await ask("GET", "/login");
    const [version, list] = await Promise.all([ask("GET", "/version"), ask("GET", "/workload-resource-groups")]);
    part("name").textContent = caller.user;
    part("host").textContent =
      `hpm ${version["hpm-version"]}, ${version.hypervisor} ${version["hypervisor-version"]}` +
      (version.problem ? `. ${version.problem}` : "");
    part("groups").replaceChildren(...list["workload-resource-groups"].map(row));
    part("login").hidden = true;
    part("overview").hidden = part("who").hidden = false;
    say("");
  } catch (error) {
    if (error.status === 401 || (error.status === 403 && part("overview").hidden)) {
      showLogin();
      say(error.status === 403 ? error.message : "");
      return;
    }
    say(error.message);
  }
  timer = setTimeout(showOverview, SECONDS * 1000);
}

part("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { user, password } = Object.fromEntries(new FormData(event.target));
  try {
    await ask("POST", "/login", { user, password });
    event.target.reset();
    await showOverview();
  } catch (error) {
    event.target.elements.password.value = "";
    say(error.message);
  }
});

part("logout").addEventListener("click", async () => {
  try {
    await ask("POST", "/logout");
  } catch (error) {
    if (error.status !== 401) return say(error.message);
  }
  say("");
  showLogin();
});

showOverview();
