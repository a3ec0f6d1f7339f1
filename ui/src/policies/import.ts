/**
 * A policy file is imported: it is chosen or dropped, what it would change is shown, and only then it is done, if
 * nobody changed anything since. What is wrong in it is shown in its text.
 */

import { ApiError, asApiError } from "../api/client";
import type { Group, ImportResult, ServerSummary } from "../api/types";
import { app } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, query, state } from "../base/element";
import { tell } from "../base/notices";
import { place } from "../base/place";
import { t } from "../base/texts";
import { groupPath, GROUPS } from "../groups/data";
import type { DialogPart } from "../parts/dialog";

const AROUND = 2; // lines shown before and behind a wrong one

interface PolicyText {
  name: string;
  text: string;
  /** Whether it is what there was before an import. */
  earlier?: boolean;
}

/** What an import that is to be taken back found, and in which group ("": all). */
let before: { target: string; file: PolicyText } | null = null;

@customElement("hpm-policy-import")
export class ImportPart extends HpmElement {
  @property({ attribute: false }) groups: readonly Group[] = [];
  @state() private target = ""; // the id of a group; "": all groups
  @state() private file: PolicyText | null = null;
  @state() private replace = false;
  @state() private result: ImportResult | null = null;
  @state() private error: ApiError | null = null;
  @state() private busy = false;
  @state() private over = false;
  private etag: string | null = null;
  private now = ""; // the export of what there is, to bring it back
  private names: ReadonlyMap<string, string> = new Map(); // of servers, by UUID
  private asked = 0;
  @query("hpm-dialog") private dialog!: DialogPart;

  static override styles = [
    HpmElement.styles,
    css`
      .drop {
        display: grid;
        gap: 8px;
        justify-items: start;
        padding: 12px;
        border: 2px dashed var(--edge);
        border-radius: var(--radius);
      }
      .drop.over {
        border-color: var(--accent);
        background: var(--chosen);
      }
      figure {
        margin: 0;
      }
      mark {
        color: var(--missed);
        background: var(--miss-ground);
        font-weight: 600;
      }
    `,
  ];

  /** Opens it, for one group or (left out) for all. */
  show(group = ""): void {
    this.target = group;
    this.replace = false;
    this.file = null;
    this.forget();
    this.dialog.show();
  }

  /**
   * Opens it with what there was before an import that is to be taken back. What others changed since would be gone by
   * that, too; so it is shown first what it changes, as of any file.
   */
  async showEarlier(): Promise<void> {
    await this.updateComplete;
    if (!before) return;
    this.show(before.target);
    this.replace = !before.target;
    this.file = before.file;
    await this.look();
  }

  override render() {
    const { result } = this;
    const deletes = result !== null && deletesAny(result);
    const does = !result?.changed ? "" : deletes ? t("Import, and delete what is gone") : t("Import");
    return html`<hpm-dialog wide heading=${t("Import policies")} action=${does} ?danger=${deletes} ?busy=${this.busy} .error=${this.error} @save=${this.save}>
      <div class="stack">
        <div class="field">
          <label for="target">${t("Into")}</label>
          <select id="target" @change=${this.aim}>
            <option value="" ?selected=${!this.target}>${t("all groups: the file says which")}</option>
            ${this.groups.map((one) => html`<option value=${one["object-id"]} ?selected=${one["object-id"] === this.target}>${t("the group {name}", { name: one.name })}</option>`)}
          </select>
          <span class="help">${t("A file of one policy goes into a group; a file of groups changes the groups that it names.")}</span>
        </div>
        <div class="drop ${this.over ? "over" : ""}" @dragover=${this.hover} @dragleave=${() => (this.over = false)} @drop=${this.dropped}>
          <label for="file">${t("Policy file, JSON or XML")}</label>
          <input id="file" type="file" autofocus accept=".json,.xml,application/json,application/xml,text/xml" @change=${this.chosen} />
          <span class="help">${this.file ? this.file.name : t("Choose it, or drop it here. Nothing is changed before you have seen what would be.")}</span>
        </div>
        ${this.target
          ? nothing
          : html`<label class="choice">
              <input type="checkbox" .checked=${this.replace} @change=${this.replaces} />
              ${t("Replace: delete groups and policies that the file does not name")}
            </label>`}
        ${this.error ? this.place(this.error) : nothing} ${this.busy && !result ? html`<hpm-skeleton rows="3"></hpm-skeleton>` : nothing}
        ${result ? this.changes(result) : nothing}
      </div>
    </hpm-dialog>`;
  }

  private changes(result: ImportResult) {
    return html`<section role="status">
      <h3>${result.changed ? t("What it would change") : t("It would change nothing: all is as the file says.")}</h3>
      ${result.changed ? html`<hpm-imported .result=${result} .names=${this.names}></hpm-imported>` : nothing}
    </section>`;
  }

  /** The lines of the file around what is wrong. */
  private place(error: ApiError) {
    const line = Number(error.details["line"] ?? 0);
    const column = Number(error.details["column"] ?? 1);
    const lines = this.file?.text.split(/\r\n|\n|\r/) ?? [];
    if (!line || lines.length === 0) return nothing;
    const first = Math.max(1, line - AROUND);
    const shown = lines.slice(first - 1, line + AROUND);
    return html`<figure>
      <figcaption class="help">${t("Line {line}, column {column} of {name}", { line, column, name: this.file!.name })}</figcaption>
      <pre>${shown.map((text, at) => this.line(first + at, text, first + at === line ? column : 0))}</pre>
    </figure>`;
  }

