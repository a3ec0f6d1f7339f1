/** Limits of disks as they are typed: rates in MiB/s. */

import type { DeviceLimits } from "../api/types";
import { MIB } from "../base/format";
import { numberIn, textOf } from "./dialog";

export interface DeviceForm {
  device: string;
  read: string;
  write: string;
  reads: string;
  writes: string;
}

export const emptyDevice = (): DeviceForm => ({ device: "", read: "", write: "", reads: "", writes: "" });

export function devicesOf(devices: readonly DeviceLimits[]): DeviceForm[] {
  const rate = (bytes: number | null | undefined) => (typeof bytes === "number" ? String(bytes / MIB) : "");
  return devices.map((one) => ({
    device: one.device,
    read: rate(one["read-bytes-sec"]),
    write: rate(one["write-bytes-sec"]),
    reads: textOf(one["read-iops-sec"]),
    writes: textOf(one["write-iops-sec"]),
  }));
}

export function wantedDevices(devices: readonly DeviceForm[]): Record<string, unknown>[] {
  const rate = (text: string) => {
    const mib = numberIn(text);
    return mib === null ? null : Math.round(mib * MIB);
  };
  return devices.map((one) => ({
    device: one.device.trim(),
    "read-bytes-sec": rate(one.read),
    "write-bytes-sec": rate(one.write),
    "read-iops-sec": numberIn(one.reads),
    "write-iops-sec": numberIn(one.writes),
  }));
}
