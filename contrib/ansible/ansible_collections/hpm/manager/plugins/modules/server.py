"""What is said of a virtual server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: server
short_description: What hpm is told of a virtual server
description:
  - Sees to it that a server is in a group, and has the reserve, cap and so on that is said. What is not said stays as
    it is.
extends_documentation_fragment: [hpm.manager.connection]
options:
  name:
    description: The server's name or UUID.
    type: str
    required: true
  group:
    description: The name of the group that it is to be in.
    type: str
  move:
    description: Whether it is also taken from another group than V(default).
    type: bool
    default: false
  excluded:
    description: Whether hpm leaves it alone.
    type: bool
  cpu_reserve:
    description: CPUs that it is entitled to whatever the goals say; 0 for none.
    type: float
  cpu_cap:
    description: CPUs that it never exceeds; 0 for none.
    type: float
  memory_minimum_mib:
    description: Memory that it keeps while memory is managed, in MiB; 0 for as its definition says.
    type: int
  attributes:
    description: All that is said of it for classification (C(hostname), C(os-type), C(os-name), C(os-level)).
    type: dict
  release:
    description: Manage it again if an administrator changed its shares.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: The month's end must not starve
  hpm.manager.server:
    name: ledger1
    group: Finance
    cpu_reserve: 1.5
    cpu_cap: 4
"""

RETURN = r"""
server:
  description: The server as it is now, as the API has it; of a check, as it was.
  returned: always
  type: dict
"""

from ansible_collections.hpm.manager.plugins.module_utils.hpm import (  # noqa: E402
    Hpm,
    differing,
    module,
    part,
    shown,
)

FIELDS = {
    "excluded": "excluded", "cpu_reserve": "cpu-reserve", "cpu_cap": "cpu-cap",
    "memory_minimum_mib": "memory-minimum-mib",
}


def main():
    """Run the module."""
    ansible = module(
        name={"type": "str", "required": True}, group={"type": "str"}, move={"type": "bool", "default": False},
        excluded={"type": "bool"}, cpu_reserve={"type": "float"}, cpu_cap={"type": "float"},
        memory_minimum_mib={"type": "int"}, attributes={"type": "dict"}, release={"type": "bool", "default": False},
    )
    params, hpm = ansible.params, Hpm(ansible)
    server = hpm.server(params["name"])
    path = f"/virtual-servers/{part(server['object-id'])}"
    wanted = {}
    for option, field in FIELDS.items():
        if params[option] is not None:
            none = option != "excluded" and not params[option]
            wanted[field] = None if none else params[option]
    changes = differing(wanted, server)
    if params["attributes"] is not None and hpm.said_attributes(server["object-id"]) != params["attributes"]:
        changes["attributes"] = params["attributes"]
    if params["release"] and server.get("management-reason") == "changed-by-administrator":
        changes["release"] = True
    if params["group"] is not None:
        group = hpm.group(params["group"])
        if group is None and not ansible.check_mode:
            ansible.fail_json(msg=f"there is no group {params['group']!r}")
        if group is None or server["workload-resource-group"] != group["object-uri"]:
            changes["workload-resource-group"] = params["group"] if group is None else group["object-id"]
            if params["move"]:
                changes["move"] = True
    diff = {"before": shown(sorted(changes), server), "after": shown(sorted(changes), changes)}
    if changes and not ansible.check_mode:
        server = hpm.post(path, changes)
    ansible.exit_json(changed=bool(changes), diff=diff, server=server)


if __name__ == "__main__":
    main()
