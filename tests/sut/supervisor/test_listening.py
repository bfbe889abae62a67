"""Programs that listen, and connections between the programs of one device."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.sut.supervisor.network_rig import Supervised, built, run

__all__ = ["built"]


def test_as_on_loopback(built: Callable[..., Path]) -> None:
    path = built("listening")
    native = subprocess.Popen([str(path)], stdout=subprocess.PIPE, text=True)
    supervised = run(path)
    truth, _ = native.communicate(timeout=30)
    assert supervised.text == truth
    assert supervised.refused == []


def test_nobody_connects_to_a_till_port_and_the_program_goes_on(built: Callable[..., Path]) -> None:
    waited = Supervised(str(built("forever")), ("8080",)).start().finish(60_000)
    assert (waited.text, waited.said, waited.refused) == ("nobody came\n", [], [])
