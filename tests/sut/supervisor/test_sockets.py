"""What a program sees of TCP is what it sees of the kernel's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.network import Partition
from tests.sut.supervisor.network_rig import Native, Server, Supervised, built, run

__all__ = ["built"]
SCENES = (
    "connecting", "refused", "unconnected", "names", "data", "endings", "pipes", "shut_read", "edges", "sharing", "interrupted",
)  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="module")
def native(built: Callable[..., Path], server: Server) -> dict[str, Native]:
    return {scene: Native(built("sockets"), "127.0.0.1", str(server.port), scene) for scene in SCENES}


@pytest.mark.parametrize("scene", SCENES)
def test_as_on_loopback(scene: str, built: Callable[..., Path], native: dict[str, Native]) -> None:
    supervised = run(built("sockets"), "192.0.2.10", "5500", scene)
    native[scene].agrees_with(supervised.text)
    assert supervised.ended == "the program ended with exit status 0"


def test_a_path_that_dies_makes_calls_wait_as_long_as_linux_does(built: Callable[..., Path]) -> None:
    """127 s for a connect (tcp(7)), the timeouts of socket(7), and the error that SO_SNDTIMEO gives a connect."""
    run_ = Supervised(str(built("blackhole")), ("192.0.2.10", "5500")).start()
    run_.env.timeout(5_000_000).callbacks.append(lambda _: run_.link.conditions.add(Partition()))
    connect = "connect(other, (struct sockaddr *)&host, sizeof host)"
    assert run_.finish().text.splitlines() == [
        'send(fd, "echo lost\\n", 10, 0) = 10  after 0.00 s',
        "recv(fd, room, 20, 0) = -1 EAGAIN after 3.00 s",
        'send(fd, "echo reset\\n", 11, 0) = 11  after 0.00 s',
        "recv(fd, room, 20, 0) = -1 EAGAIN after 3.00 s",
        f"{connect} = -1 ETIMEDOUT after 127.00 s",
        f"{connect} = -1 ETIMEDOUT after 127.00 s",
        f"{connect} = -1 EINPROGRESS after 3.00 s",
        f"{connect} = -1 EALREADY after 3.00 s",
        "poll(&one, 1, -1) = 1  after 121.00 s",
        "events 1c",
        f"{connect} = -1 ETIMEDOUT after 0.00 s",
    ]
