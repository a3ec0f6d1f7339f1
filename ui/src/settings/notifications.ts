/** The form of the settings page for notifications: what is told, by webhook and by mail; and how deliveries fare. */

import { Resource } from "../api/resource";
import type { Importance, NotificationState, NotificationTest, SettingsUpdate } from "../api/types";
import { app, mayWrite } from "../base/app";
import { customElement, html, nothing, query, state, type TemplateResult } from "../base/element";
import { ago } from "../base/format";
import { complain } from "../base/notices";
import { plural, t } from "../base/texts";
import { IMPORTANCES, importanceWord } from "../base/words";
import type { DialogPart } from "../parts/dialog";
import { FormPart, type Field, type Values } from "../parts/form";

type Notifications = NonNullable<NonNullable<SettingsUpdate["notifications"]>>;
type Channel = NotificationState["webhook"];

@customElement("hpm-settings-notifications")
export class NotificationsForm extends FormPart {
  protected readonly name = "settings-notifications";
  protected readonly heading = t("Notifications");
  @state() private testing = false;
  @state() private tested: NotificationTest | null = null;
  @query("hpm-dialog") private dialog!: DialogPart;
  private readonly state = new Resource<NotificationState>(this, () => (this.settings?.notifications ? "/notifications" : null));

  protected fields(): readonly Field[] {
    return [...this.told(), ...this.webhook(), ...this.mail()];
  }

  private told(): Field[] {
    const importances = IMPORTANCES.map((one) => [one, importanceWord(one)] as const);
    return [
      {
        name: "missed",
        label: t("Tell a goal missed for (minutes)"),
        help: t("Without a break; 5 is usual."),
        path: "notifications.missed-for-seconds",
        type: "number",
      },
      {
        name: "importance",
        label: t("Least importance"),
        help: t("Classes of this importance, or a higher one."),
        path: "notifications.importance",
        type: "select",
        options: importances,
      },
      {
        name: "repeat",
        label: t("Remind every (hours)"),
        help: t("While it is still missed. Empty: not at all."),
        path: "notifications.repeat-after-seconds",
        type: "number",
      },
    ];
  }

  private webhook(): Field[] {
    const set = this.settings.notifications?.webhook?.["secret-set"] ?? false;
    const secret: Field = {
      name: "secret",
      label: t("Secret to sign with"),
      help: set ? t("One is set, and never shown. Empty: it stays.") : t("Empty: messages are not signed."),
      path: "notifications.webhook.secret",
      type: "password",
    };
    const none: Field = { name: "unsigned", label: t("Forget the secret: do not sign"), path: "", type: "check" };
    return [
      { name: "url", label: t("URL"), help: t("http or https. Empty: no webhook."), path: "notifications.webhook.url", type: "url" },
      secret,
      ...(set ? [none] : []),
    ];
  }

  private mail(): Field[] {
    const set = this.settings.notifications?.mail?.["password-set"] ?? false;
    const securities = [["starttls", "STARTTLS"], ["tls", "TLS"], ["none", t("none: can be read on the way")]] as const;
    return [
      { name: "to", label: t("Recipients"), help: t("Addresses, with commas between. Empty: no mail."), path: "notifications.mail.to" },
      { name: "from", label: t("Sender"), path: "notifications.mail.from" },
      { name: "server", label: t("Mail server"), path: "notifications.mail.server" },
      { name: "security", label: t("Encryption"), path: "notifications.mail.security", type: "select", options: securities },
      { name: "port", label: t("Port"), help: t("Empty: the usual one."), path: "notifications.mail.port", type: "number" },
      { name: "user", label: t("User there"), help: t("Empty: hpm does not log in."), path: "notifications.mail.user" },
      {
        name: "password",
        label: t("Password"),
        help: set ? t("One is set, and never shown. Empty: it stays, as long as server, port and user do.") : "",
        path: "notifications.mail.password",
        type: "password",
      },
    ];
  }

  protected known(): Values {
    const set = this.settings.notifications;
    const mail = set?.mail;
    const repeat = set?.["repeat-after-seconds"];
    return {
      missed: String((set?.["missed-for-seconds"] ?? 300) / 60),
      importance: set?.importance ?? "high",
      repeat: repeat ? String(repeat / 3600) : "",
      url: set?.webhook?.url ?? "",
      to: mail?.to.join(", ") ?? "",
      from: mail?.from ?? "",
      server: mail?.server ?? "",
      security: mail?.security ?? "starttls",
      port: mail ? String(mail.port) : "",
      user: mail?.user ?? "",
    };
  }

