"""Signals to the harness itself, such as the watchdog's alarm, change nothing for a program under the supervisor."""

import signal

import pytest

from harness.sut.supervisor.alone import output_of
from harness.sut.supervisor.spawn import Command

OPENS = "i=0; while [ $i -lt 1500 ]; do echo $i > /x || exit 1; i=$((i+1)); done; read last < /x; echo $last"


@pytest.fixture
def alarms():
    """Thousands a second, where the watchdog's come once a second."""
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    signal.siginterrupt(signal.SIGALRM, False)
    signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
    yield rung
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_a_signal_while_a_descriptor_is_given_loses_nothing(alarms):
    shell = Command("/bin/sh", ("/bin/sh", "-c", OPENS), {}, (), file_bytes=1 << 20)
    assert output_of(shell, {}) == (b"1499\n", "", "")
    assert len(alarms) > 100
