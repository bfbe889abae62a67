"""The table of ``harness host`` on a terminal: what is in it, that it fits, and that nobody's text is obeyed."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios

from rich.console import Console

from harness.history.events import FaultStruck, LedgerChanged, MessageSent
from harness.reporters.host import View
from tests.cli.test_watching import on_a_terminal, read_until
from tests.engine.live.callers import Client

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def test_what_terminals_say_is_shown_as_text_and_the_latest_are_shown() -> None:
    view = View()
    hostile = "[red]x[/]\x1b[2J\u202e 6222020000000000008"
    for number in range(1_000):
        view.saw(MessageSent(number, f"T{number:04d}", number, "up", mti="0200", stan="000001", error=hostile))
    view.saw(LedgerChanged(1, "T0999", 0, "sale", "APPROVED", "", "000001", "000001", 100, "t"))
    view.saw(FaultStruck(1, "host_silent", "host_silent", ("T0999",)))
    view.cut_off("127.0.0.1:1", hostile)
    file = io.StringIO()
    console = Console(file=file, width=1_000, force_terminal=True, color_system=None)
    console.print(view.table("head", {"calls": 1_000}, {f"{number:08d}": "127.0.0.1" for number in range(1_000)}))
    text = file.getvalue()
    assert "ledger: approved 1" in text and "wrong at present: host_silent" in text and "messages 1,000" in text
    assert "T0999" in text and "T0100" not in text and "00000999 from" in text and "00000100 from" not in text
    assert "[red]x" in text and "\x1b[2J" not in text and "\u202e" not in text and "6222020000000000008" not in text


def test_on_a_terminal_it_draws_and_leaves_the_last_state() -> None:
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 70, 0, 0))
    words = ["host", "tests/engine/live/quick.yaml", "--port", "0", "--dialect", "international"]
    with subprocess.Popen(
        [sys.executable, "-m", "harness.cli.main", *words], stdin=other, stdout=other, stderr=other,
        start_new_session=True, env=on_a_terminal(),
    ) as command:  # fmt: skip
        os.close(other)
        greeting = read_until(main, b"(a test key)", 30).decode()
        found = re.search(r"listens at 127\.0\.0\.1:(\d+)", greeting)
        key = re.search(r"master key (\w{32})", greeting)
        assert found is not None and key is not None
        client = Client(int(found[1]), bytes.fromhex(key[1]))
        client.log_on()
        assert client.sale(1250)["39"] == "00"
        drawn = read_until(main, b"approved 1", 30)
        command.terminate()
        drawn += read_until(main, b"\x00", 30)
        assert command.wait(10) == 0
    os.close(main)
    lines = [_CONTROL.sub("", line) for line in drawn.decode().replace("\r", "\n").split("\n")]
    assert [line for line in lines if len(line) > 70] == []
    last = drawn.decode().rpartition("international at")[2]
    assert "ledger: approved 1" in last and "sale 000002 is APPROVED" in last, "what stays is how it ended"
