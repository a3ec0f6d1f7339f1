"""A workload resource group."""

from __future__ import annotations

DOCUMENTATION = r"""
module: group
short_description: A workload resource group of hpm
description:
  - Sees to it that a group is there as is said, or is not there. What is not said stays as it is.
extends_documentation_fragment: [hpm.manager.connection]
options:
  name:
    description: The group's name. V(default) always exists.
    type: str
    required: true
  state:
    description: Whether it is to be there. Servers of a group that is deleted go to V(default).
    choices: [present, absent]
    default: present
    type: str
  description:
    description: What it is for.
    type: str
  active_policy:
    description: The name of the policy to be active; an empty text for none.
    type: str
  schedule:
    description: Days and hours of its policies, as the API has them (C(policy), C(days), C(from), C(to)).
    type: list
    elements: dict
  otherwise:
    description: The policy where no entry of O(schedule) holds; an empty text for none.
    type: str
  virtual_servers:
    description: Names or UUIDs of servers that are to be in it.
    type: list
    elements: str
  exclusive:
    description: Whether servers that O(virtual_servers) does not name are put out of it.
    type: bool
    default: false
  move:
    description: Whether servers are also taken from other groups than V(default).
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: The orders' group
  hpm.manager.group:
    name: Orders
    description: Database and web shop
    virtual_servers: [db1, db2, web1]

- name: At night the batch runs
  hpm.manager.group:
    name: Batch
    schedule:
      - {policy: night, days: [mon, tue, wed, thu, fri], from: "22:00", to: "06:00"}
    otherwise: day
"""

RETURN = r"""
group:
  description: The group as it is now, as the API has it; of a check, as it was.
  returned: when it is there
  type: dict
"""

from ansible_collections.hpm.manager.plugins.module_utils.hpm import (  # noqa: E402
    Hpm,
    differing,
    module,
    part,
    shown,
)


def wishes(params):
    """What is said of the group itself, in the API's words."""
    said = {
        "description": params["description"], "schedule": params["schedule"],
        "active-policy": params["active_policy"], "otherwise": params["otherwise"],
    }
    said = {name: value for name, value in said.items() if value is not None}
    return {name: None if value == "" and name != "description" else value for name, value in said.items()}


def members(hpm, params, group):
    """UUIDs of servers to be added, and to be removed."""
    if params["virtual_servers"] is None:
        return [], []
    uri = None if group is None else group["object-uri"]
    servers = hpm.servers()
    wanted = {hpm.server(name)["object-id"] for name in params["virtual_servers"]}
    there = {one["object-id"] for one in servers if uri is not None and one["workload-resource-group"] == uri}
    return sorted(wanted - there), sorted(there - wanted) if params["exclusive"] else []


def main():
    """Run the module."""
    ansible = module(
        name={"type": "str", "required": True},
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
        description={"type": "str"}, active_policy={"type": "str"}, otherwise={"type": "str"},
        schedule={"type": "list", "elements": "dict"}, virtual_servers={"type": "list", "elements": "str"},
        exclusive={"type": "bool", "default": False}, move={"type": "bool", "default": False},
    )
    params, hpm = ansible.params, Hpm(ansible)
    group = hpm.group(params["name"])
    if params["state"] == "absent":
        if group is not None and not ansible.check_mode:
            hpm.delete(f"/workload-resource-groups/{part(group['object-id'])}")
        ansible.exit_json(changed=group is not None, diff={"before": shown(["name"], group), "after": ""})
    wanted = wishes(params)
    changes = wanted if group is None else differing(wanted, group)
    added, removed = members(hpm, params, group)
    names = sorted(wanted)
    diff = {
        "before": shown(["name", *names], group),
        "after": shown(["name", *names], {**(group or {}), "name": params["name"], **wanted}),
    }
    if added or removed:
        diff["after"] += f"added: {added}, removed: {removed}\n"
    changed = group is None or bool(changes or added or removed)
    if changed and not ansible.check_mode:
        group = _made(hpm, params, group, changes, added, removed)
    ansible.exit_json(changed=changed, diff=diff, group=group)


def _made(hpm, params, group, changes, added, removed):
    if group is None:
        # a policy that is to be active may come later, with the module for policies
        first = {name: value for name, value in changes.items() if name == "description"}
        group = hpm.post("/workload-resource-groups", {"name": params["name"], **first})
        changes = {name: value for name, value in changes.items() if name not in first}
    path = f"/workload-resource-groups/{part(group['object-id'])}"
    if changes:
        hpm.post(path, changes)
    for action, uuids in (("add-virtual-servers", added), ("remove-virtual-servers", removed)):
        if uuids:
            more = {"move": True} if params["move"] and action.startswith("add") else {}
            hpm.post(f"{path}/actions", {"action": action, "virtual-servers": uuids, **more})
    return hpm.get(path)


if __name__ == "__main__":
    main()
