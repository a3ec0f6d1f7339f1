"""What becomes of MOM's settings in hpm: taken over, the same here already, for somebody to do, or left, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from ...errors import InvalidValue
from .config import MomConfig, MomSetting, whole_number

#: `taken`: hpm is set so. `same`: hpm does so anyway. `to-do`: an option that hpm must be started with. `left`: hpm has
#: no such thing, or does otherwise. `unknown`: MOM does not know it either.
Verdict: TypeAlias = Literal["taken", "same", "to-do", "left", "unknown"]

#: Seconds between two decisions that hpm can be set to.
INTERVALS: Final = (1, 3600)
#: Samples that hpm keeps for `StatAvg`.
HISTORY: Final = 10
#: Where MOM's RPC could be offered where MOM had a port.
RPC_SOCKET: Final = "/run/hpm/mom.sock"

#: MOM's controllers, and the controls (as policies name them) that have an effect through them.
CONTROLLERS: Final[Mapping[str, tuple[str, ...]]] = {
    "Balloon": ("balloon_target",),
    "KSM": ("ksm_run", "ksm_pages_to_scan", "ksm_sleep_millisecs", "ksm_merge_across_nodes"),
    "CpuTune": ("vcpu_quota", "vcpu_period"),
    "IoTune": (
        "setTotalBytesSec", "setReadBytesSec", "setWriteBytesSec", "setTotalIopsSec", "setReadIopsSec",
        "setWriteIopsSec",
    ),
}  # fmt: skip
_HOST_COLLECTORS = ("HostMemory", "HostKSM", "HostCpu", "HostTime")
_GUEST_COLLECTORS = (
    "GuestQemuProc", "GuestLibvirt", "GuestMemory", "GuestMemoryOptional", "GuestBalloon", "GuestBalloonOptional",
    "GuestCpuTune", "GuestIoTune", "GuestIoTuneOptional",
)  # fmt: skip
#: Collectors that ask within the guest. hpm has their figures, from the balloon's driver.
_WITHIN_GUESTS = ("GuestQemuAgent", "GuestNetworkDaemon")

_COMMENT = re.compile(r"""#.*|("[^"\n]*"|'[^'\n]*')""")

#: Settings of which nothing is taken, and why.
_LEFT: Final[Mapping[tuple[str, str], str]] = {
    ("main", "main-loop-interval"): "hpm has no such loop",
    ("main", "host-monitor-interval"): "hpm samples the host when it decides, once an interval",
    ("main", "guest-monitor-interval"): "hpm samples guests when it decides, so StatAvg is over 10 decisions",
    ("main", "guest-manager-interval"): "libvirt tells hpm of guests that come and go at once",
    ("logging", "log"): "hpm logs to standard error, which is the journal under systemd",
    ("logging", "verbosity"): "'hpm serve --verbose' says more; there are no more degrees",
    ("logging", "max-bytes"): "the journal bounds itself",
    ("logging", "backup-count"): "the journal bounds itself",
}  # fmt: skip


class Here(msgspec.Struct, frozen=True):
    """What hpm is set to: the hypervisor's URI, and the seconds between two decisions."""

    uri: str
    interval: float


class Became(msgspec.Struct, frozen=True):
    """What became of a setting, and a sentence about it."""

    setting: MomSetting
    verdict: Verdict
    said: str


def interval_of(config: MomConfig) -> float | None:
    """Seconds between two decisions, if hpm can be set to that. Raises `InvalidValue` with the line."""
    seconds = whole_number(config.get("main", "policy-engine-interval"))
    return float(seconds) if INTERVALS[0] <= seconds <= INTERVALS[1] else None


def became(config: MomConfig, uri: str, interval: float) -> tuple[Became, ...]:
    """What becomes of each setting that the file has, and of defaults that matter; `uri` is the hypervisor that hpm
    manages, `interval` the seconds between two of its decisions. Raises `InvalidValue` with the line of a value that
    MOM would not take either."""
    return tuple(
        one for setting in config.settings for one in [_became(setting, config, Here(uri, interval))]
        if setting.line is not None or one.verdict == "taken"
    )  # fmt: skip


def without_effect(config: MomConfig, policies: Mapping[str, str]) -> Iterator[str]:
    """Controls that policies set, and MOM did not apply for want of their controller: hpm would. One sentence each."""
    enabled = config.names("main", "controllers")
    bare = "\n".join(_COMMENT.sub(lambda found: found[1] or "", text) for text in policies.values())
    for controller, controls in CONTROLLERS.items():
        if controller in enabled:
            continue
        quoted = controller != "IoTune"
        named = [one for one in controls if re.search(rf"""["']{one}["']""" if quoted else rf"\.{one}\b", bare)]
        if named:
            yield (
                f"the policies set {', '.join(named)}, to no effect in MOM, which ran without its controller"
                f" {controller}. hpm applies it: take it out of the policies if you do not want that"
            )


