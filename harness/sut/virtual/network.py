"""``_socket`` as a module: names, addresses, constants and errors around ``Socket``."""

from __future__ import annotations

import _socket as real
from types import ModuleType
from typing import Any, NoReturn

from harness.sut import current
from harness.sut.virtual.addresses import resolve
from harness.sut.virtual.sockets import Socket, network_of


def _getaddrinfo(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> list[Any]:
    process = current.running()
    if isinstance(host, bytes):
        host = host.decode()
    if family not in (real.AF_UNSPEC, real.AF_INET):
        raise real.gaierror(real.EAI_FAMILY, "ai_family not supported")
    if isinstance(port, str | bytes):
        if not port.isdigit():
            raise real.gaierror(real.EAI_SERVICE, "Servname not supported for ai_socktype")
        port = int(port)
    ip = resolve(network_of(process), host or "127.0.0.1")
    kinds = [(real.SOCK_STREAM, real.IPPROTO_TCP), (real.SOCK_DGRAM, real.IPPROTO_UDP)]
    return [(real.AF_INET, kind, number, "", (ip, port or 0)) for kind, number in kinds if type in (0, kind)]


def _gethostbyname(host: str, /) -> str:
    return resolve(network_of(current.running()), host)


def _gethostname() -> str:
    return current.running().name.lower()


def _getnameinfo(address: Any, flags: int, /) -> tuple[str, str]:
    return str(address[0]), str(address[1])


def _setdefaulttimeout(value: float | None, /) -> None:
    if value is not None and value < 0:
        raise ValueError("Timeout value out of range")
    current.running().socket_timeout = None if value is None else float(value)


def _getdefaulttimeout() -> float | None:
    process = current.process
    return None if process is None else process.socket_timeout


def _nowhere(*_: object) -> NoReturn:
    raise real.herror(1, "Unknown host")


_COPIED_CALLS = ("htonl", "htons", "inet_aton", "inet_ntoa", "inet_ntop", "inet_pton", "ntohl", "ntohs")


def build() -> ModuleType:
    """``_socket``. It holds no state: one serves every device."""
    module = ModuleType("_socket")
    for name, value in vars(real).items():
        if name.isupper() or name in _COPIED_CALLS or name in ("error", "gaierror", "herror", "timeout"):
            setattr(module, name, value)
    members: dict[str, Any] = {
        "has_ipv6": False,
        "socket": Socket,
        "SocketType": Socket,
        "getaddrinfo": _getaddrinfo,
        "gethostbyname": _gethostbyname,
        "gethostbyname_ex": lambda host, /: (host, [], [_gethostbyname(host)]),
        "gethostbyaddr": _nowhere,
        "gethostname": _gethostname,
        "getnameinfo": _getnameinfo,
        "getdefaulttimeout": _getdefaulttimeout,
        "setdefaulttimeout": _setdefaulttimeout,
    }
    for name, value in members.items():
        setattr(module, name, value)
    for name in ("CAPI", "SO_INCOMING_CPU"):
        module.__dict__.pop(name, None)
    return module
