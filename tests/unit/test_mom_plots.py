"""Plot files as MOM writes them: what is in them, and that nobody has them written elsewhere."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from hpm.errors import StoreError
from hpm.manager.plots import Plots
from hpm.memory.mom.fields import GUEST_FIELDS
from hpm.store.plot_files import PlotFiles
from tests.lab.errors import wait_until
from tests.running import ManagerProcess

from .builders import House
from .memory_house import guest, house_of

LINE = {"a": 1, "b": "two\tthree\nfour", "c": None}


def local() -> datetime:
    return datetime(2030, 1, 1, tzinfo=timezone.utc)


def written(path: Path) -> bool:
    return path.exists() and path.read_text().count("\n") > 1


def test_each_run_has_a_directory_and_each_thing_a_file(tmp_path: Path) -> None:
    base = tmp_path / "plots"
    with ManagerProcess(tmp_path, "simulated:3", 1.0, ("--no-web", "--plot-dir", str(base))) as manager:
        host = base / "momplot-000/HostMonitor.dat"
        wait_until(lambda: host.exists() and host.read_text().count("\n") >= 4, 20, "three cycles are written")
        with manager.client() as client:
            names = {one.name for one in client.servers().value.virtual_servers if one.status == "running"}
        manager.stop()
        manager.start()
        wait_until(lambda: written(base / "momplot-001/HostMonitor.dat"), 20, "the second run writes")
    assert {file.stem for file in host.parent.iterdir()} == {"HostMonitor", *names}
    head, *lines = host.read_text().splitlines()
    assert head.startswith("# time\t ") and head.split("\t ")[1:] == sorted(head.split("\t ")[1:])
    column = head.split("\t ").index("mem_available")
    for line in lines:
        values = line.split("\t")
        assert len(values) == len(head.split("\t ")) and int(values[column]) > 0
    times = [float(line.split("\t")[0]) for line in lines]
    assert times == sorted(times) and times[-1] - times[0] > 0.9
    assert stat.S_IMODE(host.parent.stat().st_mode) == 0o750 and stat.S_IMODE(host.stat().st_mode) == 0o640
    assert f"plot files are in {base}/momplot-000" in manager.text()


def test_fields_are_sorted_and_what_is_not_known_is_none(tmp_path: Path) -> None:
    files = PlotFiles(tmp_path)
    for time in (1.5, 2.5):
        files.write("db1", time, ["a", "b", "c", "d"], LINE)
    files.close()
    text = (tmp_path / "momplot-000/db1.dat").read_text()
    line = "\t1\ttwo three four\tNone\tNone\n"
    assert text == f"# time\t a\t b\t c\t d\n1.5{line}2.5{line}"


@pytest.mark.parametrize(("name", "file"), [
    ("../../x", "_._.._x.dat"), (".hidden", "_hidden.dat"), ("a/b\nc", "a_b_c.dat"), ("ü b", "ü b.dat"),
    ("x" * 300, "x" * 200 + "-1b432d13.dat"),
])  # fmt: skip
def test_a_name_is_never_a_path(tmp_path: Path, name: str, file: str) -> None:
    files = PlotFiles(tmp_path)
    files.write(name, 1.0, ["a"], LINE)
    files.close()
    assert [one.name for one in files.path.iterdir()] == [file]


def test_links_are_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    base = tmp_path / "base"
    base.mkdir()
    (base / "momplot-000").symlink_to(tmp_path)
    files = PlotFiles(base)
    assert files.path.name == "momplot-001"
    (files.path / "db1.dat").symlink_to(victim)
    with pytest.raises(StoreError, match=r"db1\.dat cannot be written"):
        files.write("db1", 1.0, ["a"], LINE)
    os.mkfifo(files.path / "db2.dat")    # nobody reads it: opened to write, it would wait for ever
    with pytest.raises(StoreError, match=r"db2\.dat cannot be written"):
        files.write("db2", 1.0, ["a"], LINE)
    files.close()
    assert victim.read_text() == "mine"


def test_a_directory_that_is_renamed_is_written_on_and_not_what_takes_its_place(tmp_path: Path) -> None:
    files = PlotFiles(tmp_path)
    files.path.rename(tmp_path / "moved")
    files.path.mkdir()
    files.write("db1", 1.0, ["a"], LINE)
    files.close()
    assert not list(files.path.iterdir())
    assert [one.name for one in (tmp_path / "moved").iterdir()] == ["db1.dat"]


def test_a_directory_that_is_full_of_runs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "momplot-999").mkdir()
    with pytest.raises(StoreError, match="clear it"):
        PlotFiles(tmp_path)
    with pytest.raises(StoreError, match="no plot files can be written"):
        PlotFiles(Path("/proc/none"))


def plotted(tmp_path: Path, house: House, least_free: int = 0) -> Callable[[], str]:
    """Plots of two cycles; gives what is in the guest's file."""
    plots = Plots(tmp_path / "plots", local, least_free)
    plots.start()
    for _ in range(2):
        house.step()
        plots.take(house.manager.snapshot)
    plots.stop()
    return lambda: (tmp_path / "plots/momplot-000/gold.dat").read_text()


def test_a_guest_has_its_fields(tmp_path: Path) -> None:
    text = plotted(tmp_path, house_of(tmp_path, guest("gold", 1000), memory=64 * 1024))()
    head, *lines = text.splitlines()
    assert head == "# time\t " + "\t ".join(sorted(GUEST_FIELDS))
    column = head.split("\t ").index("balloon_cur")
    assert [int(line.split("\t")[column]) for line in lines] == [4096 * 1024] * 2


def test_a_disk_that_is_nearly_full_is_left_to_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    house = house_of(tmp_path, guest("gold", 1000), memory=64 * 1024)
    with caplog.at_level(logging.WARNING):
        plotted(tmp_path, house, 1 << 62)
    assert "no more plot files are written: less than" in caplog.text
    assert not list((tmp_path / "plots/momplot-000").iterdir())
    house.step()    # the host is managed all the same


def test_without_a_place_for_plots_the_host_is_managed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    plots = Plots(Path("/proc/none"), local)
    with caplog.at_level(logging.WARNING):
        plots.start()
        plots.stop()
    assert "no plot files can be written in /proc/none" in caplog.text
