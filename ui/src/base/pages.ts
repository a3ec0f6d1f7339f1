/** Which pages there are, in the order of the navigation. */

import { html, type TemplateResult } from "./element";
import type { Place } from "./place";
import { later } from "./texts";

export interface PageEntry {
  name: string;
  label: string; // to be translated where it is shown
  /** The tab of Wok that it stands in. */
  tab: string;
  render: (place: Place) => TemplateResult;
}

export const PAGES: readonly PageEntry[] = [
  { name: "overview", label: later("Overview"), tab: "overview", render: (place) => html`<hpm-overview .place=${place}></hpm-overview>` },
  { name: "groups", label: later("Workload resource groups"), tab: "groups", render: (place) => (place.id ? html`<hpm-group .place=${place}></hpm-group>` : html`<hpm-groups .place=${place}></hpm-groups>`) },
  { name: "policies", label: later("Policies"), tab: "policies", render: (place) => html`<hpm-policies .place=${place}></hpm-policies>` },
  { name: "memory-policies", label: later("Memory policies"), tab: "policies", render: (place) => html`<hpm-memory-policies .place=${place}></hpm-memory-policies>` },
  { name: "servers", label: later("Virtual servers"), tab: "servers", render: (place) => html`<hpm-servers .place=${place}></hpm-servers>` },
  { name: "dependencies", label: later("Dependencies"), tab: "servers", render: (place) => html`<hpm-dependencies .place=${place}></hpm-dependencies>` },
  { name: "partitions", label: later("Partitions"), tab: "partitions", render: (place) => html`<hpm-partitions .place=${place}></hpm-partitions>` },
  { name: "adjustments", label: later("Adjustments"), tab: "adjustments", render: (place) => html`<hpm-adjustments .place=${place}></hpm-adjustments>` },
  { name: "activity", label: later("Activity log"), tab: "activity", render: (place) => html`<hpm-activity .place=${place}></hpm-activity>` },
  { name: "settings", label: later("Settings"), tab: "settings", render: (place) => html`<hpm-settings .place=${place}></hpm-settings>` },
  { name: "about", label: later("About"), tab: "settings", render: (place) => html`<hpm-about .place=${place}></hpm-about>` },
];

export function pageOf(place: Place): PageEntry {
  return PAGES.find((one) => one.name === place.page) ?? PAGES[0]!;
}
