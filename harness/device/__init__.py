"""One terminal's hardware: power, memory, clock, card reader, PIN pad, printer, display, its disk and its link."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.device.card_reader import CardReader, ReadFailures
    from harness.device.cards import Card, card_number
    from harness.device.condition import DeviceCondition
    from harness.device.cpu import Cpu
    from harness.device.facade import DeviceFacade, StationCallbacks
    from harness.device.hardware import Hardware, HardwareState, Surroundings
    from harness.device.memory import Leak
    from harness.device.rtc import ClockJump, DeadBattery
    from harness.device.session import ContractViolation, Session
    from harness.device.spec import DeviceSpec, VolumeSpec

__all__ = [
    "Card",
    "CardReader",
    "ClockJump",
    "ContractViolation",
    "Cpu",
    "DeadBattery",
    "DeviceCondition",
    "DeviceFacade",
    "DeviceSpec",
    "Hardware",
    "HardwareState",
    "Leak",
    "ReadFailures",
    "Session",
    "StationCallbacks",
    "Surroundings",
    "VolumeSpec",
    "card_number",
]

_HOMES = {
    "Card": "cards",
    "CardReader": "card_reader",
    "ClockJump": "rtc",
    "ContractViolation": "session",
    "Cpu": "cpu",
    "DeadBattery": "rtc",
    "DeviceCondition": "condition",
    "DeviceFacade": "facade",
    "DeviceSpec": "spec",
    "Hardware": "hardware",
    "HardwareState": "hardware",
    "Leak": "memory",
    "ReadFailures": "card_reader",
    "Session": "session",
    "StationCallbacks": "facade",
    "Surroundings": "hardware",
    "VolumeSpec": "spec",
    "card_number": "cards",
}


def __getattr__(name: str) -> Any:
    """Names are looked up where they live when they are asked for: a list of faults needs no link, disk or PIN pad."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
