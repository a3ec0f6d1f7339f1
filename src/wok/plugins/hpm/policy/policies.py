"""Performance policies and their service classes."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ..errors import InvalidValue, NotUnique
from .classification import MAX_DEPTH, Facts, Rule, depth, matches
from .goals import Goal, Importance
from .guest_policies import NO_POLICY, GuestPolicy, check_guest_policy
from .names import Description, Name


class ServiceClass(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """Virtual servers with one goal.

    name: 1 to 64 characters, none of them a slash or a control character, no blanks at the ends; no other class of the
        policy has it.
    goal: What its servers shall have.
    classification: Which servers it takes; null: all that are left, for the last class only.
    importance: A business importance of its own; null: that of the policy.
    description: Up to 1024 characters, none of them a control character.
    guest-policy: How its servers are placed, weighed, limited and started, where nothing was said of themselves.
    """

    name: Name
    goal: Goal
    classification: Rule | None = None
    importance: Importance | None = None
    description: Description = ""
    guest_policy: GuestPolicy = NO_POLICY


class PerformancePolicy(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """A business importance and an ordered list of service classes.

    name: 1 to 64 characters, none of them a slash or a control character, no blanks at the ends; no other policy of the
        group has it.
    importance: The business importance: goals of a higher one are met first.
    service-classes: 1 to 64. The first class whose rule matches takes a server; the last one has no rule and takes all
        that are left.
    description: Up to 1024 characters, none of them a control character.
    """

    name: Name
    importance: Importance
    service_classes: Annotated[tuple[ServiceClass, ...], msgspec.Meta(min_length=1, max_length=64)]
    description: Description = ""

    def classify(self, facts: Facts) -> ServiceClass:
        """The first service class whose rule takes a server with these facts."""
        for service_class in self.service_classes[:-1]:
            if service_class.classification is not None and matches(service_class.classification, facts):
                return service_class
        return self.service_classes[-1]

    def importance_of(self, service_class: ServiceClass) -> Importance:
        """The class's own importance, or the policy's."""
        return service_class.importance or self.importance


def check_policy(policy: PerformancePolicy, path: str = "") -> None:
    """Check what the types alone cannot say.

    Raises `InvalidValue` or `NotUnique` with the path of the offending value, below `path`.
    """
    where = f"{path}." if path else ""
    seen: set[str] = set()
    last = len(policy.service_classes) - 1
    for index, service_class in enumerate(policy.service_classes):
        here = f"{where}service-classes[{index}]"
        if service_class.name in seen:
            raise NotUnique(
                f"the policy has two service classes named {service_class.name!r}; give each its own name",
                f"{here}.name",
            )
        seen.add(service_class.name)
        check_guest_policy(service_class.guest_policy, f"{here}.guest-policy")
        rule = service_class.classification
        if index < last and rule is None:
            raise InvalidValue(
                f"only the last service class may be without a rule; {service_class.name!r} would take every"
                " server and the classes after it none: give it a rule or move it to the end",
                f"{here}.classification",
            )
        if index == last and rule is not None:
            raise InvalidValue(
                "the last service class must take every server that is left: leave its classification out,"
                f" or add a class without one after {service_class.name!r}",
                f"{here}.classification",
            )
        if rule is not None and depth(rule) > MAX_DEPTH:
            raise InvalidValue(
                f"the rule is nested {depth(rule)} deep; at most {MAX_DEPTH} levels are allowed",
                f"{here}.classification",
            )
