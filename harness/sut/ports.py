"""What this room needs of a device, as small protocols: the hardware below satisfies them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import simpy

WallClock: TypeAlias = Callable[[int], int]
"""Virtual microseconds to microseconds since 1970, as the device's battery clock tells them."""


class ConnectionPort(Protocol):
    """The device's end of one connection (``network.Connection``)."""

    eof: bool
    overhead_bytes: int
    """What every message is larger on the line than it is."""

    def send(self, data: bytes) -> int: ...
    def receive(self, size: int) -> bytes | None: ...
    @property
    def readable(self) -> simpy.Event: ...
    @property
    def state(self) -> str: ...
    @property
    def inbox(self) -> bytearray: ...
    def close(self) -> None: ...
    def reset(self) -> None: ...


class NetworkPort(Protocol):
    """The way out of the device: one host is reachable, under a name and an address."""

    host_name: str
    host_ip: str
    host_port: int
    own_ip: str

    @property
    def names_fail(self) -> bool: ...
    def connect(self, port: int = ..., *, by_name: bool = ...) -> simpy.Event: ...
    def round_trip_us(self) -> int | None: ...
    def lookup_us(self) -> int | None: ...