  protected wanted(values: Values): SettingsUpdate {
    const wanted: Notifications = {
      "missed-for-seconds": 60 * this.number(values, "missed"),
      importance: values["importance"] as Importance,
      "repeat-after-seconds": values["repeat"] ? 3600 * this.number(values, "repeat") : null,
      webhook: null,
      mail: null,
    };
    if (values["url"]) {
      wanted.webhook = { url: values["url"].trim() };
      if (values["secret"]) wanted.webhook.secret = values["secret"];
      else if (values["unsigned"]) wanted.webhook.secret = null;
    }
    const to = (values["to"] ?? "").split(/[\s,;]+/).filter(Boolean);
    if (to.length > 0) wanted.mail = this.wantedMail(values, to);
    return { notifications: wanted };
  }

  private wantedMail(values: Values, to: string[]): NonNullable<Notifications["mail"]> {
    const mail: NonNullable<Notifications["mail"]> = {
      to,
      from: values["from"]?.trim() ?? "",
      server: values["server"]?.trim() ?? "",
      security: values["security"] as "starttls",
      port: values["port"] ? this.number(values, "port") : null,
      user: values["user"]?.trim() || null,
    };
    if (values["password"]) mail.password = values["password"];
    else if (!mail.user) mail.password = null;
    return mail;
  }

  protected override layout(): TemplateResult {
    const group = (legend: string, fields: readonly Field[], channel: Channel | undefined) => html`<fieldset>
      <legend>${legend}</legend>
      <div class="fields">${fields.map((one) => this.field(one))}</div>
      ${channel ? this.fares(channel) : nothing}
    </fieldset>`;
    return html`<p class="help">
        ${this.settings.notifications
          ? t("hpm tells somebody when a goal is missed for long, and when it is met again.")
          : t("hpm tells nobody yet. Give a webhook or a mail address, and it tells when a goal is missed for long, and when it is met again.")}
      </p>
      ${group(t("What is told"), this.told(), undefined)} ${group(t("Webhook"), this.webhook(), this.state.value?.webhook)}
      ${group(t("Mail"), this.mail(), this.state.value?.mail)}`;
  }

  protected override shown(): TemplateResult {
    if (!this.settings.notifications) return html`<p>${t("hpm tells nobody.")}</p>`;
    return html`${super.shown()}<p class="help">${t("Addresses and the rest of the URL are shown to administrators only.")}</p>`;
  }

  private fares(channel: NonNullable<Channel>) {
    const { waiting } = channel;
    return html`<p class="help">
        ${channel["last-delivery"] ? t("Delivered last {time}.", { time: ago(channel["last-delivery"]) }) : t("Nothing was delivered yet.")}
        ${waiting > 0 ? plural("{n} notification waits.", "{n} notifications wait.", waiting) : ""}
        ${channel["given-up"] > 0 ? plural("{n} was given up.", "{n} were given up.", channel["given-up"]) : ""}
      </p>
      ${channel["last-error"] ? html`<p class="wrong">${channel["last-error"]}</p>` : nothing}`;
  }

  protected override more(): TemplateResult | typeof nothing {
    if (!this.settings.notifications || !mayWrite()) return nothing;
    return html`<button type="button" ?disabled=${this.testing || this.changed} title=${this.changed ? t("Apply first: what is set is tested.") : ""} @click=${this.test}>
        ${this.testing ? t("Working…") : t("Send a test")}
      </button>
      <button class="danger" type="button" @click=${() => this.dialog.show()}>${t("Turn notifications off…")}</button>
      ${this.tested ? this.result(this.tested) : nothing}
      <hpm-dialog
        heading=${t("Turn notifications off?")}
        action=${t("Turn off")}
        danger
        .busy=${this.busy}
        @save=${this.turnOff}
      >
        <p>${t("hpm tells nobody any more. Addresses, secret and password are forgotten.")}</p>
      </hpm-dialog>`;
  }

  private result(tested: NotificationTest) {
    const said = (name: string, what: string | null) =>
      what === null ? nothing : html`<p class=${what === "ok" ? "" : "wrong"}>${what === "ok" ? t("{name}: the test was delivered.", { name }) : t("{name}: {what}", { name, what })}</p>`;
    return html`<div role="status">${said(t("Webhook"), tested.webhook)}${said(t("Mail"), tested.mail)}</div>`;
  }

  private readonly test = async (): Promise<void> => {
    this.testing = true;
    this.tested = null;
    try {
      this.tested = (await app.client.post<NotificationTest>("/notifications/test")).content;
    } catch (error) {
      complain(t("No test was sent."), error);
    } finally {
      this.testing = false;
    }
  };

  private readonly turnOff = async (): Promise<void> => {
    this.busy = true;
    try {
      await this.post({ notifications: null });
      this.tested = null;
    } catch (error) {
      complain(t("Notifications were not turned off."), error);
    } finally {
      this.busy = false;
      this.dialog?.close();
    }
  };
}
