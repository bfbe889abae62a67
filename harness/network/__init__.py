"""One device's path to the acquirer: the medium's latency, loss and bandwidth, TCP connections, and what can happen to them."""

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
