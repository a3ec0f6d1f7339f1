/** What is done with a whole memory policy: deleted, and brought back; given to the browser as a file. */

import type { MomPolicy } from "../api/types";
import { app } from "../base/app";
import { saveFile } from "../base/csv";
import { complain, tellUndo } from "../base/notices";
import { t } from "../base/texts";

export const POLICIES = "/mom/policies";
export const memoryPolicyPath = (name: string): string => `${POLICIES}/${encodeURIComponent(name)}`;

/** Deletes a policy; it can be brought back as it was. Whether it was deleted; `after` is called when that is taken back. */
export async function removeMemoryPolicy(name: string, after: () => void): Promise<boolean> {
  try {
    const { content, etag } = await app.client.get<MomPolicy>(memoryPolicyPath(name));
    await app.client.delete(memoryPolicyPath(name), { etag });
    tellUndo(t("Memory policy {name} was deleted.", { name }), async () => {
      await app.client.post(POLICIES, { name, text: content.text });
      after();
    });
    return true;
  } catch (error) {
    complain(t("Memory policy {name} was not deleted.", { name }), error);
    return false;
  }
}

export function saveMemoryPolicy({ name, text }: Pick<MomPolicy, "name" | "text">): void {
  saveFile(`${name}.policy`, text, "text/plain");
}
