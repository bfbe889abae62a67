"""One terminal's hardware: power, memory, clock, card reader, PIN pad, printer, display, its disk and its link."""

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