  private line(number: number, text: string, column: number) {
    const label = `${String(number).padStart(4)} `;
    const short = text.slice(0, 400);
    if (!column) return html`${label}${short}\n`;
    return html`${label}${short.slice(0, column - 1)}<mark>${short.slice(column - 1) || "⏎"}</mark>\n${" ".repeat(label.length + column - 1)}▲\n`;
  }

  private readonly chosen = (event: Event): void => {
    const file = (event.target as HTMLInputElement).files?.[0];
    if (file) void this.read(file);
  };

  private readonly hover = (event: DragEvent): void => {
    event.preventDefault();
    this.over = true;
  };

  private readonly dropped = (event: DragEvent): void => {
    event.preventDefault();
    this.over = false;
    const file = event.dataTransfer?.files[0];
    if (file) void this.read(file);
  };

  private readonly aim = (event: Event): void => {
    this.target = (event.target as HTMLSelectElement).value;
    if (this.target) this.replace = false;
    void this.look();
  };

  private readonly replaces = (event: Event): void => {
    this.replace = (event.target as HTMLInputElement).checked;
    void this.look();
  };

  private async read(file: File): Promise<void> {
    this.file = { name: file.name, text: await file.text() };
    // a file of one policy needs a group; where none was chosen the first that is not default is, and it is seen
    if (!this.target && isOnePolicy(this.file.text)) this.target = (this.groups.find((one) => !one["is-default"]) ?? this.groups[0])!["object-id"];
    await this.look();
  }

  private forget(): void {
    this.result = null;
    this.error = null;
    this.etag = null;
  }

  private get path(): string {
    return this.target ? groupPath(this.target) : GROUPS;
  }

  /** Asks what would change, and against which state. */
  private async look(): Promise<void> {
    if (!this.file) return;
    const asked = ++this.asked;
    this.forget();
    this.busy = true;
    try {
      const state = await stateOf(this.path, this.target !== "");
      const answer = await this.send(true, null);
      if (movesServers(answer)) this.names = await serverNames();
      if (asked !== this.asked) return;
      this.etag = state.etag;
      this.now = state.text;
      this.result = answer;
    } catch (error) {
      if (asked === this.asked) this.refused(error);
    } finally {
      if (asked === this.asked) this.busy = false;
    }
  }

  private async send(dry: boolean, etag: string | null): Promise<ImportResult> {
    const query = new URLSearchParams({ ...(dry ? { "dry-run": "true" } : {}), ...(this.replace ? { replace: "true" } : {}) });
    const type = /^\s*</.test(this.file!.text) ? "application/xml" : "application/json";
    const wish = { etag, headers: { "Content-Type": type } };
    return (await app.client.post<ImportResult>(`${this.path}/import?${query}`, this.file!.text, wish)).content;
  }

  private readonly save = async (event: Event): Promise<void> => {
    event.stopPropagation();
    if (this.busy || !this.result) return;
    this.busy = true;
    this.error = null;
    try {
      await this.send(false, this.etag);
      this.dialog.close();
      this.done(this.file!);
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) {
        await this.look();
        this.error = new ApiError(t("Somebody changed something since you looked. This is what the import would change now; nothing was imported yet."));
      } else this.refused(error);
    } finally {
      this.busy = false;
    }
  };

  private done({ name, earlier }: PolicyText): void {
    const { target, now } = this;
    const undo = () => {
      before = { target, file: { name: t("what there was before"), text: now, earlier: true } };
      app.places.go(place("policies", target, { do: "undo-import" }));
    };
    tell(earlier ? t("What was imported is undone.") : t("{name} was imported.", { name }), { label: t("Undo"), run: undo });
    this.emit("imported");
  }

  private refused(error: unknown): void {
    this.result = null;
    this.error = asApiError(error);
  }
}

/** What there is, as a policy file, and the tag that an import compares with: of one group, or of all. */
async function stateOf(path: string, one: boolean): Promise<{ etag: string | null; text: string }> {
  // the tag first: if it still holds at the import, then so does the text
  const group = one ? await app.client.get(path) : null;
  const file = await app.client.get<string>(`${path}/export?format=json`, { text: true });
  return { etag: (group ?? file).etag, text: file.content };
}

/** Whether a group, a policy or a class would be gone. */
function deletesAny(result: ImportResult): boolean {
  return result["workload-resource-groups"].some((group) => {
    const policies = group["perf-policies"];
    return [group, ...policies, ...policies.flatMap((one) => one["service-classes"])].some((one) => one.change === "deleted");
  });
}

/** Whether servers come, go, or have something else said of them. */
function movesServers(result: ImportResult): boolean {
  const groups = result["workload-resource-groups"];
  return result["virtual-servers"].length > 0 || groups.some((one) => one["servers-added"].length > 0 || one["servers-removed"].length > 0);
}

async function serverNames(): Promise<Map<string, string>> {
  const { content } = await app.client.get<{ "virtual-servers": ServerSummary[] }>("/virtual-servers");
  return new Map(content["virtual-servers"].map((one) => [one["object-id"], one.name]));
}

/** Whether a file seems to be of one policy; if it is not right, the server says so. */
function isOnePolicy(text: string): boolean {
  if (/^\s*</.test(text)) return /<perf-policy[\s>]/.test(text) && !/<policy-file[\s>]/.test(text);
  try {
    return "service-classes" in (JSON.parse(text) as object);
  } catch {
    return false; // the server says where it is wrong
  }
}
