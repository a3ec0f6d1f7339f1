"""The Ansible collection, by the real Ansible before the real `hpm serve` of a simulated host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from hpm.client.connection import connect
from tests.running import ManagerProcess

ROOT = Path(__file__).parents[2]
PLAYBOOK = Path(__file__).with_name("playbook.yml")
FRAME: dict[str, Any] = yaml.safe_load(PLAYBOOK.read_text())[0]
TASKS: list[dict[str, Any]] = FRAME["tasks"]
PROGRAM = Path(sys.executable).with_name("ansible-playbook")
#: These undo what others do.
LATER = {
    "members, and no others", "server, moved and without a cap", "policy goes, though it is active", "group goes",
}  # fmt: skip

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not PROGRAM.exists(), reason="Ansible is not installed (pip install -e '.[ansible]')"),
]


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ManagerProcess]:
    with ManagerProcess(tmp_path, "simulated", 3.0) as running:
        yield running


def play(manager: ManagerProcess, tmp_path: Path, tasks: Sequence[dict[str, Any]], *words: str) -> dict[str, Any]:
    """What each of these tasks came to, by name; those after one that fails are tried all the same."""
    named = [{**task, "register": f"result_{number}", "ignore_errors": True} for number, task in enumerate(tasks)]
    results = "{{ [" + ", ".join(f"result_{number}" for number in range(len(tasks))) + "] | to_json }}"
    kept = {"name": "keep", "check_mode": False, "diff": False,
            "ansible.builtin.copy": {"content": results, "dest": str(tmp_path / "results.json")}}    # fmt: skip
    whole = [{**FRAME, "tasks": [*named, kept]}]
    (playbook := tmp_path / "play.yml").write_text(yaml.safe_dump(whole, sort_keys=False))
    done = subprocess.run(
        [str(PROGRAM), "-i", "localhost,", "-e", f"socket={manager.socket}",
         "-e", f"ansible_python_interpreter={sys.executable}", *words, str(playbook)],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=environment(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    return {task["name"]: result for task, result in zip(tasks, results, strict=True)}


def environment(home: Path) -> dict[str, str]:
    """That of Ansible's programs: the collection of this checkout, and nothing of the user's."""
    return {
        **os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "contrib/ansible"), "ANSIBLE_HOME": str(home / "ansible"),
        "ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8", "PAGER": "cat",
    }


def test_what_a_playbook_says_is_so_and_the_second_run_changes_nothing(manager: ManagerProcess, tmp_path: Path) -> None:
    first = [task for task in TASKS if task["name"] not in LATER]
    later = [task for task in TASKS if task["name"] in LATER]
    with connect(manager.socket) as client:
        before = client.text("/workload-resource-groups/export", {"format": "json"})
        checked = play(manager, tmp_path, TASKS[:2], "--check", "--diff")
        assert checked["group"]["changed"] and "Database" in checked["group"]["diff"]["after"]
        assert checked["policy"]["changed"] and checked["policy"]["diff"]["before"] == ""
        assert client.text("/workload-resource-groups/export", {"format": "json"}) == before    # nothing was done
        made = play(manager, tmp_path, first)
        assert [name for name, result in made.items() if not result["changed"]] == [], made
        for words in (("--diff",), ("--check",)):
            again = play(manager, tmp_path, first, *words)
            assert [name for name, result in again.items() if result["changed"] or result["failed"]] == [], again

        orders = next(g for g in client.groups_detail().value.workload_resource_groups if g.name == "Orders")
        assert [policy.name for policy in orders.perf_policies] == ["weekday", "night"]
        assert orders.otherwise == "weekday" and len(orders.schedule) == 1 and len(orders.virtual_servers) == 2
        assert client.management_levels().value.cpu_mgmt == "advise"
        servers = {one.name: one for one in client.servers_detail().value.virtual_servers}
        assert (servers["db1"].cpu_reserve, servers["db1"].cpu_cap, servers["db1"].memory_minimum_mib) == (0.5, 2, 512)
        assert servers["db1"].attributes["os-type"] == "linux"

        last = play(manager, tmp_path, later)
        assert [name for name, result in last.items() if not result["changed"]] == [], last
        assert "Batch" not in {g.name for g in client.groups().value.workload_resource_groups}
        servers = {one.name: one for one in client.servers_detail().value.virtual_servers}
        assert servers["db1"].cpu_cap is None and servers["db1"].cpu_reserve == 0.5


def test_what_hpm_refuses_fails_the_task_with_its_sentence(manager: ManagerProcess, tmp_path: Path) -> None:
    wrong = {"name": "wrong", "hpm.manager.policy": {
        "socket": "{{ socket }}", "group": "default", "name": "x", "importance": "high",
        "service_classes": [{"name": "rest", "goal": {"type": "velocity", "velocity": 120}}],
    }}  # fmt: skip
    told = play(manager, tmp_path, [wrong])["wrong"]
    assert told["failed"] and "service-classes[0].goal.velocity" in told["msg"]
    manager.stop()
    told = play(manager, tmp_path, [wrong])["wrong"]
    assert told["failed"] and "hpm cannot be reached" in told["msg"]


@pytest.mark.parametrize("name", ["group", "policy", "server", "management", "info"])
def test_each_module_has_a_page_in_ansibles_manual(tmp_path: Path, name: str) -> None:
    said = subprocess.run(
        [str(PROGRAM.with_name("ansible-doc")), f"hpm.manager.{name}"], capture_output=True, text=True, check=True,
        env=environment(tmp_path),
    ).stdout  # fmt: skip
    assert "ca_path" in said and "EXAMPLES" in said
