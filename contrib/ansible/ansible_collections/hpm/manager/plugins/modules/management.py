"""What hpm may do."""

from __future__ import annotations

DOCUMENTATION = r"""
module: management
short_description: The management levels of hpm
description:
  - Sees to it that hpm observes, advises, or holds goals. V(off) puts back everything that hpm changed.
extends_documentation_fragment: [hpm.manager.connection]
options:
  cpu:
    description: What it may do with CPU. Quote the word in YAML, where on and off are booleans.
    choices: ["off", "advise", "on"]
    type: str
  memory:
    description: What it may do with memory.
    choices: ["off", "advise", "on"]
    type: str
"""

EXAMPLES = r"""
- name: Goals are held
  hpm.manager.management:
    cpu: "on"
    memory: advise
"""

RETURN = r"""
levels:
  description: The levels now, as the API has them; of a check, as they were.
  returned: always
  type: dict
"""

from ansible_collections.hpm.manager.plugins.module_utils.hpm import (  # noqa: E402
    Hpm,
    differing,
    module,
    shown,
)

LEVELS = ["off", "advise", "on"]


def main():
    """Run the module."""
    ansible = module(cpu={"type": "str", "choices": LEVELS}, memory={"type": "str", "choices": LEVELS})
    hpm = Hpm(ansible)
    wanted = {"cpu-mgmt": ansible.params["cpu"], "memory-mgmt": ansible.params["memory"]}
    wanted = {name: level for name, level in wanted.items() if level is not None}
    levels = hpm.get("/mgmt-levels")
    changes = differing(wanted, levels)
    diff = {"before": shown(sorted(wanted), levels), "after": shown(sorted(wanted), {**levels, **wanted})}
    if changes and not ansible.check_mode:
        levels = hpm.post("/mgmt-levels", changes)
    ansible.exit_json(changed=bool(changes), diff=diff, levels=levels)


if __name__ == "__main__":
    main()
