"""The files that ``docs/pytest.md`` shows, run as they stand, with the command that it shows."""

import re
import shlex
from pathlib import Path

import pytest

import harness

pytest_plugins = ("pytester",)

PAGE = (Path(harness.__path__[0]) / "docs" / "pytest.md").read_text("utf-8")
FILE = re.compile(r"[Ss]ave\s+this\s+as\s+`([\w.]+)`:\n\n```(?:python|yaml)\n(.*?)```", re.DOTALL)
TERMINAL = (
    "from harness.terminals.reference import ReferenceTerminal\n\n\nclass ShopTerminal(ReferenceTerminal):\n    pass\n"
)


def test_the_page_runs_as_it_stands(pytester: pytest.Pytester) -> None:
    files = dict(FILE.findall(PAGE))
    assert set(files) == {"reply_lost.scenario.yaml", "test_shop.py", "test_properties.py", "test_machine.py"}
    assert len(files) == len(re.findall(r"```(?:python|yaml)\n", PAGE))
    for name, text in {**files, "shop_terminal.py": TERMINAL}.items():
        (pytester.path / name).write_text(text)
    (command,) = re.findall(r"```console\npytest (.*?)\n```", PAGE)
    ended = pytester.runpytest_subprocess(*shlex.split(command), "--strict-markers")
    # Three scenario tests, one test three times by --harness-seeds, two by its marker, ...
    assert ended.ret == 0, ended.stdout.str()
    ended.stdout.fnmatch_lines(["*passed*"])
    assert not re.search(r"failed|error|skipped|xfailed", ended.stdout.lines[-1])
    options = set(re.findall(r"--harness-[a-z-]+", PAGE))
    known = set(re.findall(r"--harness-[a-z-]+", pytester.runpytest_subprocess("--help").stdout.str()))
    assert options == known
