"""Addresses and names as software gives them: one host is known by name, everything else by its number or not at all."""

from __future__ import annotations

import _socket as real
from typing import Any

from harness.sut.ports import NetworkPort

LOOPBACK = ("localhost", "127.0.0.1")


def checked_address(address: Any) -> tuple[str, int]:
    """Host and port of an AF_INET address, with the errors of the real call."""
    if not isinstance(address, tuple):
        raise TypeError(f"connect(): AF_INET address must be tuple, not {type(address).__name__}")
    if len(address) != 2:
        raise TypeError("AF_INET address must be a pair (host, port)")
    host, port = address
    if isinstance(host, bytes):
        host = host.decode()
    if not isinstance(host, str) or not isinstance(port, int):
        raise TypeError("AF_INET address must be (str, int)")
    if not 0 <= port <= 65535:
        raise OverflowError("connect(): port must be 0-65535.")
    return host, port


def _is_address(text: str) -> bool:
    try:
        real.inet_aton(text)
    except OSError:
        return False
    return text.count(".") == 3


def resolve(network: NetworkPort, host: str) -> str:
    """The number behind a name, as a hosts file with one line tells it."""
    if host == network.host_name or host == network.host_ip:
        return network.host_ip
    if host in LOOPBACK or not host:
        return "127.0.0.1"
    if _is_address(host):
        return host
    raise real.gaierror(real.EAI_NONAME, "Name or service not known")
