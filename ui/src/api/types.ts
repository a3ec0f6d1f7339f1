// The types of the API, by the names that docs/rest.md gives them; made from its OpenAPI document (`make types`).

import type { components } from "./schema";

type Schemas = components["schemas"];
/** A type with some of its fields of other types: an answer leaves out what is as usual. */
type Replaced<T, By> = Omit<T, keyof By> & By;

export type Activity = Schemas["ActivityEntry"];
export type Adjustment = Schemas["Adjustment"];
export type AdjustedServer = Schemas["AdjustedServer"];
export type DependencyEdge = Schemas["DependencyEdge"];
export type DependencyGraph = Schemas["DependencyGraph"];
export type DependencyNode = Schemas["DependencyNode"];
export type Dependency = Partial<Schemas["Dependency"]>;
export type DiskLimits = Partial<Schemas["DiskLimits"]>;
export type Explanation = Schemas["Explanation"];
export type Goal = NonNullable<Schemas["ServerDetail"]["goal"]>;
export type GoalStatus = Schemas["GroupSummary"]["goal-status"];
export type EffectivePolicy = Schemas["EffectivePolicy"];
export type Group = Replaced<Schemas["GroupDetail"], { "perf-policies": Policy[]; "guest-policy"?: GuestPolicy }>;
export type GroupMetrics = Schemas["GroupMetrics"];
export type GroupSummary = Schemas["GroupSummary"];
export type GroupUpdate = Replaced<Schemas["GroupUpdate"], { "perf-policies"?: Policy[]; "guest-policy"?: GuestPolicy }>;
/** What is not said is left out. */
export type GuestPolicy = Replaced<Partial<Schemas["GuestPolicy"]>, { "disk-limits"?: Record<string, DiskLimits> | null; start?: StartPolicy | null }>;
export type HistoryState = Schemas["HistoryState"];
export type HostNode = Schemas["HostNode"];
export type HostMetrics = Schemas["HostMetrics"];
export type Importance = NonNullable<Schemas["GroupSummary"]["importance"]>;
export type ImportResult = Schemas["ImportResult"];
export type Level = Schemas["ManagementLevels"]["cpu-mgmt"];
export type Levels = Schemas["ManagementLevels"];
/** What is managed, each at a level of its own. */
export type Managed = Schemas["Adjustment"]["resource"] & string;
export type MetricsHistory = Schemas["MetricsHistory"];
export type MomEvaluation = Schemas["MomEvaluation"];
export type MomFault = Schemas["MomFault"];
export type MomHostWanted = Schemas["MomHostWanted"];
export type MomPolicy = Schemas["MomPolicyDetail"];
export type MomPolicies = Schemas["MomPolicyList"];
export type MomRival = Schemas["MomRival"];
export type MomRivals = Schemas["MomRivals"];
export type MomSetting = Schemas["MomSetting"];
export type MomStopped = Schemas["MomStopped"];
export type MomWanted = Schemas["MomWanted"];
export type NewToken = Schemas["NewToken"];
export type NotificationState = Schemas["NotificationState"];
export type NotificationTest = Schemas["NotificationTest"];
export type Partition = Schemas["PartitionDetail"];
export type PartitionList = Schemas["PartitionList"];
export type PartitionParameters = Schemas["PartitionParameters"];
export type DeviceLimits = Schemas["DeviceLimits"];
export type PersistedPolicy = Schemas["PersistedPolicy"];
export type Placement = NonNullable<Schemas["GuestPolicy"]["placement"]>;
export type Policy = Replaced<Schemas["PerformancePolicy"], { "service-classes": ServiceClass[] }>;
export type PolicyDetail = Replaced<Schemas["PolicyDetail"], { "service-classes": ServiceClass[] }>;
export type PolicyField = Schemas["PolicyField"];
export type Preview = Schemas["Preview"];
export type PreviewedServer = Schemas["PreviewedServer"];
export type Readiness = NonNullable<Schemas["StartPolicy"]["ready"]>;
export type Revision = Schemas["PolicyRevision"];
export type RunWindow = Schemas["RunWindow"];
export type Rule = NonNullable<Schemas["ServiceClass"]["classification"]>;
export type ScheduleEntry = Schemas["ScheduleEntry"];
export type Server = Schemas["ServerDetail"];
export type ServerSummary = Schemas["ServerSummary"];
/** What is left out stays, or is not wanted. */
export type ServerUpdate = Partial<Schemas["ServerUpdate"]>;
export type ServiceClass = Replaced<Schemas["ServiceClass"], { "guest-policy"?: GuestPolicy }>;
export type ServiceClassState = Schemas["ServiceClassState"];
export type Settings = Schemas["Settings"];
export type SettingsUpdate = Schemas["SettingsUpdate"];
export type StartJob = Schemas["StartJob"];
export type StartJobList = Schemas["StartJobList"];
/** What is left out is as usual. */
export type StartPolicy = Replaced<Partial<Schemas["StartPolicy"]>, { "depends-on"?: Dependency[] }>;
export type Suggestion = Schemas["Suggestion"];
export type Sync = Schemas["Sync"];
export type Token = Schemas["Token"];
export type Version = Schemas["Version"];
export type WhoIAm = Schemas["WhoIAm"];
