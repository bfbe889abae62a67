"""One device's path to the acquirer: the medium's latency, loss and bandwidth, TCP connections, and what can happen to them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.network.conditions import (
        CableUnplugged,
        Condition,
        Congestion,
        HalfOpen,
        NameFailure,
        Partition,
        ResetMidMessage,
        UpLoss,
        WrongAddress,
    )
    from harness.network.connection import Connection
    from harness.network.kinds import LINK_KINDS, LinkKind
    from harness.network.link import Addresses, ConnectAttempt, Link
    from harness.network.ports import Describe, HostEndpoint, MessageHeader, Split

__all__ = [
    "LINK_KINDS",
    "Addresses",
    "CableUnplugged",
    "Condition",
    "Congestion",
    "ConnectAttempt",
    "Connection",
    "Describe",
    "HalfOpen",
    "HostEndpoint",
    "Link",
    "LinkKind",
    "MessageHeader",
    "NameFailure",
    "Partition",
    "ResetMidMessage",
    "Split",
    "UpLoss",
    "WrongAddress",
]

_HOMES = {
    "Addresses": "link",
    "CableUnplugged": "conditions",
    "Condition": "conditions",
    "Congestion": "conditions",
    "ConnectAttempt": "link",
    "Connection": "connection",
    "Describe": "ports",
    "HalfOpen": "conditions",
    "HostEndpoint": "ports",
    "LINK_KINDS": "kinds",
    "Link": "link",
    "LinkKind": "kinds",
    "MessageHeader": "ports",
    "NameFailure": "conditions",
    "Partition": "conditions",
    "ResetMidMessage": "conditions",
    "Split": "ports",
    "UpLoss": "conditions",
    "WrongAddress": "conditions",
}


def __getattr__(name: str) -> Any:
    """Names are looked up where they live when they are asked for: whoever needs a condition need not load the link."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
