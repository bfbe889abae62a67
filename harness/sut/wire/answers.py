"""What goes to the program: its boot, events, answers. See ``harness.sut.wire`` for the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TypeAlias

import msgspec

from harness.contract import (
    Action,
    ActionRequested,
    CableChanged,
    CardData,
    CardGone,
    CardPresented,
    CardReadError,
    CardRemoved,
    CardTimeout,
    Cryptogram,
    Device,
    DeviceError,
    Event,
    KeyPressed,
    PaperChanged,
    PaperOut,
    PinPadError,
    Screen,
)

PROTOCOL = 1
Body: TypeAlias = "Mapping[str, str | int | bool | Body]"
NOTHING: Body = {}
TIMEOUT: Body = {"event": "timeout"}

_ERRORS: tuple[tuple[type[DeviceError], str], ...] = (
    (CardTimeout, "card_timeout"),
    (CardReadError, "card_unreadable"),
    (CardGone, "card_gone"),
    (PaperOut, "out_of_paper"),
    (PinPadError, "pin_pad"),
    (DeviceError, "device"),
)
_encode = msgspec.json.Encoder().encode


def boot_line(device: Device, more: Mapping[str, str]) -> bytes:
    """The first line of a boot; ``more`` are further words for the program, such as a file of certificates."""
    host, port = device.host_address
    return _line(
        {
            "boot": {
                "protocol": PROTOCOL,
                "tid": device.tid,
                "mid": device.mid,
                "host": host,
                "port": port,
                "volumes": dict(device.volumes),
                **more,
            }
        }
    )


def ok_line(number: int, body: Body) -> bytes:
    """A request was carried out."""
    return _line({"id": number, "ok": body})


def error_line(number: int, error: DeviceError) -> bytes:
    """A peripheral could not do what a request asked for."""
    kind = next(name for cls, name in _ERRORS if isinstance(error, cls))
    return _line({"id": number, "error": {"kind": kind, "text": str(error)}})


def event_body(event: Event | None) -> Body:
    """What the world did; None: nothing, in time."""
    match event:
        case None:
            return TIMEOUT
        case ActionRequested(action):
            return {"event": "action", "action": action_body(action)}
        case KeyPressed(key):
            return {"event": "key", "key": key}
        case CardPresented():
            return {"event": "card_presented"}
        case CardRemoved():
            return {"event": "card_removed"}
        case PaperChanged(loaded):
            return {"event": "paper", "loaded": loaded}
        case CableChanged(connected):
            return {"event": "cable", "connected": connected}


def action_body(action: Action) -> Body:
    """An action; what is empty or 0 is left out, but for the amount."""
    always = ("number", "kind", "amount_fen")
    values = ((each.name, getattr(action, each.name)) for each in fields(Action))
    return {name: value for name, value in values if value or name in always}


def card_body(card: CardData) -> Body:
    """What the reader got."""
    return {
        "pan": card.pan,
        "expiry": card.expiry,
        "track2": card.track2,
        "entry_mode": card.entry_mode,
        "sequence_number": card.sequence_number,
        "emv_data": card.emv_data.hex(),
        "code": card.code,
        "chip": card.chip,
    }


def screen_body(screen: Screen | None) -> Body:
    """What a screen was taken for."""
    return NOTHING if screen is None else {"screen": screen.kind}


def cryptogram_body(answer: Cryptogram) -> Body:
    """What the card's chip says."""
    return {"kind": answer.kind, "data": answer.data.hex()}


def data_body(data: bytes) -> Body:
    """Bytes."""
    return {"data": data.hex()}


def _line(value: Body) -> bytes:
    return _encode(value) + b"\n"
