/** The rules of a partition's name, as the API has them: said while it is typed, in the user's language. */

import { t } from "../base/texts";
import { levelOf, MOST_LEVELS } from "./data";

const LONGEST = 32;
/** What the kernel calls its controllers. */
const CONTROLLERS = new Set(
  ["cgroup", "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "io", "pids", "rdma", "misc", "hugetlb", "net_cls", "net_prio", "perf_event", "debug", "name", "dmem"],
);

/** What is wrong with a name in that partition; "": nothing. `taken`: the paths that there are. */
export function wrongName(name: string, above: string, taken: ReadonlySet<string>): string {
  if (levelOf(above) >= MOST_LEVELS) return t("At most {n} levels are useful: each makes scheduling slower.", { n: MOST_LEVELS });
  if (name === "") return t("Give the partition a name.");
  if (name.includes("/")) return t("One name at a time: choose above in which partition it stands.");
  if (name.includes("-")) return t("No “-”: systemd makes levels of its own of each.");
  if (name.includes(".")) return t("No “.”: libvirt and systemd tell by what stands behind a dot what kind of thing it is.");
  if (name.startsWith("_")) return t("It begins with a letter or a digit; libvirt keeps names that begin with “_”.");
  if (!/^[A-Za-z0-9_]+$/.test(name)) return t("Only letters without accents, digits and “_”.");
  if (name.length > LONGEST) return t("It has {n} characters, and may have {most}.", { n: name.length, most: LONGEST });
  if (CONTROLLERS.has(name)) return t("The kernel has a controller of that name, which libvirt may spell in another way.");
  if (taken.has(`${above}/${name}`)) return t("There is a partition {path} already.", { path: `${above}/${name}` });
  return "";
}
