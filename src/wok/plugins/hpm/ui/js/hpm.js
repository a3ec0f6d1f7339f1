/* The first page in Wok: which groups there are, what is in force, which hpm answers.
 *
 * It uses nothing of the page around it but `i18n` (texts) and `wok.tabMode` (whether the user may change anything).
 */
(function () {
    "use strict";

    const SECONDS = 10;
    const root = document.getElementById("hpm");
    const base = root.dataset.base;
    const part = (name) => root.querySelector(name);

    function text(id) {
        return (window.i18n && window.i18n[id]) || id;
    }

    /** The JSON of a GET, or an error with the server's words. */
    async function get(path) {
        const answer = await fetch(base + path, {
            credentials: "same-origin",
            headers: {
                "Accept": "application/json",
                "X-Requested-With": "XMLHttpRequest", // no password dialog of the browser's
                "Wok-Robot": "wok-robot",             // looking again does not keep the session alive
            },
        });
        if (answer.status === 401) {
            document.location.href = "login.html?error=sessionTimeout";
        }
        const body = await answer.json();
        if (!answer.ok) {
            throw new Error(body.message);
        }
        return body;
    }

    function cell(words, name) {
        const made = document.createElement("td");
        made.textContent = words;
        made.className = name || "";
        return made;
    }

    function row(group) {
        const policy = group["perf-policies"].find((one) => one.name === group["active-policy"]);
        const made = document.createElement("tr");
        made.append(
            cell(group.name),
            cell(policy ? policy.name : text("HPMUI0005M")),
            cell(policy ? policy.importance : "–"),
            cell(String(group["virtual-servers"].length), "hpm-number"),
        );
        return made;
    }

    function show(groups, levels, version) {
        const level = {off: "HPMUI0010M", advise: "HPMUI0011M", on: "HPMUI0012M"}[levels["cpu-mgmt"]];
        part(".hpm-line").textContent =
            text("HPMUI0006M") + ": " + text(level) + ", " + text("HPMUI0009M") + " " + new Date().toLocaleTimeString();
        part("tbody").replaceChildren(...groups.map(row));
        part(".hpm-groups").hidden = false;
        const notes = [];
        if (groups.length < 2) {
            notes.push(text("HPMUI0008M"));
        }
        if (window.wok && window.wok.tabMode && window.wok.tabMode.hpmtab0001m !== "admin") {
            notes.push(text("HPMUI0007M"));
        }
        part(".hpm-note").textContent = notes.join(" ");
        part(".hpm-note").hidden = notes.length === 0;
        part(".hpm-version").textContent = "hpm " + version["hpm-version"] + ", " + (version.hypervisor || version["hypervisor-uri"]);
    }

    async function look() {
        const problem = part(".hpm-problem");
        try {
            const [groups, levels, version] = await Promise.all([
                get("/workload-resource-groups/detail"), get("/mgmt-levels"), get("/version"),
            ]);
            show(groups["workload-resource-groups"], levels, version);
            problem.hidden = true;
        } catch (error) {
            problem.textContent = text("HPMUI0001E") + " " + error.message;
            problem.hidden = false;
        }
    }

    /** Look again and again, for as long as the page is there: Wok takes it away without a word. */
    async function watch() {
        await look();
        if (root.isConnected) {
            setTimeout(watch, SECONDS * 1000);
        }
    }

    watch();
})();
