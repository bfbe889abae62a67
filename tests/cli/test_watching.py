"""What a sweep says while it runs: each kind of finding once, how far it is, and no more than its time allows."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from harness.cli.watching import PagesWatch, Watch
from harness.engine.report.finding import Turn
from harness.engine.report.model import FindingPage
from harness.reporters.watching import AtWork, SweepView
from harness.results.model import BiteRow, FindingRow, RunRow

FOUND = FindingRow("0badcafe", 1, "lost", "kind", 2, 100, "T01", 5, "T01 lost it", "power_loss", "a.py:1 f: write")
BIT, IDLE = BiteRow("cut", "power_loss", "power", 3, 2), BiteRow("full", "fill", "storage", 1, 0)
FAILED = RunRow(
    "s", 1, (), "fail", replay="harness run s --seed 1", findings=(FOUND, replace(FOUND, fault="crash")), bites=(BIT, IDLE)
)  # fmt: skip
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def test_each_kind_of_finding_is_told_once_with_the_line_that_replays_it(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch(4, None, live=False)
    for run in (FAILED, replace(FAILED, seed=2), RunRow("s", 3, (), "pass")):
        watch.told(run)
    watch.close()
    out, err = capsys.readouterr()
    # A log gets a line every half minute, and these at once.
    assert out == "" and err.splitlines() == [
        "new finding 0badcafe: invariant 1 lost after power_loss", "  harness run s --seed 1",
    ]  # fmt: skip


def test_its_time_is_no_longer_than_the_sweeps(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.cli.watching._EVERY_S", 0.0)
    watch = Watch(100_000_000, 90.0, live=False)
    watch.told(FAILED)
    watch.close()
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("1 of 100,000,000 runs  1 failed, 0 inconclusive, 1 kind of finding  ")
    assert last.endswith((" 1 min 29 s left", " 1 min 30 s left"))


def test_pages_without_time_are_counted_with_what_gives_more(capsys: pytest.CaptureFixture[str]) -> None:
    watch = PagesWatch("my out", live=False, after="sweep")
    page = FindingPage("0badcafe", 22, "reversal_drains", "")
    late = msgspec.structs.replace(page, why_empty="no_time")
    watch.told(Turn((1,), 3, (page,), over=False))
    watch.told(Turn((1,), 3, (page,), over=True))
    others = tuple(msgspec.structs.replace(page, invariant=number) for number in (1, 2, 2, 2, 3, 4, 5))
    for over in (False, True):
        watch.told(Turn((4, 5, 6, 8, 10, 11, 13), 20, others, over=over))
    watch.told(Turn((2, 3), 3, (late, late), over=True))  # it did not even begin
    watch.close()
    assert capsys.readouterr().err.splitlines() == [
        "telling 3 findings in full; runs that are done again take their time, beside the sweep's own (--no-report: none)",
        "page 1 of 3: 22 reversal_drains (0 s)",
        "pages 4-6, 8, 10-11, ... of 20: 1 reversal_drains, 2 reversal_drains, 3 reversal_drains and 2 more (0 s)",
        "no time for 2 of 3 pages; harness report 'my out' --max-time 5min gives more",
    ]


@pytest.mark.parametrize(
    ("software", "named"),
    [(("reference",), ""), (("a b.py:Till",), " --terminal 'a b.py:Till'"), (("a.py:A", "b.py:B"), " --trust")],
)
def test_the_line_that_gives_more_time_names_software_of_ones_own(
    software: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    watch = PagesWatch("out", live=False)
    for each in software:
        late = FindingPage("0badcafe", 22, "reversal_drains", "", why_empty="no_time", terminal=each)
        watch.told(Turn((1,), 2, (late,), over=True))
    watch.close()
    assert capsys.readouterr().err.endswith(f"; harness report out --max-time 5min{named} gives more\n")


@pytest.mark.parametrize(("width", "height"), [(20, 8), (40, 20), (100, 30), (200, 60)])
def test_the_table_fits_whatever_the_screen_and_the_names_are(width: int, height: int) -> None:
    view = SweepView()
    view.saw(FAILED)
    hostile = "[red]x[/] \x1b[2J\x1b]0;title\x07 \u202e 6222020000000000008 " + "long " * 100
    for number in range(30):
        found = replace(FOUND, signature=f"{number:08x}", name=hostile, fault=hostile)
        bites = (replace(BIT, fault=f"fault {number} {hostile}"), replace(IDLE, fault=f"idle {number}"))
        view.saw(RunRow("s", number + 2, (), "fail", findings=(found,), bites=bites))
    view.saw(RunRow("s", 99, (), "pass"))
    file = io.StringIO()
    console = Console(file=file, width=width, height=height, force_terminal=True, color_system=None)
    at_work = [AtWork(f"power/{hostile}", seed, 12.3) for seed in range(16)]
    console.print(view.table(f"32 of 40,000 runs  {hostile}", 0.1, at_work, height))
    lines = _CONTROL.sub("", file.getvalue()).splitlines()
    assert all(len(line) <= width for line in lines)
    assert len(lines) < height
    text = file.getvalue()
    assert "\x1b]" not in text and "\x1b[2J" not in text and "\u202e" not in text and "6222020000000000008" not in text
    if width >= 100:
        assert "32 of 40,000 runs  [red]x[/]" in lines[0]
        assert "pass 1  fail 31" in lines[2]
        shown = [line.split()[0] for line in lines if re.match("[0-9a-f]{8} ", line)]
        assert shown[:2] == ["0000001d", "0000001c"], "the newest first"
        assert any(line.startswith("bit: cut 2, fault ") or "bit: " in line for line in lines)
        assert any(line.startswith("not yet: full, idle 0") for line in lines)
        assert any(line.startswith("at work: power/") for line in lines)


def test_on_a_terminal_a_table_is_drawn_and_an_interrupt_leaves_the_summary(tmp_path: Path) -> None:
    words = [
        "sweep",
        "network/reply_lost",
        "--terminal",
        "silent_charge",
        "--runs",
        "500",
        "--jobs",
        "1",
        "--terminals",
        "1",
    ]
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-m", "harness.cli.main", *words, "--out", str(tmp_path / "sweep")],
        stdin=other, stdout=other, stderr=other, start_new_session=True,
        env=on_a_terminal(),
    ) as command:  # fmt: skip
        os.close(other)
        seen = read_until(main, b"at work: ", 60)
        seen += read_until(main, b"8b69adc5", 60) if b"8b69adc5" not in seen else b""
        os.killpg(command.pid, signal.SIGINT)  # as the terminal does for Ctrl-C
        seen += read_until(main, b"\x00", 60)
        assert command.wait(60) == 1
    os.close(main)
    drawn, summary = seen.decode().split("interrupted: telling what is finished", 1)
    assert "of 500 runs" in drawn and "1 at a time" in drawn and "bit: half_open" in drawn
    # The table is gone and the cursor there again before it is said; then the summary is whole.
    assert drawn.rpartition("at work")[2].count("\x1b[2K") >= 10 and "\x1b[?25h" in drawn
    ended = summary
    assert "at work" not in ended and "declared runs are not finished (--resume)" in " ".join(ended.split())
    assert "8b69adc5  invariant 5 reversal_removed" in ended
    frames = [_CONTROL.sub("", line) for line in drawn.replace("\r", "\n").split("\n")]
    assert all(len(line) <= 60 for line in frames)


def on_a_terminal() -> dict[str, str]:
    """The environment of a terminal; whoever runs tests may have said that theirs has another width."""
    return {**{name: each for name, each in os.environ.items() if name not in ("COLUMNS", "LINES")}, "TERM": "xterm"}


def read_until(main: int, until: bytes, wait_s: float) -> bytes:
    """What the terminal shows, up to ``until`` or its end."""
    seen, until_s = b"", time.monotonic() + wait_s
    while until not in seen and time.monotonic() < until_s:
        if not select.select([main], [], [], 0.5)[0]:
            continue
        try:
            part = os.read(main, 1 << 16)
        except OSError:
            break
        if not part:
            break
        seen += part
    return seen