def _became(setting: MomSetting, config: MomConfig, here: Here) -> Became:
    place = setting.section, setting.name
    if not setting.known:
        return Became(setting, "unknown", "MOM has no such setting, and did not heed it")
    if place in _LEFT:
        return Became(setting, "left", _LEFT[place])
    if setting.section.startswith("Collector:"):
        return Became(setting, "left", "hpm asks no daemon within guests: the balloon's driver tells the same")
    verdict, said = _SPECIAL[place](setting, config, here)
    return Became(setting, verdict, said)


def _interval(_setting: MomSetting, config: MomConfig, here: Here) -> tuple[Verdict, str]:
    seconds = interval_of(config)
    if seconds is None:
        return "left", f"hpm decides every {INTERVALS[0]} to {INTERVALS[1]} seconds; its interval stays"
    if seconds == here.interval:
        return "same", f"hpm decides every {seconds:g} seconds"
    return "taken", f"interval-seconds {seconds:g} ('hpm settings --interval'); it holds for CPU, too"


def _controllers(_setting: MomSetting, config: MomConfig, _here: Here) -> tuple[Verdict, str]:
    unknown = [one for one in config.names("main", "controllers") if one not in CONTROLLERS]
    if unknown:
        return "left", f"hpm knows no controller {', '.join(unknown)}; of the others it applies what policies set"
    return "same", "hpm applies all that policies set"


def _collectors(setting: MomSetting, config: MomConfig, _here: Here) -> tuple[Verdict, str]:
    names = config.names(setting.section, "collectors")
    known = _HOST_COLLECTORS if setting.section == "host" else _GUEST_COLLECTORS + _WITHIN_GUESTS
    unknown = [one for one in names if one not in known]
    if unknown:
        return "left", f"hpm knows no collector {', '.join(unknown)}: policies that use its fields fail"
    within = [one for one in names if one in _WITHIN_GUESTS]
    if within:
        others = ", ".join(within)
        return "same", f"policies see the fields of all collectors; those of {others} from the balloon's driver"
    return "same", "policies see the fields of all collectors"


def _history(setting: MomSetting, _config: MomConfig, _here: Here) -> tuple[Verdict, str]:
    if whole_number(setting) == HISTORY:
        return "same", f"StatAvg is over {HISTORY} samples"
    return "left", f"StatAvg is over {HISTORY} samples here, always"


def _interface(setting: MomSetting, _config: MomConfig, _here: Here) -> tuple[Verdict, str]:
    if setting.value.lower() == "libvirt":
        return "same", "hpm asks libvirt"
    return "left", "hpm asks libvirt itself, and nothing of VDSM"


def _uri(setting: MomSetting, _config: MomConfig, here: Here) -> tuple[Verdict, str]:
    if setting.value in ("", here.uri):
        return "same", f"hpm manages {here.uri}"
    return "left", f"hpm manages {here.uri}; another one takes 'hpm serve --connect {setting.value}'"


def _plots(setting: MomSetting, _config: MomConfig, _here: Here) -> tuple[Verdict, str]:
    if not setting.value:
        return "same", "hpm writes no plot files unless told to; it has a history of its own"
    return "to-do", f"start hpm with --plot-dir {setting.value}"


def _rpc(setting: MomSetting, _config: MomConfig, _here: Here) -> tuple[Verdict, str]:
    if re.fullmatch(r"\s*[+-]?\d+\s*", setting.value):
        if int(setting.value) < 0:
            return "same", "off, as with hpm"
        return "to-do", f"hpm offers MOM's RPC at a unix socket only: start it with --mom-rpc {RPC_SOCKET}"
    return "to-do", f"start hpm with --mom-rpc {setting.value}"


def _policy(setting: MomSetting, config: MomConfig, _here: Here) -> tuple[Verdict, str]:
    both = config.get("main", "policy"), config.get("main", "policy-dir")
    if all(one.value for one in both):
        later = max(one.line or 1 for one in both)
        raise InvalidValue("there are both policy and policy-dir; MOM takes one of them", place=(later, 1))
    if not setting.value:
        return "same", "none"
    return "taken", "memory policies ('hpm mom-list')"


def _threads(_setting: MomSetting, _config: MomConfig, _here: Here) -> tuple[Verdict, str]:
    return "same", "a guest that does not answer holds up no other, and guests cost no threads"


_SPECIAL = {
    ("main", "policy-engine-interval"): _interval, ("main", "controllers"): _controllers,
    ("main", "sample-history-length"): _history, ("main", "hypervisor-interface"): _interface,
    ("main", "libvirt-hypervisor-uri"): _uri, ("main", "plot-dir"): _plots, ("main", "rpc-port"): _rpc,
    ("main", "policy"): _policy, ("main", "policy-dir"): _policy, ("main", "guest-manager-multi-thread"): _threads,
    ("host", "collectors"): _collectors, ("guest", "collectors"): _collectors,
}  # fmt: skip
