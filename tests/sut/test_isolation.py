"""Every boot has modules of its own: nothing survives power loss in RAM, and no device sees another's."""

from pathlib import Path

import pytest

from harness.sut import interpreter
from harness.sut.software import globals_fingerprint
from tests.sut.rig import Rig

STATEFUL = """
    import functools, logging, os, random, tempfile, threading, queue, json, sys, builtins
    COUNTER = []
    @functools.lru_cache
    def cached(): return []
    class Cache: items = []
    class App(Terminal):
        manifest = Manifest(name="app")
        shared = []
        def boot(self):
            seen = [len(COUNTER), len(cached()), len(Cache.items), len(self.shared), len(logging.getLogger("a").handlers)]
            seen.append(int(hasattr(builtins, "left"))); seen.append(len([p for p in sys.path if p == "/left"]))
            seen.append(int(hasattr(json, "left"))); seen.append(int(hasattr(os, "left")))
            seen.append(int("left" in os.environ))
            COUNTER.append(1); cached().append(1); Cache.items.append(1); self.shared.append(1)
            logging.getLogger("a").addHandler(logging.NullHandler())
            builtins.left = 1; sys.path.append("/left"); json.left = os.left = 1; os.environ["left"] = "1"
            print("seen", sum(seen), seen)
    """


def test_no_ram_survives_power_loss(tmp_path: Path) -> None:
    rig = Rig(tmp_path, STATEFUL).start()
    for seed in range(3):
        rig.station.power_cut("test", seed)
        rig.station.power_on()
        rig.run(5)
    assert [line.split()[1] for line in rig.printed()] == ["0"] * 4


def test_no_ram_survives_a_restart_or_a_crash(tmp_path: Path) -> None:
    rig = Rig(tmp_path, STATEFUL).start()
    rig.station.restart("reboot")
    rig.run(5)
    rig.station.crash("exception", "test")
    rig.run(5)
    assert [line.split()[1] for line in rig.printed()] == ["0"] * 3


def test_devices_do_not_see_each_other(tmp_path: Path) -> None:
    rig = Rig(tmp_path, STATEFUL, terminals=3).start()
    assert [rig.printed(name)[0].split()[1] for name in ("T01", "T02", "T03")] == ["0"] * 3


def test_shared_modules_do_keep_state_and_the_fingerprint_shows_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, STATEFUL, share_modules=True)
    table = rig.software.shared_table
    assert table is not None
    with interpreter.installed():
        rig.software.start
    rig.start()
    before = globals_fingerprint(table, ("app",))
    rig.station.restart("test")
    rig.run(5)
    assert rig.printed()[1].split()[1] != "0"
    assert globals_fingerprint(table, ("app",)) != before


def test_fingerprint_of_clean_software_does_not_change(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        """
        LIMITS = {"a": [1, 2]}
        class App(Terminal):
            manifest = Manifest(name="app")
            def boot(self): self.state = dict(LIMITS)
        """,
        share_modules=True,
    ).start()
    table = rig.software.shared_table
    assert table is not None
    before = globals_fingerprint(table, ("app",))
    rig.station.power_cut("test", 1)
    rig.station.power_on()
    rig.run(5)
    assert globals_fingerprint(table, ("app",)) == before
    assert before["app.LIMITS"] == "{'a': [1, 2]}"


def test_imports_inside_functions_find_the_devices_own_copies(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("calls = []\n")
    rig = Rig(
        tmp_path,
        """
        class App(Terminal):
            manifest = Manifest(name="app")
            def sale(self, action):
                import helper, logging, sys, importlib
                helper.calls.append(1)
                assert sys.modules["helper"] is helper is importlib.import_module("helper")
                assert sys.modules[__name__].App is App
                print(len(helper.calls), len(logging.root.handlers))
                return Approved("000001")
        """,
        terminals=2,
    ).start()
    for station in (0, 1, 0, 1, 0):
        rig.act(station=rig.world.stations[station])
    assert rig.deaths() == rig.deaths("T02") == []
    assert rig.printed("T01") == ["1 0", "2 0", "3 0"]
    assert rig.printed("T02") == ["1 0", "2 0"]


def test_the_harness_keeps_its_own_modules(tmp_path: Path) -> None:
    import logging
    import sys
    import threading

    before = {name: sys.modules[name] for name in ("logging", "threading", "os", "io", "sys", "simpy")}
    Rig(tmp_path, STATEFUL, terminals=2).start()
    assert {name: sys.modules[name] for name in before} == before
    assert sys.modules["logging"] is logging and sys.modules["threading"] is threading
    assert logging.getLogger("a").handlers == []


def test_packages_with_relative_imports_are_found_from_a_file(tmp_path: Path) -> None:
    package = tmp_path / "shop" / "inner"
    package.mkdir(parents=True)
    (tmp_path / "shop" / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    (package / "journal.py").write_text("NAME = 'j'\n")
    (package / "till.py").write_text(
        "from harness.contract import Terminal, Manifest\nfrom . import journal\nfrom ..inner.journal import NAME\n"
        "class Till(Terminal):\n    manifest = Manifest(name=NAME)\n"
    )
    from harness.sut.software import load

    assert load(f"{package / 'till.py'}:Till").module_name == "shop.inner.till"


@pytest.mark.parametrize(
    "name", ["harness.sut.current", "harness.device.hardware", "harness.core.streams", "harness.host"]
)
def test_the_inside_of_the_harness_cannot_be_imported(tmp_path: Path, name: str) -> None:
    rig = Rig(
        tmp_path,
        f"""
        class App(Terminal):
            manifest = Manifest(name="app")
            def boot(self):
                try:
                    import {name}
                except ImportError as error:
                    print(error)
        """,
    ).start()
    assert rig.printed() == [
        f"terminal software may import harness.contract and harness.iso8583, not {name.rpartition('.')[0]}"
    ] or (
        rig.printed()[0].startswith("terminal software may import harness.contract and harness.iso8583, not harness.")
    )
