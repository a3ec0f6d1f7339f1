"""The command for notifications: who is told of goals that are missed for long, and whether it arrives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from ..client.rest import Client
from ..errors import InvalidValue
from ..texts import later, t
from ..wire.notifications import (
    ChannelState,
    MailSettings,
    Notification,
    NotificationSettings,
    NotificationState,
    NotificationTest,
    Security,
)
from . import words
from .command import Failure, command
from .option_types import IMPORTANCE, Span, one_of
from .plain import plain
from .session import Session

#: Characters of a secret; of a longer file something else was meant.
_LONGEST = 1024

_SECRET = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
_OFF = later(
    "Notifications are off. 'hpm notifications --mail-to you@example.com --mail-from hpm@example.com --smtp"
    " mail.example.com' has them mailed, --webhook URL posted."
)

Json = dict[str, Any]


class _Repeat(Span):
    """A span, or ``never``, which gives ``"never"``."""

    name = "repeat"

    def parse(self, value: str) -> Any:
        return value if value == "never" else super().parse(value)


@command("notifications", examples=[
    "hpm notifications --webhook https://hooks.example.com/hpm --test",
    "hpm notifications --mail-to ann@x.org --mail-from hpm@x.org --smtp mail.x.org",
    "hpm notifications --smtp-user hpm --smtp-password FILE",
    "hpm notifications --missed-for 10m --importance highest --repeat-after 4h",
    "hpm notifications --off",
])  # fmt: skip
@click.option("--webhook", metavar="URL", help="Post them to this http or https URL.")
@click.option("--webhook-secret", type=_SECRET, metavar="FILE",
              help="Sign what is posted with the secret in this file; - is standard input.")  # fmt: skip
@click.option("--no-webhook-secret", is_flag=True, help="Do not sign what is posted.")
@click.option("--no-webhook", is_flag=True, help="Post them nowhere.")
@click.option("--mail-to", multiple=True, metavar="ADDRESS", help="Mail them to this address (repeatable).")
@click.option("--mail-from", metavar="ADDRESS", help="The sender of the mail.")
@click.option("--smtp", metavar="HOST[:PORT]", help="The server that takes the mail. An IPv6 address is in brackets.")
@click.option("--smtp-security", type=one_of(Security), help="How to speak with it [default: starttls].")
@click.option("--smtp-user", metavar="NAME", help="Log in there as this user.")
@click.option("--smtp-password", type=_SECRET, metavar="FILE",
              help="With the password in this file; - is standard input.")  # fmt: skip
@click.option("--no-smtp-user", is_flag=True, help="Do not log in there.")
@click.option("--no-mail", is_flag=True, help="Mail them to nobody.")
@click.option("--missed-for", type=Span(), metavar="SPAN",
              help="Tell what was missed for so long: 30s, 5m, 1h [default: 5m].")  # fmt: skip
@click.option("--importance", type=IMPORTANCE,
              help="Tell goals of service classes of this importance or a higher one [default: high].")  # fmt: skip
@click.option("--repeat-after", type=_Repeat(), metavar="SPAN",
              help="Tell it again after so long while it is still missed, or never [default: never].")  # fmt: skip
@click.option("--off", is_flag=True, help="Tell nobody, and forget addresses and secrets.")
@click.option("--test", is_flag=True, help="Then send a test, and say whether it arrived.")
def notifications(session: Session, off: bool, test: bool, **given: Any) -> None:
    """Show, set or test who is told of goals that are missed.

    hpm tells of a service class that missed its goal for some time without a break, and when it meets it again; and
    of a hypervisor that it cannot reach for as long. What is not given stays as it is.

    Secrets are never given on the command line, which every user of the host can read.
    """
    client = session.client
    named = {name for name, value in given.items() if value not in (None, False, ())}
    if off and (named or test):
        raise click.UsageError(t("--off forgets everything: leave the other options out"))
    if off:
        session.emit(client.update_settings({"notifications": None}), lambda _: click.echo(t("Notifications are off.")))
        return
    changes = _changes(client, **given) if named else None
    answer = client.settings() if changes is None else client.update_settings({"notifications": changes})
    if test:
        _try(session, client)
        return
    if session.json:
        session.emit_json({
            "notifications": msgspec.to_builtins(answer.value.notifications),
            "state": msgspec.to_builtins(client.notifications().value),
        })  # fmt: skip
        return
    _show(answer.value.notifications, client.notifications().value)


def _changes(
    client: Client, missed_for: float | None, importance: str | None, repeat_after: float | str | None, **given: Any
) -> Json:
    """What is to be sent. Webhook and mail are sent whole, so what is not given is taken from what is set."""
    found = client.settings().value.notifications
    changes: Json = {}
    if missed_for is not None:
        changes["missed-for-seconds"] = missed_for
    if importance is not None:
        changes["importance"] = importance
    if repeat_after is not None:
        changes["repeat-after-seconds"] = None if repeat_after == "never" else repeat_after
    webhook = {name: given.pop(name) for name in ("webhook", "webhook_secret", "no_webhook_secret")}
    if given.pop("no_webhook"):
        if any(webhook.values()):
            raise click.UsageError(t("--no-webhook has nothing posted: leave the other options of the webhook out"))
        changes["webhook"] = None
    elif any(webhook.values()):
        changes["webhook"] = _webhook(found, **webhook)
    if given.pop("no_mail"):
        if any(given.values()):
            raise click.UsageError(t("--no-mail has nothing mailed: leave the other options of mail out"))
        changes["mail"] = None
    elif any(given.values()):
        changes["mail"] = _mail(found.mail if found is not None else None, **given)
    return changes


def _webhook(
    found: NotificationSettings | None, webhook: str | None, webhook_secret: Path | None, no_webhook_secret: bool
) -> Json:
    if webhook_secret is not None and no_webhook_secret:
        raise click.UsageError(t("--webhook-secret and --no-webhook-secret exclude each other"))
    known = None if found is None or found.webhook is None else found.webhook.url
    if webhook is None and known is None:
        raise click.UsageError(t("there is no webhook yet: give --webhook URL, too"))
    made: Json = {"url": webhook or known}
    if webhook_secret is not None:
        made["secret"] = _secret(webhook_secret)
    elif no_webhook_secret:
        made["secret"] = None
    return made


def _mail(
    found: MailSettings | None, mail_to: tuple[str, ...], mail_from: str | None, smtp: str | None,
    smtp_security: str | None, smtp_user: str | None, smtp_password: Path | None, no_smtp_user: bool,
) -> Json:  # fmt: skip
    if no_smtp_user and (smtp_user or smtp_password):
        raise click.UsageError(t("--no-smtp-user has hpm not log in: leave --smtp-user and --smtp-password out"))
    made: Json = {} if found is None else {
        "to": found.to, "from": found.sender, "server": found.server, "port": found.port,
        "security": found.security, "user": found.user,
    }  # fmt: skip
    if mail_to:
        made["to"] = list(mail_to)
    if mail_from is not None:
        made["from"] = mail_from
    if smtp is not None:
        made["server"], made["port"] = _server(smtp)
    if smtp_security is not None:
        made["security"] = smtp_security
        if smtp is None and found is not None and smtp_security != found.security:
            made["port"] = None    # the usual one of that
    if smtp_user is not None:
        made["user"] = smtp_user
    if no_smtp_user:
        made["user"] = None
    if smtp_password is not None:
        made["password"] = _secret(smtp_password)
    missing = [option for option, name in (("--mail-to", "to"), ("--mail-from", "from"), ("--smtp", "server"))
               if name not in made]  # fmt: skip
    if missing:
        raise click.UsageError(t("there is no mail yet: give {options}, too", options=", ".join(missing)))
    return made


def _server(text: str) -> tuple[str, int | None]:
    """Host and port of ``HOST``, ``HOST:PORT`` or ``[ADDRESS]:PORT``; without a port it is the usual one."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        good = bracket and (not rest or colon == ":")
    else:
        host, colon, port = text.partition(":")
        good = ":" not in port
    if not good or (colon and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535)):
        raise click.BadParameter(t(
            "{text} is not HOST or HOST:PORT; right would be mail.example.com, mail.example.com:587 or"
            " [2001:db8::25]:25", text=repr(text),
        ), param_hint="'--smtp'")  # fmt: skip
    return host, int(port) if port else None


