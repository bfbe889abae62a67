"""SPEC: what names terminal software, and one clear message for everything that is wrong with it."""

from pathlib import Path

import pytest

from harness.core.errors import ExitCode, UsageError
from harness.sut import modules
from harness.sut.software import load

HEAD = "from harness.contract import Manifest, Terminal\n"
GOOD = HEAD + "class Shop(Terminal):\n    manifest = Manifest(name='shop', version='3')\n"


def write(tmp_path: Path, text: str, name: str = "shop.py") -> Path:
    modules.forget_code()
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_file_and_class(tmp_path: Path) -> None:
    found = load(f"{write(tmp_path, GOOD)}:Shop")
    assert (found.name, found.class_name, found.module_name, found.manifest.version) == ("shop", "Shop", "shop", "3")
    assert found.spec.endswith("shop.py:Shop") and found.file == str(tmp_path / "shop.py")


def test_the_only_terminal_of_a_file_need_not_be_named(tmp_path: Path) -> None:
    assert load(str(write(tmp_path, GOOD))).class_name == "Shop"


def test_a_relative_path_and_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, GOOD, "corner_shop.py")
    monkeypatch.chdir(tmp_path)
    assert load("corner_shop.py:Shop").class_name == "Shop"
    assert load("corner_shop:Shop").class_name == "Shop"


def test_a_shipped_name(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert load("mine", {"mine": f"{path}:Shop"}).spec == "mine"


BAD = {
    "no such file": (None, "nowhere.py:Shop", ["there is no file", "nowhere.py"]),
    "near file": (GOOD, "shap.py:Shop", ["there is no file", "did you mean 'shop.py'?"]),
    "missing class": (GOOD, "shop.py:Shup", ["shop.py has no class 'Shup'", "did you mean 'Shop'?"]),
    "no class at all": ("x = 1\n", "shop.py:Shop", ["has no class 'Shop'", "it defines no class"]),
    "no terminal in it": ("x = 1\n", "shop.py", ["no class in it is a terminal: it defines none", "shop.py:Class", "`run`"]),
    "no manifest in it": (
        "from harness.contract import *\nclass Shop(Terminal): pass\n", "shop.py", ["class Shop has no `manifest`", "py:Class"],
    ),
    "two terminals": (GOOD + GOOD.replace("Shop", "Other"), "shop.py", ["which of Shop, Other?"]),
    "not a class": ("Shop = 5\n", "shop.py:Shop", ["is no class but a int"]),
    "no run": ("class Shop:\n    def go(self): pass\n", "shop.py:Shop", ["shop.py:2", "has no method `run`", "subclassing"]),
    "no manifest": (HEAD + "class Shop(Terminal):\n    def sale(self, a): pass\n", "shop.py:Shop", ["shop.py:3", "no `mani"]),
    "garbage manifest": (HEAD + "class Shop(Terminal):\n    manifest = {'name': 'x'}\n", "shop.py:Shop", ["is a dict, not a"]),
    "garbage in the manifest": (
        HEAD + "class Shop(Terminal):\n    manifest = Manifest(name='x', capture='magic')\n",
        "shop.py:Shop", ["'magic'", "$.capture"]),
    "number as name": (HEAD + "class Shop(Terminal):\n    manifest = Manifest(name=5)\n", "shop.py:Shop", ["$.name"]),
    "empty name": (HEAD + "class Shop(Terminal):\n    manifest = Manifest(name=' ')\n", "shop.py:Shop", ["name is empty"]),
    "negative": (HEAD + "class Shop(Terminal):\n    manifest = Manifest(name='x', reply_timeout_s=0.0)\n", "shop.py:Shop",
                 ["reply_timeout_s is 0.0", "above 0"]),
    "constructor": (GOOD + "    def __init__(self): pass\n", "shop.py:Shop", ["Shop(device) cannot be called", "shop.py:4"]),
    "raises at import": ("import os\n\nraise ValueError('no licence')\n", "shop.py:Shop", ["shop.py:3", "Error: no licence"]),
    "exits at import": ("import sys\nsys.exit(2)\n", "shop.py:Shop", ["shop.py:2", "SystemExit"]),
    "syntax error": ("class Shop:\n    def run(self)\n        pass\n", "shop.py:Shop", ["shop.py:2", "SyntaxError"]),
    "missing import": ("import os\nimport no_such_library\n", "shop.py:Shop", ["shop.py:2", "no_such_library"]),
    "waits at import": ("import time\ntime.sleep(1e6)\n", "shop.py:Shop", ["still waiting"]),
    "opens a real file at import": ("open('/etc/passwd')\n", "shop.py:Shop", ["shop.py:1", "FileNotFoundError"]),
    "starts a process at import": ("import os\nos.system('true')\n", "shop.py:Shop", ["shop.py:2", "program of its own"]),
    "not Python": ("\x00\x01", "shop.py:Shop", ["null bytes"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_one_message_with_the_place(tmp_path: Path, case: str) -> None:
    text, spec, expected = BAD[case]
    if text is not None:
        write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load(f"{tmp_path}/{spec}")
    message = str(caught.value)
    assert [part for part in expected if part not in message] == [], message
    assert "\n" not in message and caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("refrence", "did you mean 'reference'?"),
        ("no_such_package.mod:Shop", "no module 'no_such_package'"),
        (":Shop", "names no module"),
        ("json.nothing:X", "no module 'json.nothing'"),
    ],
)
def test_names_that_lead_nowhere(spec: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(spec, {"reference": "harness.terminals.reference:ReferenceTerminal"})
    assert expected in str(caught.value)
