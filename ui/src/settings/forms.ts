/** The forms of the settings page for how often hpm looks, how long it remembers, and what a start must leave room for. */

import type { Settings, SettingsUpdate } from "../api/types";
import { customElement } from "../base/element";
import { t } from "../base/texts";
import { FormPart, type Field, type Values } from "../parts/form";

@customElement("hpm-settings-timing")
export class TimingForm extends FormPart {
  protected readonly name = "settings-timing";
  protected readonly heading = t("How often hpm looks");

  protected fields(): readonly Field[] {
    return [
      {
        name: "interval",
        label: t("Interval (s)"),
        help: t("Seconds between two decisions, 1 to 3,600. Shorter is quicker, and costs more."),
        path: "interval-seconds",
        type: "number",
      },
      {
        name: "devices",
        label: t("Interval of devices (s)"),
        help: t("Seconds between two samples of a server's devices, 10 to 86,400."),
        path: "devices-interval-seconds",
        type: "number",
      },
    ];
  }

  protected known(): Values {
    return { interval: String(this.settings["interval-seconds"]), devices: String(this.settings["devices-interval-seconds"]) };
  }

  protected wanted(values: Values): SettingsUpdate {
    return { "interval-seconds": this.number(values, "interval"), "devices-interval-seconds": this.number(values, "devices") };
  }
}

@customElement("hpm-settings-history")
export class HistoryForm extends FormPart {
  protected readonly name = "settings-history";
  protected readonly heading = t("How long hpm remembers");

  protected fields(): readonly Field[] {
    const days = t("Days, 0 to 4,000.");
    return [
      { name: "minutes", label: t("A point a minute (days)"), help: days, path: "history.minutes-days", type: "number" },
      { name: "tens", label: t("A point every ten minutes (days)"), help: days, path: "history.ten-minutes-days", type: "number" },
      { name: "hours", label: t("A point an hour (days)"), help: days, path: "history.hours-days", type: "number" },
      {
        name: "size",
        label: t("Size at most (MiB)"),
        help: t("16 to 1,000,000. This wins: the oldest of the finest goes first."),
        path: "history.size-mib",
        type: "number",
      },
    ];
  }

  protected known(): Values {
    const { history } = this.settings;
    return {
      minutes: String(history["minutes-days"]),
      tens: String(history["ten-minutes-days"]),
      hours: String(history["hours-days"]),
      size: String(history["size-mib"]),
    };
  }

  protected wanted(values: Values): SettingsUpdate {
    return {
      history: {
        "minutes-days": this.number(values, "minutes"),
        "ten-minutes-days": this.number(values, "tens"),
        "hours-days": this.number(values, "hours"),
        "size-mib": this.number(values, "size"),
      },
    };
  }
}

@customElement("hpm-settings-admission")
export class AdmissionForm extends FormPart {
  protected readonly name = "settings-admission";
  protected readonly heading = t("What a start leaves room for");

  protected fields(): readonly Field[] {
    return [
      {
        name: "admission",
        label: t("Reserves that count"),
        help: t("A start, and a new reserve, is refused where these reserves would not fit in any more, on the host or in their partition. With those of all servers, each one that is stopped now can start at any time. What runs stays."),
        path: "admission",
        type: "select",
        options: [
          ["running", t("of servers that run")],
          ["all", t("of all servers, stopped ones too")],
        ],
      },
    ];
  }

  protected known(): Values {
    return { admission: this.settings.admission };
  }

  protected wanted(values: Values): SettingsUpdate {
    return { admission: values.admission as Settings["admission"] };
  }
}
