/** Numbers as they are typed. What is no number stays as it is, so that hpm says at the field what would be right. */

/** What a field says; null: nothing. */
export function numberIn(event: Event): number | null {
  const text = (event.target as HTMLInputElement).value.trim();
  if (text === "") return null;
  const value = Number(text.replace(",", "."));
  return Number.isFinite(value) ? value : (text as unknown as number);
}

export const textOf = (value: number | null | undefined): string => (value === null || value === undefined ? "" : String(value));
