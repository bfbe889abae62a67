"""Software that misbehaves ends in a finding or a clear error that names it, in bounded time; the harness goes on.

Runs go as `harness run` lets them go: in a child process with limits, made small here.
"""

from __future__ import annotations

import re
import textwrap
import time
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.engine.launch import launch
from harness.engine.request import RunRequest
from harness.engine.verdict import Verdict
from harness.reporters.console import render

SCENARIO = """
name: small
terminals: {terminals}
days: {{count: 1, open: "09:00", close: "10:00"}}
sales_per_day: 4
host: {{no_reply: 0%, decline: 0%}}
people: {{settles_on_time: 100%, settles_late: 0%, daily_reboot: false}}
"""

BOUND_S = 25.0


def judged(tmp_path: Path, source: str, terminals: int = 1) -> Verdict:
    """The verdict on class App of ``source``, with its artefacts in ``out``."""
    (tmp_path / "small.yaml").write_text(SCENARIO.format(terminals=terminals))
    (tmp_path / "app.py").write_text("from harness.contract import *\n" + textwrap.dedent(source))
    request = RunRequest(
        scenario=str(tmp_path / "small.yaml"),
        terminal=f"{tmp_path / 'app.py'}:App",
        out_dir=str(tmp_path / "out"),
        wall_limit_s=60.0,
        memory_limit_bytes=1 << 29,
        spin_s=3.0,
        spin_patience_s=1,
    )
    (tmp_path / "out").mkdir()
    started_s = time.monotonic()
    try:
        return launch(request)
    finally:
        assert time.monotonic() - started_s < BOUND_S


def app(body: str) -> str:
    """A class App with ``body``."""
    return 'class App(Terminal):\n    manifest = Manifest(name="app")\n' + textwrap.indent(
        textwrap.dedent(body), "    "
    )


def in_sale(body: str) -> str:
    """A class App whose sale does ``body``."""
    return app("def sale(self, request):\n" + textwrap.indent(textwrap.dedent(body), "    "))


def said(verdict: Verdict, device: str = "T01") -> str:
    """What a reader of the verdict sees about one terminal."""
    found = [each for each in verdict.findings if each.device == device]
    return "\n".join([*[each.summary for each in found], *[line for each in found for line in each.story]])


def history(tmp_path: Path) -> str:
    return (tmp_path / "out" / "history.jsonl").read_text("utf-8")


# One run, and each terminal misbehaves in its own way: what is done in a sale or at boot, and what the finding says.
MISDEEDS = {
    "raises at boot": ("boot", "raise OSError(5, 'broken')", "app.py:12 in boot_01: OSError: [Errno 5] broken)"),
    "returns garbage": ("sale", "return 'approved'", "'str' object has no attribute 'kind'"),
    "unknown outcome": ("sale", "return Outcome('splendid')", "splendid"),
    "numbers for texts": ("sale", "return Outcome('approved', stan=17)", "expected text, found int"),
    "garbage screen": ("sale", "self.device.display.show('approved')", "expected a Screen, found str"),
    "finishes twice": ("sale", "self.device.finish(request, Done()); return Done()", "support had to restart it"),
    "invents an action": (
        "boot",
        "self.device.finish(Action(999, 'sale'), Done())",
        "action 999 was never handed over",
    ),
    "sys.exit": ("sale", "import sys; sys.exit(0)", "SystemExit(0)"),
    "os._exit": ("sale", "import os; os._exit(7)", "SystemExit(7)"),
    "os.abort": ("sale", "import os; os.abort()", "os.abort is not available"),
    "kills itself": ("sale", "import os; os.kill(os.getpid(), 9)", "os.kill is not available"),
    "signal.alarm": ("sale", "import signal; signal.alarm(1)", "signal.alarm is not available"),
    "fork": ("sale", "import os; os.fork()", "os.fork is not available"),
    "exec": ("sale", "import os; os.execv('/bin/true', ['true'])", "os.execv is not available"),
    "ctypes": ("sale", "import ctypes; ctypes.string_at(0)", "ctypes.string_at is not available"),
    "recursion": ("sale", "return self.sale(request)", "RecursionError"),
    "impossible allocation": ("sale", "return [0] * 10 ** 12", "MemoryError"),
    "waits for ever in boot": ("boot", "import time; time.sleep(1e9)", "did not come back"),
}


