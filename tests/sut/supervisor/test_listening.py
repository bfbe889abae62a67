"""Programs that listen, and connections between the programs of one device."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.sut.supervisor.network_rig import Native, Supervised, built, run

__all__ = ["built"]


def test_as_on_loopback(built: Callable[..., Path]) -> None:
    native = Native(built("listening"))
    supervised = run(built("listening"))
    native.agrees_with(supervised.text)
    assert supervised.refused == []


def test_nobody_connects_to_a_till_port_and_the_program_goes_on(built: Callable[..., Path]) -> None:
    waited = Supervised(str(built("forever")), ("8080",)).start().finish(60_000)
    assert (waited.text, waited.said, waited.refused) == ("nobody came\n", [], [])
