"""Which paths are the device's and which the machine's: where a program's files are looked for.

Models: a device whose volumes hold everything but the programs and libraries themselves, which come read-only from the machine
that the harness runs on. Names of hosts come from a file of the device's own.
Does not model: users and permissions; other files of /etc, /proc and /sys, which are read as they are.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from harness.sut.supervisor.names import SERVER_IP

SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/etc", "/proc", "/sys", "/dev", "/opt", "/nix")
"""What programs are made of and look up: read from the machine, never written."""

WRITABLE_DEVICES = frozenset({"/dev/null", "/dev/zero", "/dev/full"})
RANDOM_DEVICES = frozenset({"/dev/urandom", "/dev/random"})

HOSTS = "/etc/hosts"
AUTHORITY_FILE = "/etc/ssl/harness-ca.pem"
"""The certificate of the test authority that the acquirer's own is signed by."""
HOSTS_WITHOUT_NAMES = b"127.0.0.1 localhost\n"


@dataclass(frozen=True, slots=True)
class Fence:
    """``code``: directories of the program itself. ``texts``: files that are given another content, by path."""

    code: tuple[str, ...]
    texts: tuple[tuple[str, bytes], ...]

    def is_machine(self, path: str) -> bool:
        """Whether an absolute path, without ``..`` in it, is the machine's; all others are the device's."""
        return _is_machine(self.code, path)

    def text(self, path: str) -> bytes | None:
        """The content of a file that is not read as it is."""
        return next((content for name, content in self.texts if name == path), None)


def fence_for(code: Sequence[str], host_name: str, host_ip: str) -> Fence:
    """The fence of a program whose own files are below ``code``."""
    return Fence(
        tuple(each.rstrip("/") for each in code if each.rstrip("/")),
        (
            (HOSTS, HOSTS_WITHOUT_NAMES + f"{host_ip} {host_name}\n".encode()),
            (
                "/etc/nsswitch.conf",
                b"passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
            ),
            ("/etc/resolv.conf", f"nameserver {SERVER_IP}\noptions timeout:5 attempts:1\n".encode()),
            (AUTHORITY_FILE, _authority()),
            ("/etc/host.conf", b"multi on\n"),
            ("/etc/gai.conf", b""),
        ),
    )


@lru_cache(4096)
def _is_machine(code: tuple[str, ...], path: str) -> bool:
    if any(within(path, each) for each in (*SYSTEM, *code)):
        return True
    # The way there, which programs look at step by step.
    return path != "/" and any(each.startswith(path + "/") for each in code)


@cache
def _authority() -> bytes:
    return (Path(__file__).parent / "data" / "test_authority.pem").read_bytes()


def within(path: str, directory: str) -> bool:
    """Whether a path is a directory or below it."""
    return path == directory or path.startswith(directory + "/")


@lru_cache(4096)
def normal(base: str, path: str) -> str:
    """An absolute path without dots, by its text alone."""
    joined = os.path.normpath(os.path.join(base, path))
    return joined[1:] if joined.startswith("//") else joined
