/** Lists of CPUs as the API writes them: "0-3,8". */

/** The CPUs of a list; null: it is none. */
export function parseCpus(text: string): number[] | null {
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text.trim())) return null;
  const found = new Set<number>();
  for (const part of text.trim().split(",")) {
    const [from, to = from] = part.split("-").map(Number) as [number, number?];
    if (to < from || to > 8191) return null;
    for (let cpu = from; cpu <= to; cpu++) found.add(cpu);
  }
  return [...found].sort((one, other) => one - other);
}

/** CPUs as a list. */
export function formatCpus(cpus: Iterable<number>): string {
  const all = [...new Set(cpus)].sort((one, other) => one - other);
  const runs: [number, number][] = [];
  for (const cpu of all) {
    const last = runs.at(-1);
    if (last && last[1] === cpu - 1) last[1] = cpu;
    else runs.push([cpu, cpu]);
  }
  return runs.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(",");
}