def crowd() -> str:
    """A class App that misbehaves as its terminal's number says."""
    lines = [
        "def boot(self):",
        "    self.deed('boot', None)",
        "def sale(self, request):",
        "    return self.deed('sale', request)",
    ]
    lines += ["def deed(self, when, request):", "    do = getattr(self, f'{when}_{self.device.tid[-2:]}', None)"]
    lines += ["    return do(request) if do else Refused('nothing to do')"]
    for place, (when, code, _) in enumerate(MISDEEDS.values(), 1):
        lines += [f"def {when}_{place:02}(self, request):", f"    {code}"]
    return app("\n".join(lines))


@pytest.mark.slow
def test_each_misdeed_is_a_finding_that_names_its_terminal_and_the_others_go_on(tmp_path: Path) -> None:
    verdict = judged(tmp_path, crowd(), terminals=len(MISDEEDS))
    assert verdict.status == "fail"
    missing = {
        name: said(verdict, f"T{place:02}")[:300]
        for place, (name, (_, _, words)) in enumerate(MISDEEDS.items(), 1)
        if words not in said(verdict, f"T{place:02}")
    }
    assert missing == {}


HANGS = {
    "a loop": ("while True: pass", "hung 3 times"),
    "a loop that swallows everything": (
        "while True:\n    try:\n        while True: pass\n    except: pass",
        "hung 3 times",
    ),
    "a regular expression": ("import re; re.match('(a+)+$', 'a' * 64 + 'b')", "hung 3 times"),
    "C code that looks at no signal": (
        "import itertools; sum(itertools.repeat(1))",
        "without ever giving control back",
    ),
    "allocation without end": ("kept = []\nwhile True: kept.append(bytes(1 << 20))", ""),
}


_LATER = ("a loop that swallows everything", "a regular expression")
"""The same watchdog as for a loop: seconds of waiting that soak has."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", [pytest.param(each, marks=pytest.mark.soak if each in _LATER else ()) for each in HANGS]
)
def test_software_that_never_stops_is_stopped_and_named(tmp_path: Path, case: str) -> None:
    code, words = HANGS[case]
    verdict = judged(tmp_path, in_sale(code))
    assert verdict.status == "fail" and said(verdict)
    assert words in "".join(verdict.inconclusive_because)
    assert (tmp_path / "out" / "verdict.json").is_file()
    assert not (tmp_path / "out" / "decisions.tsv").exists()


IMPORTS = {
    "raises": ("raise ValueError('not today')", "app.py:2: ValueError: not today"),
    "leaves": ("import sys; sys.exit(0)", "SystemExit"),
    "loops": ("while True: pass", "Spinning"),
    "forks": ("import os; os.fork()", "os.fork"),
    "reads what is not its own": ("open('/etc/passwd').read()", "/etc/passwd"),
    "has no terminal": ("", "has no class 'App'"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", IMPORTS)
def test_software_that_cannot_be_imported_is_a_usage_error_with_its_place(tmp_path: Path, case: str) -> None:
    code, words = IMPORTS[case]
    with pytest.raises(UsageError, match=re.escape(words)):
        judged(tmp_path, code)


@pytest.mark.slow
def test_a_hang_in_c_code_at_import_is_stopped(tmp_path: Path) -> None:
    verdict = judged(tmp_path, "import itertools; sum(itertools.repeat(1))")
    assert verdict.status == "inconclusive"
    assert "without ever giving control back" in verdict.inconclusive_because[0]


LOUD = r"""
import os, sys
PAN = "6222021234567890128"
class App(Terminal):
    manifest = Manifest(name="app")
    def boot(self):
        for name in ("HOME", "SECRET", "PYTHONHASHSEED"):
            print(name, os.environ.get(name))
        for line in range(5_000):
            print("line", line)
    def sale(self, request):
        card = self.device.card.read(timeout_s=60)
        print("card", card.pan, card.track2, file=sys.stderr)
        text = "\x1b[2J\x1b[31m<script>alert(1)</script>\r\n> forged line\u202e " + card.pan + " " + "x" * 10_000_000
        self.device.display.show(Screen("text", text, request.amount_fen))
        self.device.printer.print(Receipt("sale", text))
        return Declined("\x1b[2J" + card.pan, text)