def _secret(file: Path) -> str:
    """What is in a file, without the end of its line. Raises `Failure`, never with what is in it."""
    from .file_input import name_of, read_bytes

    try:
        text = read_bytes(file).removesuffix(b"\n").removesuffix(b"\r").decode("ascii")
    except InvalidValue as error:
        raise Failure(error.message) from None
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable() or len(text) > _LONGEST:
        raise Failure(t(
            "a secret is one line of 1 to {number} printable ASCII characters; in {file} there is something else",
            number=_LONGEST, file=name_of(file),
        ))  # fmt: skip
    return text


def _try(session: Session, client: Client) -> None:
    """Raises `Failure` where a test did not arrive."""
    answer = client.test_notifications()
    found = answer.value

    def show(_: NotificationTest) -> None:
        if found.webhook is not None:
            click.echo(plain(t("Test by webhook: {result}", result=found.webhook)))
        if found.mail is not None:
            click.echo(plain(t("Test by mail: {result}", result=found.mail)))

    session.emit(answer, show)
    if any(said not in (None, "ok") for said in (found.webhook, found.mail)):
        raise Failure(t("a test did not arrive as it should"))


def _show(found: NotificationSettings | None, state: NotificationState) -> None:
    from .output import show_fields, show_heading, show_sentences

    if found is None:
        click.echo(t(_OFF))
        return
    repeat = t("never") if found.repeat_after_seconds is None else f"{found.repeat_after_seconds:g}"
    fields = [
        (t("Told after, seconds"), f"{found.missed_for_seconds:g}"),
        (t("Least importance"), found.importance),
        (t("Told again after, seconds"), repeat),
    ]  # fmt: skip
    if found.webhook is not None:
        url = found.webhook.url
        signed = t("{url} (signed)", url=url) if found.webhook.secret_set else t("{url} (not signed)", url=url)
        fields += [(t("Webhook"), signed), *_fared(t("Webhook"), state.webhook)]
    if found.mail is not None:
        fields += [*_mail_fields(found.mail), *_fared(t("Mail"), state.mail)]
    show_fields(fields)
    if state.missed:
        show_heading(t("Told, and not over:"))
        show_sentences(_sentence(one) for one in state.missed)


