"""The stage of bench/goals.py: guests that come and go with the phases of a scenario, what else happens on the
host, and samplers of what intervals are too long to show."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from bench.goal_figures import FIRST_SECOND
from bench.goal_scenarios import ORIGINAL, Phase, Scenario, Spec
from hpm.client.rest import Client
from tests.lab import Guest, Lab
from tests.lab.errors import wait_until
from tests.running import ManagerProcess
from tests.system.goals import TICKS

#: A process that wants a part of a CPU, in slices of 10 ms.
_EATER = """
import sys, time
part = float(sys.argv[1])
while True:
    begin = time.thread_time()
    while time.thread_time() - begin < 0.01 * part:
        pass
    time.sleep(0.01 * (1.0 - part))
"""


class Stage:
    """The guests of a scenario in the lab, and hpm's settings for them."""

    def __init__(self, lab: Lab, scenario: Scenario, manager: ManagerProcess, client: Client) -> None:
        self.scenario = scenario
        self.client = client
        self.manager = manager
        self._lab = lab
        self._guests: dict[str, Guest] = {}
        self._eater: subprocess.Popen[bytes] | None = None
        self._policy: object = None

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._eat(0.0)

    @property
    def guests(self) -> list[Guest | None]:
        """In the order of the scenario; None: not there now."""
        return [self._guests.get(spec.name) for spec in self.scenario.guests]

    @property
    def original(self) -> list[int]:
        """The shares that the guests come with."""
        return list(ORIGINAL[: len(self.scenario.guests)])

    def set(self, phase: Phase) -> None:
        """Begin a phase: the policy, the host's other load, and guests that come and go."""
        self._wish(phase)
        self._eat(phase.host_load)
        for name in phase.absent & self._guests.keys():
            self._guests.pop(name).destroy()
        for number, spec in enumerate(self.scenario.guests):
            if spec.name not in phase.absent and spec.name not in self._guests:
                self._guests[spec.name] = self._start(spec, ORIGINAL[number])

    def shares(self) -> list[int]:
        """Weights in force, as the kernel has them (0 for a guest that is not there)."""
        return [0 if guest is None else guest.cpu_shares() for guest in self.guests]

    def write(self, shares: Sequence[int]) -> None:
        """Set weights behind everybody's back."""
        for guest, value in zip(self.guests, shares, strict=True):
            if guest is not None and guest.cpu_shares() != value:
                guest.set_cpu_shares_file(value)

    def cap(self, on: bool) -> None:
        """Set the caps of the scenario by hand, for sides that know none, or take them away."""
        for spec, guest in zip(self.scenario.guests, self.guests, strict=True):
            if spec.cap is not None and guest is not None:
                (guest.cgroup / "cpu.cfs_quota_us").write_text(str(round(spec.cap * 100000)) if on else "-1")

    def _start(self, spec: Spec, shares: int) -> Guest:
        if spec.load == "spin":
            guest = self._lab.tiny(spec.name, vcpus=spec.vcpus, load="spin", shares=shares)
        else:
            guest = self._lab.linux(spec.name, vcpus=spec.vcpus, load=spec.load, shares=shares)
        if spec.reserve is not None or spec.cap is not None:
            wait_until(lambda: guest.uuid in self._known(), 5, "it is seen")
            self.client.update_server(guest.uuid, {"cpu-reserve": spec.reserve, "cpu-cap": spec.cap})
        return guest

    def _known(self) -> set[str]:
        return {server.object_id for server in self.client.servers().value.virtual_servers}

    def _wish(self, phase: Phase) -> None:
        names = {spec.name: self._lab.prefix + spec.name for spec in self.scenario.guests}
        policy = self.scenario.policy(phase, names)
        if policy != self._policy:
            # In the group `default`, so that a guest that is started anew needs nobody to put it anywhere.
            self.client.update_group("default", {"perf-policies": [policy], "active-policy": "bench"})
            self._policy = policy

    def _eat(self, part: float) -> None:
        if self._eater is not None:
            self._eater.kill()
            self._eater.wait()
            self._eater = None
        if part > 0.0:
            self._eater = subprocess.Popen([sys.executable, "-c", _EATER, str(part)])


class Meter:
    """CPU seconds that the manager's process has used since."""

    def __init__(self, manager: ManagerProcess) -> None:
        assert manager.process is not None
        self._stat = Path(f"/proc/{manager.process.pid}/stat")
        self._before, self._began = self._ticks(), time.monotonic()

    def cpus(self) -> float:
        """CPUs on average."""
        return (self._ticks() - self._before) / TICKS / max(0.001, time.monotonic() - self._began)

    def _ticks(self) -> int:
        fields = self._stat.read_text().rpartition(") ")[2].split()
        return int(fields[11]) + int(fields[12])


class WakeSampler:
    """Reads one guest's counters every 100 ms, and tells its velocity in the first second after each wake-up from
    at least two seconds of sleep."""

    GRAIN, SLEPT = 0.1, 2.0

    def __init__(self, guest: Guest) -> None:
        self.velocities: list[float] = []
        self._tids = [Path(f"/proc/{guest.pid}/task/{tid}/schedstat") for tid in guest.vcpu_tids()]
        self._states = [path.with_name("stat") for path in self._tids]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> list[float]:
        """End; gives the velocities in percent."""
        self._ending.set()
        self._thread.join()
        return self.velocities

    def _run(self) -> None:
        samples: list[tuple[float, int, int, bool]] = []
        woken: int | None = None
        while not self._ending.wait(self.GRAIN):
            samples.append(self._sample())
            if woken is None:
                woken = self._woke(samples)
            elif samples[-1][0] - samples[woken][0] >= FIRST_SECOND:
                using, delay = samples[-1][1] - samples[woken][1], samples[-1][2] - samples[woken][2]
                if using + delay > 0.5e9 * FIRST_SECOND:    # and not a timer that went off in its sleep
                    self.velocities.append(100.0 * using / (using + delay))
                samples, woken = samples[-1:], None

    def _woke(self, samples: list[tuple[float, int, int, bool]]) -> int | None:
        """The sample before it woke, if it has just woken from a long sleep."""
        if samples[-1][0] - samples[0][0] < self.SLEPT:
            return None
        (_, *before, _), (_, *now, waits) = samples[-2:]
        earlier = next(s for s in samples if samples[-2][0] - s[0] <= self.SLEPT)
        quiet = sum(before) - earlier[1] - earlier[2] < 0.03e9 * self.SLEPT
        return len(samples) - 2 if quiet and (waits or sum(now) - sum(before) > 0.05e9 * self.GRAIN) else None

    def _sample(self) -> tuple[float, int, int, bool]:
        using = delay = 0
        for path in self._tids:
            fields = path.read_text().split()
            using, delay = using + int(fields[0]), delay + int(fields[1])
        waits = any(path.read_text().rpartition(") ")[2].startswith("R") for path in self._states)
        return time.monotonic(), using, delay, waits