"""

_BIN_PAN = re.compile(r"(?<![0-9])[1-9][0-9]{15,18}(?![0-9])")


def luhn(digits: str) -> bool:
    doubled = [int(each) * (1 + place % 2) for place, each in enumerate(reversed(digits))]
    return sum(each - 9 * (each > 9) for each in doubled) % 10 == 0


def card_numbers(text: str) -> list[str]:
    """Everything in ``text`` that could be a card number."""
    return [found for found in _BIN_PAN.findall(text) if luhn(found)]


@pytest.mark.slow
def test_what_software_shows_and_prints_is_short_inert_and_without_card_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert card_numbers("6222021234567890128"[:19]) or card_numbers("4111111111111111")
    monkeypatch.setenv("SECRET", "hunter2")
    verdict = judged(tmp_path, LOUD)
    shown = render(verdict)
    assert "line 999" not in shown
    for path in sorted((tmp_path / "out").iterdir()):
        text = path.read_text("utf-8")
        assert card_numbers(text) == [], path.name
        assert "hunter2" not in text
        assert len(text) < 2_000_000, path.name
    assert "SECRET None" in history(tmp_path)
    for text in (shown, history(tmp_path)):
        assert [each for each in set(text) if not each.isprintable() and each != "\n"] == []
    assert "> forged line" not in [line.strip() for line in shown.splitlines()]


FORGERS = {
    "patches the recorder": "import harness.history.recorder as r; r.Recorder.emit = lambda *a: 0",
    "patches a checker": "import harness.invariants.judge as j; j.Judge.conclude = lambda *a: ()",
    "patches the verdict": "import harness.engine.judging as j; j.assemble = None",
    "silences the collector": "import gc; gc.disable(); gc.freeze()",
    "leaves a finaliser": (
        "import sys\nclass Late:\n    def __del__(self):\n        open('/data/late', 'w').write('x')\nsys.late = Late()"
    ),
    "registers an exit call": "import atexit; atexit.register(print, 'bye')",
    "prunes the module table": "import sys; sys.modules.clear()",
}


@pytest.mark.slow
@pytest.mark.parametrize("case", FORGERS)
def test_no_trick_turns_software_that_takes_no_sale_into_a_pass(tmp_path: Path, case: str) -> None:
    body = (
        "def boot(self):\n"
        + textwrap.indent(FORGERS[case], "    ")
        + "\ndef sale(self, request): return Refused('never')"
    )
    try:
        verdict = judged(tmp_path, app(body))
    except UsageError:
        return
    assert verdict.status == "fail"
    assert verdict.events > 20 and verdict.checked


def test_what_only_a_program_can_have_ends_the_run_and_is_no_finding(tmp_path: Path) -> None:
    """A customer was not charged for nothing because this device has no sqlite3."""
    body = app(
        """
        def sale(self, request):
            import sqlite3
            sqlite3.connect(self.device.volumes["data"] + "/sales.db")
        """
    )
    with pytest.raises(
        UsageError, match=r"app\.py:App: app\.py:\d+ in sale: sqlite3.*exec:python3 -m harness\.contract\.stdio SPEC"
    ):
        judged(tmp_path, body)


def test_the_same_after_trading(tmp_path: Path) -> None:
    body = app(
        """
        settled = 0
        def settle(self, request):
            self.settled += 1
            if self.settled > 1:
                import asyncio
                asyncio.run(None)
            return Done()
        """
    )
    with pytest.raises(UsageError, match=r"asyncio\.run is not available but to a program of its own"):
        judged(tmp_path, body)


def test_a_program_that_ends_is_told_with_what_it_said_last(tmp_path: Path) -> None:
    program = tmp_path / "till"
    program.write_text('#!/bin/sh\necho "card 6222021234567890128 is\tno card" >&2\nexit 3\n')
    program.chmod(0o755)
    (tmp_path / "till.manifest.yaml").write_text("name: till\n")
    (tmp_path / "small.yaml").write_text(SCENARIO.format(terminals=1))
    verdict = launch(RunRequest(scenario=str(tmp_path / "small.yaml"), terminal=f"exec:{program}"))
    text = said(verdict)
    # What it says may be another thing each time, and the finding is the same; who reads the story has it.
    assert "the program ended with exit status 3)." in text and "622202" not in text.partition("\n")[0], text
    assert re.search(r"dies: .*exit status 3; last on stderr: card 622202\*+0128 is.no card$", text, re.MULTILINE), text
