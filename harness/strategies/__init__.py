"""Hypothesis strategies for a user's own property tests: scenarios, fault plans, days, devices, merchants; and a machine.

Every draw is text as a scenario file has it: ``scenarios()`` a whole file, ``trading_days()`` lines of one, ``fault_plans()`` one
entry of its ``faults``, the others names. All are valid by construction, and shrink towards no fault, one terminal, one day,
early round times. ``TerminalMachine`` works terminal software step by step. Documentation: ``harness/docs/pytest.md``.
"""

from harness.strategies.faults import fault_plans
from harness.strategies.machine import TerminalMachine, terminal_machine
from harness.strategies.scenarios import ScenarioText, devices, merchants, profiles, scenarios, trading_days

__all__ = [
    "ScenarioText",
    "TerminalMachine",
    "devices",
    "fault_plans",
    "merchants",
    "profiles",
    "scenarios",
    "terminal_machine",
    "trading_days",
]
