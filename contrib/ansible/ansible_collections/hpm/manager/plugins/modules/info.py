"""What hpm knows."""

from __future__ import annotations

DOCUMENTATION = r"""
module: info
short_description: Groups, servers and levels of hpm
description:
  - Reads what hpm knows. Changes nothing.
extends_documentation_fragment: [hpm.manager.connection]
"""

EXAMPLES = r"""
- name: Look
  hpm.manager.info:
  register: hpm

- name: No goal of high importance is missed
  ansible.builtin.assert:
    that: >-
      hpm.servers | selectattr('importance', 'in', ['highest', 'high']) | selectattr('goal-status', 'equalto', 'missed')
      | list | length == 0
"""

RETURN = r"""
version:
  description: Versions and abilities of hpm and of the host.
  returned: always
  type: dict
levels:
  description: The management levels.
  returned: always
  type: dict
groups:
  description: All groups, whole.
  returned: always
  type: list
servers:
  description: All virtual servers, with velocity, performance index and status of their goals.
  returned: always
  type: list
"""

from ansible_collections.hpm.manager.plugins.module_utils.hpm import Hpm, module  # noqa: E402


def main():
    """Run the module."""
    ansible = module()
    hpm = Hpm(ansible)
    ansible.exit_json(
        changed=False, version=hpm.get("/version"), levels=hpm.get("/mgmt-levels"), servers=hpm.servers(),
        groups=hpm.get("/workload-resource-groups/detail")["workload-resource-groups"],
    )


if __name__ == "__main__":
    main()