def _mail_fields(mail: MailSettings) -> list[tuple[str, str]]:
    told = [mail.server, t("port {number}", number=mail.port), t("security {word}", word=mail.security)]
    if mail.password_set:
        told.append(t("as {user}", user=mail.user) if mail.user else t("with a password"))
    fields = [(t("Mail server"), ", ".join(told))]
    if mail.sender is not None:    # else who asks is no administrator
        fields += [(t("Mail to"), ", ".join(mail.to)), (t("Mail from"), mail.sender)]
    return fields


def _fared(name: str, state: ChannelState | None) -> list[tuple[str, str]]:
    if state is None:
        return []
    fields = []
    if state.last_delivery is not None:
        fields.append((t("{name}, last delivery", name=name), words.local_time(state.last_delivery)))
    if state.last_error is not None:
        fields.append((t("{name}, last error", name=name), state.last_error))
    if state.waiting:
        number = str(state.waiting)
        fields.append((t("{name}, waiting", name=name), number if state.next_try is None else t(
            "{number}, until {time}", number=number, time=words.local_time(state.next_try),
        )))
    if state.given_up:
        fields.append((t("{name}, given up", name=name), str(state.given_up)))
    return fields


def _sentence(one: Notification) -> str:
    since = words.local_time(one.since)
    if one.service_class is None:
        return t("The hypervisor has not been reached since {time}: {reason}", time=since, reason=one.reason)
    return t(
        "{group}/{name} (importance {importance}) misses its goal since {time}: velocity {velocity}, goal {goal}",
        group=one.group_name, name=one.service_class, importance=one.importance, time=since,
        velocity=words.percent(one.velocity), goal=one.goal_velocity,
    )
