/** A change of a memory policy that is not applied yet: it survives a reload. */

import { draft, keepDraft } from "../base/preferences";

export interface MemoryDraft {
  name: string;
  text: string;
  /** The text when it was begun; null: it is a new one. */
  base: string | null;
  /** The tag of that. */
  etag: string | null;
}

/** `name`: as the server has it; "": of a new one. */
const key = (name: string): string => `memory-policy-${name}`;

export const memoryDraft = (name: string): MemoryDraft | null => draft<MemoryDraft>(key(name));
export const keepMemoryDraft = (name: string, value: MemoryDraft | null): void => keepDraft(key(name), value);
