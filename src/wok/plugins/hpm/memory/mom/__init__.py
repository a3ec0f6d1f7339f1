"""The policy language of oVirt MOM: hpm's own reader and evaluator, so that MOM's policies go on working.

`compile_policies` reads, `Program.evaluate` decides, `Program.explain` tells why. docs/mom-language.md is the language.

    text → reading.py (tokens, brackets) → compiler.py (closures) → program.py (cycles)
                                      calls.py, operators.py; machine.py, values.py, faults.py

Pure and bounded: a policy reaches nothing but the values that it is given, and cannot go on without end.
"""

from .faults import PolicyFault, PolicyTextError
from .program import UNNAMED, Debugged, Decision, Evaluation, Program, compile_policies
from .values import Device, Entity, Items, Record, Value

__all__ = [
    "UNNAMED", "Debugged", "Decision", "Device", "Entity", "Evaluation", "Items", "PolicyFault", "PolicyTextError",
    "Program", "Record", "Value", "compile_policies",
]  # fmt: skip
