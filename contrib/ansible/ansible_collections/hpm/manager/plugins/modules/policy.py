"""A performance policy of a group."""

from __future__ import annotations

DOCUMENTATION = r"""
module: policy
short_description: A performance policy of hpm
description:
  - Sees to it that a policy of a group is there as is said, or is not there. A group that is not there is made.
extends_documentation_fragment: [hpm.manager.connection]
options:
  group:
    description: The group's name; V(default) for servers that were put nowhere.
    type: str
    required: true
  name:
    description: The policy's name.
    type: str
    required: true
  state:
    description: Whether it is to be there. One that is active is made inactive before it is deleted.
    choices: [present, absent]
    default: present
    type: str
  description:
    description: What it is for.
    type: str
  importance:
    description: Its business importance. A new policy needs it.
    choices: [highest, high, medium, low, lowest]
    type: str
  service_classes:
    description:
      - Its service classes, in order, as the API has them (C(name), C(goal), C(classification), C(importance)). A new
        policy needs them; the last one has no C(classification) and takes all that are left.
    type: list
    elements: dict
  active:
    description: Whether it is to be the group's active one. Left out, the first policy of a group becomes it.
    type: bool
"""

EXAMPLES = r"""
- name: Databases first
  hpm.manager.policy:
    group: Orders
    name: weekday
    importance: high
    service_classes:
      - name: db
        goal: {type: velocity, velocity: fast}
        classification: {type: filter, filter-type: virtual-server-name, operation: string-match, value: "db*"}
      - name: rest
        goal: {type: velocity, velocity: 50}
    active: true
"""

RETURN = r"""
policy:
  description: The policy as it is now, as the API has it; of a check, as it was.
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


def main():
    """Run the module."""
    ansible = module(
        group={"type": "str", "required": True}, name={"type": "str", "required": True},
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
        description={"type": "str"},
        importance={"type": "str", "choices": ["highest", "high", "medium", "low", "lowest"]},
        service_classes={"type": "list", "elements": "dict"}, active={"type": "bool"},
    )
    params, hpm, name = ansible.params, Hpm(ansible), ansible.params["name"]
    group = hpm.group(params["group"])
    policy = next((one for one in group["perf-policies"] if one["name"] == name), None) if group else None
    active = group is not None and group["active-policy"] == name
    if params["state"] == "absent":
        if policy is not None and not ansible.check_mode:
            _delete(hpm, group, name, active)
        ansible.exit_json(changed=policy is not None, diff={"before": shown(sorted(policy or {}), policy), "after": ""})
    wanted = {
        "description": params["description"], "importance": params["importance"],
        "service-classes": params["service_classes"],
    }
    wanted = {field: value for field, value in wanted.items() if value is not None}
    if policy is None and not {"importance", "service-classes"} <= wanted.keys():
        ansible.fail_json(msg=f"there is no policy {name!r} yet: say its importance and service_classes")
    changes = wanted if policy is None else differing(wanted, policy)
    switched = params["active"] is not None and params["active"] != active
    diff = {
        "before": shown(["name", *sorted(wanted)], policy) + (f"active: {active}\n" if switched else ""),
        "after": shown(["name", *sorted(wanted)], {**(policy or {}), "name": name, **wanted})
        + (f"active: {params['active']}\n" if switched else ""),
    }
    changed = policy is None or bool(changes) or switched
    if changed and not ansible.check_mode:
        group = group or hpm.post("/workload-resource-groups", {"name": params["group"]})
        policy = _made(hpm, group, name, policy, changes, params["active"])
    ansible.exit_json(changed=changed, diff=diff, policy=policy)


def _made(hpm, group, name, policy, changes, active):
    path = f"/workload-resource-groups/{part(group['object-id'])}"
    if policy is None:
        hpm.post(f"{path}/policies", {"name": name, **changes})
    elif changes:
        hpm.post(f"{path}/policies/{part(name)}", changes)
    now = hpm.get(path)["active-policy"] == name
    if active is not None and active != now:
        if active:
            hpm.post(f"{path}/actions", {"action": "activate-policy", "policy": name})
        else:
            hpm.post(path, {"active-policy": None})
    return hpm.get(f"{path}/policies/{part(name)}")


def _delete(hpm, group, name, active):
    path = f"/workload-resource-groups/{part(group['object-id'])}"
    if active:
        hpm.post(path, {"active-policy": None})
    hpm.delete(f"{path}/policies/{part(name)}")


if __name__ == "__main__":
    main()
