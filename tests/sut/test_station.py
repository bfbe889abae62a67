"""A station's life: boots, actions, deaths, restarts, giving up, and what the history says of it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.history.events import (
    ActionEnded,
    ActionStarted,
    Booted,
    Inspected,
    MemorySampled,
    PowerLost,
    SoftwareDied,
    SoftwareReady,
    StorageAfterPowerLoss,
)
from harness.sut import interpreter
from harness.sut.reports import death_detail, died_of, home_of
from harness.sut.station import InitPolicy
from tests.sut.rig import Rig

PLAIN = """
    class App(Terminal):
        manifest = Manifest(name="app")
        def sale(self, action): return Approved("000001", "000002")
    """


def kinds(rig: Rig, *wanted: type) -> list[str]:
    return [type(each).__name__ for each in rig.events if isinstance(each, wanted)]


def test_an_action_is_told_from_request_to_outcome(tmp_path: Path) -> None:
    rig = Rig(tmp_path, PLAIN).start()
    assert rig.station.ready and rig.station.powered and rig.station.name == "T01"
    pending = rig.station.request("sale", 1234, intent=7)
    assert not rig.station.ready
    rig.run(5)
    assert pending.done.value.kind == "approved" and pending.number == 1
    assert rig.of(ActionStarted) == [ActionStarted(1_000_000, "T01", 1, "sale", 1234, 7)]
    assert [(each.action, each.outcome) for each in rig.of(ActionEnded)] == [(1, "approved")]  # type: ignore[attr-defined]
    assert rig.station.ready


def test_an_unknown_action_is_unsupported(tmp_path: Path) -> None:
    rig = Rig(tmp_path, PLAIN).start()
    assert rig.act("refund").done.value.kind == "unsupported"


def test_a_request_without_power_has_no_effect(tmp_path: Path) -> None:
    rig = Rig(tmp_path, PLAIN)
    pending = rig.act()
    assert pending.done.value is None and rig.of(ActionStarted) == []


def test_ready_is_told_once_a_boot_and_numbers_count(tmp_path: Path) -> None:
    rig = Rig(tmp_path, PLAIN).start()
    rig.act(), rig.act()
    rig.station.power_cut("plug", 1)
    assert not rig.station.powered and not rig.station.ready
    rig.station.power_cut("plug", 1)
    rig.station.power_on()
    rig.run(5)
    assert [each.boot for each in rig.of(Booted)] == [1, 2]  # type: ignore[attr-defined]
    assert [each.boot for each in rig.of(SoftwareReady)] == [1, 2]  # type: ignore[attr-defined]
    assert len(rig.of(PowerLost)) == 1
    assert rig.act().number == 3


def test_power_on_then_off_at_once_boots_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path, PLAIN, init=InitPolicy(boot_delay_us=5_000_000)).start(1)
    rig.station.power_cut("plug", 1)
    rig.run(60)
    assert rig.of(Booted) == []
    rig.station.power_on()
    rig.run(4)
    rig.station.power_cut("plug", 1)
    rig.station.power_on()
    rig.run(60)
    assert [each.at_us for each in rig.of(Booted)] == [70_000_000], "a boot planned before the cut never happens"


UNSYNCED = """
    import os
    class App(Terminal):
        manifest = Manifest(name="app")
        def sale(self, action):
            with open("/data/journal", "ab") as file:
                file.write(b"r"); file.flush()
                if action.amount_fen == 1: os.fsync(file.fileno())
            if action.amount_fen == 1:
                fd = os.open("/data", os.O_RDONLY); os.fsync(fd); os.close(fd)
            return Approved("000001")
    """


@pytest.mark.parametrize("seed", range(6))
def test_what_was_synced_survives_a_cut_and_what_was_not_may_not(tmp_path: Path, seed: int) -> None:
    rig = Rig(tmp_path, UNSYNCED).start()
    rig.act(amount_fen=1), rig.act(amount_fen=2), rig.act(amount_fen=2)
    assert rig.files()["/data/journal"] == b"rrr"
    rig.station.power_cut("plug", seed)
    after = rig.files()["/data/journal"]
    assert after.startswith(b"r") and len(after) <= 3
    told = [each for each in rig.of(StorageAfterPowerLoss) if each.volume == "data"]  # type: ignore[attr-defined]
    assert len(told) == 1 and told[0].pending > 0  # type: ignore[attr-defined]
    assert (told[0].lost + told[0].torn > 0) == (after != b"rrr")  # type: ignore[attr-defined]


def test_a_software_death_spares_the_page_cache(tmp_path: Path) -> None:
    rig = Rig(tmp_path, UNSYNCED).start()
    rig.act(amount_fen=2)
    rig.station.crash("exception", "test")
    rig.run(5)
    assert rig.files()["/data/journal"] == b"r" and rig.station.ready


def test_a_clean_reboot_makes_everything_durable(tmp_path: Path) -> None:
    for seed in range(4):
        rig = Rig(tmp_path, UNSYNCED).start()
        rig.act(amount_fen=2)
        assert rig.act("reboot").done.value.kind == "done"
        assert [each.boot for each in rig.of(Booted)] == [1, 2]  # type: ignore[attr-defined]
        assert rig.deaths() == []
        rig.station.power_cut("plug", seed)
        assert rig.files()["/data/journal"] == b"r"


def test_logs_are_folded_and_nothing_is_lost_by_it(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        """
        import os
        class App(Terminal):
            manifest = Manifest(name="app")
            def sale(self, action):
                with open("/data/journal", "ab") as file:
                    for n in range(100):
                        file.write(b"r"); file.flush(); os.fsync(file.fileno())
                fd = os.open("/data", os.O_RDONLY); os.fsync(fd); os.close(fd)
                return Approved("000001")
        """,
    ).start()
    for _ in range(5):
        rig.act()
    assert all(len(volume.log) < 300 for volume in rig.station.hardware.disk.volumes)
    rig.station.power_cut("plug", 3)
    assert rig.files()["/data/journal"] == b"r" * 500


DEATHS = {
    "run returns": ("def run(self): return", "returned", "run() returned"),
    "run raises": ("def run(self): raise ValueError('bad length')", "exception", "app.py:6 in run: ValueError: bad length"),
    "SystemExit": ("def run(self): raise SystemExit(3)", "returned", "SystemExit(3)"),
    "KeyboardInterrupt": ("def run(self): raise KeyboardInterrupt", "exception", "KeyboardInterrupt"),
    "constructor raises": ("def __init__(self, device): raise OSError(28, 'No space left')", "exception", "No space left"),
    "deep recursion": ("def run(self): self.run()", "exception", "RecursionError"),
    "out of memory": ("def run(self): raise MemoryError", "out_of_memory", "MemoryError"),
    "no outcome": (
        "def sale(self, action): return 'approved'",
        "exception", "app.py:6: sale returned 'approved', expected an Outcome"),
    "garbage outcome": ("def sale(self, action): self.device.finish(action, 'approved')", "contract", "str"),
    "finished twice": (
        "def sale(self, action): self.device.finish(action, Done()); self.device.finish(action, Done())",
        "contract", "ended"),
    "finish of nothing": ("def boot(self): self.device.finish(Action(99, 'sale'), Done())", "contract", "99"),
    "garbage screen": ("def boot(self): self.device.display.show('hello')", "contract", "str"),
    "violation swallowed": (
        "def boot(self):\n        try: self.device.display.show('hello')\n        except Exception: pass\n"
        "        while True: self.device.next_event()",
        "contract", ""),
    "exception that cannot be printed": (
        "def run(self):\n        class E(Exception):\n            def __str__(self): raise ValueError\n        raise E",
        "exception", "E: (its text cannot be read)"),
    "an import that fails at boot": ("def run(self): import nonesuch", "exception", "No module named 'nonesuch'"),
}  # fmt: skip


@pytest.mark.parametrize("case", DEATHS)
def test_a_death_is_told_with_its_reason_and_place(tmp_path: Path, case: str) -> None:
    body, reason, detail = DEATHS[case]
    rig = Rig(tmp_path, f"class App(Terminal):\n    manifest = Manifest(name='app')\n    {body}\n").start()
    rig.act(seconds=1)
    death = rig.deaths()[0]
    assert death.reason == reason, death
    assert detail in death.detail and "\n" not in death.detail


def test_the_place_in_the_software_s_own_code_comes_first_and_what_is_long_is_cut() -> None:
    # Cut in the middle of the card number, half of it would be told.
    text = f"{'x' * 125} 6222021234567890123 and a long tail that nobody needs to read to the end of it"

    def raised(*files: str, home: str = "") -> str:
        """What is told of an error that came through code of these files, outermost first."""
        call: Callable[[], None] | None = None
        for file in reversed(files):
            names: dict[str, Any] = {"call": call, "text": text}
            body = "raise ValueError(text)" if call is None else "call()"
            exec(compile(f"def step():\n    {body}\n", file, "exec"), names)
            call = names["step"]
        assert call is not None
        with pytest.raises(ValueError, match=r"^xxx") as told:
            call()
        traceback = told.value.__traceback__
        return death_detail(told.value.with_traceback(traceback and traceback.tb_next), home)

    said = raised("/home/me/till/app.py")
    assert re.fullmatch(r"app\.py:2 in step: ValueError: x+ 622202\*+\.\.\.", said), said
    library, loop = "/venv/lib/python3.11/site-packages/queues/q.py", "/x/harness/contract/terminal.py"
    said = raised(loop, "/home/me/app.py", library, "<string>")
    assert said.startswith("app.py:2 in step: ValueError: xxx")
    assert said.endswith("... (q.py:2 in step < app.py:2 in step)")
    assert raised(loop, library).startswith("q.py:2 in step: ValueError: ")
    # Software that is installed itself is at home in its own package, and shipped software wherever the harness is.
    installed = "/venv/lib/python3.11/site-packages/till/pay/app.py"
    assert raised(installed, library).startswith("q.py:2 in step: ")
    assert raised(installed, library, home=home_of("till.pay.app", installed)).startswith("app.py:2 in step: ")
    assert home_of("till", "/x/till/__init__.py") == "/x/till/" and home_of("till", "/x/till.py") == "/x/till.py"
    for place in ("/checkout", "/venv/lib/python3.11/site-packages"):
        codec, shipped = f"{place}/harness/iso8583/codec.py", f"{place}/harness/terminals/filequeue.py"
        for below in (codec, library):
            assert raised(shipped, below).startswith("filequeue.py:2 in step: ")
    assert raised("main.py", "app.py", "log.py").endswith(" (from app.py:2 in step < main.py:2 in step)")
    deep = raised("a.py", "b.py", "c.py", "d.py", "e.py", "f.py")
    assert deep.endswith(" (from e.py:2 in step < d.py:2 in step < c.py:2 in step)"), (
        "the nearest, where there are many"
    )
    assert raised(loop).startswith("ValueError: ")
    assert died_of(said) == died_of("ValueError: app.py:1 in x: OSError: no") == "ValueError" and died_of("") == ""


def test_a_boot_loop_ends_in_giving_up(tmp_path: Path) -> None:
    source = (
        "class App(Terminal):\n    manifest = Manifest(name='app')\n    def run(self): raise ValueError('corrupt')\n"
    )
    rig = Rig(tmp_path, source, init=InitPolicy(boot_limit=3, restart_delay_us=1_000_000)).start(60)
    assert len(rig.deaths()) == 3 and rig.station.gave_up
    assert [each.at_us for each in rig.deaths()] == [0, 1_000_000, 2_000_000]
    rig.station.restart("support")
    rig.run(60)
    assert len(rig.deaths()) == 6
    rig.station.power_cut("plug", 1)
    rig.station.power_on()
    assert not rig.station.gave_up


def test_an_action_finished_resets_the_count_of_deaths(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        """
        class App(Terminal):
            manifest = Manifest(name="app")
            def sale(self, action): return Approved("000001")
            def settle(self, action): raise ValueError
        """,
        init=InitPolicy(boot_limit=2),
    ).start()
    for _ in range(4):
        rig.act("settle"), rig.act("sale")
    assert len(rig.deaths()) == 4 and not rig.station.gave_up


def test_a_crash_under_an_action_interrupts_it(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path, "class App(Terminal):\n    manifest = Manifest(name='app')\n    def sale(self, a): raise ValueError\n"
    ).start()
    pending = rig.act()
    assert pending.done.value is None
    assert kinds(rig, SoftwareDied, ActionEnded, Booted) == ["Booted", "SoftwareDied", "ActionEnded", "Booted"]


INSPECTING = """
    from harness.contract import Inspection, Record
    import os
    class App(Terminal):
        manifest = Manifest(name="app")
        def sale(self, action):
            open("/data/log", "a").write("000001 000002 100\\n"); return Approved("000001")
        @classmethod
        def inspect(cls, image):
            {body}
    """
GOOD = """
            rows = [line.split() for line in image.get("/data/log", b"").decode().splitlines()]
            return Inspection("000002", "000002", tuple(Record(s, b, "sale", int(a)) for s, b, a in rows), settling=False)
"""


def test_inspect_reads_the_softwares_own_records(tmp_path: Path) -> None:
    rig = Rig(tmp_path, INSPECTING.format(body=GOOD.strip())).start()
    rig.act(), rig.station.inspect("quiescence")
    [found] = rig.of(Inspected)
    assert (found.when, found.batch, found.error) == ("quiescence", "000002", "")  # type: ignore[attr-defined]
    assert [(each.stan, each.amount_fen) for each in found.records] == [("000001", 100)]  # type: ignore[attr-defined]
    rig.station.power_cut("plug", 1)
    rig.station.inspect("after_power_loss")
    assert len(rig.of(Inspected)) == 2, "an image can be read without power"


def test_software_without_inspect_is_not_asked(tmp_path: Path) -> None:
    rig = Rig(tmp_path, PLAIN).start()
    rig.station.inspect("quiescence")
    assert rig.of(Inspected) == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("raise ValueError('torn')", "ValueError: torn"),
        ("return {'batch': 1}", "dict"),
        ("return Inspection(batch=5)", "batch"),
        ("return Inspection(records=[1])", "records"),
        ("return Inspection(records=(Record('1', '1', 'sale', '5'),))", "records"),
        ("return Inspection(pending_reversals='abc')", "pending_reversals"),
        ("return Inspection(damaged_records=None)", "damaged_records"),
        ("image['/data/x'] = b''", "TypeError"),
        ("open('/etc/passwd')", "FileNotFoundError"),
        ("os.system('true')", "program of its own"),
        ("import time; time.sleep(1000000)", "still waiting"),
        ("import sys; sys.exit(1)", "SystemExit"),
    ],
)
def test_garbage_from_inspect_is_an_error_in_the_history(tmp_path: Path, body: str, error: str) -> None:
    rig = Rig(tmp_path, INSPECTING.format(body=body)).start()
    rig.station.inspect("quiescence")
    [found] = rig.of(Inspected)
    assert error in found.error  # type: ignore[attr-defined]


LEAKING = """
    class App(Terminal):
        manifest = Manifest(name="app")
        kept = []
        def sale(self, action):
            self.kept.append(bytearray({size})); return Approved("000001")
    """


def test_the_census_sees_a_leak_grow_and_the_budget_ends_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, LEAKING.format(size=50_000), memory_budget_bytes=1 << 20).start()
    for _ in range(60):
        rig.act(seconds=2)
    samples = [each.software_bytes for each in rig.of(MemorySampled)]  # type: ignore[attr-defined]
    assert samples[1] - samples[0] >= 50_000 * 1 and max(samples) > 1 << 19
    assert rig.deaths()[0].reason == "out_of_memory"
    assert "of a budget of 1048576" in rig.deaths()[0].detail
    assert rig.station.ready


def test_software_that_keeps_nothing_does_not_grow(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        """
        import json, logging, os, tinydb
        class App(Terminal):
            manifest = Manifest(name="app")
            def boot(self): self.log = logging.getLogger("x"); self.log.addHandler(logging.FileHandler("/cache/l"))
            def sale(self, action):
                with open("/data/log", "w") as file: json.dump({"n": action.number}, file)
                self.log.warning("sale %d", action.number); return Approved("000001")
        """,
    ).start()
    for _ in range(100):
        rig.act(seconds=2)
    samples = [each.software_bytes for each in rig.of(MemorySampled)]  # type: ignore[attr-defined]
    assert len(samples) >= 4 and max(samples[2:]) - min(samples[2:]) < 2048, samples


def test_memory_held_by_a_thread_and_by_local_variables_counts(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        """
        import threading, time
        class App(Terminal):
            manifest = Manifest(name="app")
            def run(self):
                local = [bytearray(100_000)]
                def work():
                    inside = bytearray(200_000); time.sleep(100000)
                threading.Thread(target=work).start(); time.sleep(1)
                while True:
                    event = self.device.next_event()
                    if event.action.kind == "settle": local.append(bytearray(300_000))
                    self.device.finish(event.action, Done())
        """,
    ).start(2)
    [first] = rig.of(MemorySampled)
    assert first.software_bytes > 300_000  # type: ignore[attr-defined]
    rig.act("settle"), rig.act("settle")
    assert rig.of(MemorySampled)[-1].software_bytes - first.software_bytes > 299_000  # type: ignore[attr-defined]


def test_memory_held_by_a_module_global_counts(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        """
        KEPT = []
        class App(Terminal):
            manifest = Manifest(name="app")
            def sale(self, action): KEPT.append(bytearray(100_000)); return Approved("000001")
        """,
    ).start()
    for _ in range(5):
        rig.act()
    first, *_, last = rig.of(MemorySampled)
    assert last.software_bytes - first.software_bytes > 99_000  # type: ignore[attr-defined]


def test_memory_held_by_a_registry_of_the_standard_library_counts(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        """
        import logging
        class App(Terminal):
            manifest = Manifest(name="app")
            def sale(self, action): logging.getLogger("x" * 1000 + str(action.number)); return Approved("000001")
        """,
    ).start()
    for _ in range(30):
        rig.act()
    first, *_, last = rig.of(MemorySampled)
    assert last.software_bytes - first.software_bytes > 10_000  # type: ignore[attr-defined]


def test_the_census_keeps_nothing_alive(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        """
        class App(Terminal):
            manifest = Manifest(name="app")
            def run(self):
                held = open("/data/x", "w"); held.write("a")
                self.device.next_event(5)
                held = None
                print(open("/data/x").read())
                self.device.next_event()
        """,
    ).start(20)
    assert rig.printed() == ["a"] and rig.of(MemorySampled) != []


def test_an_injected_leak_comes_on_top(tmp_path: Path) -> None:
    from harness.device.memory import Leak

    rig = Rig(tmp_path, PLAIN, memory_budget_bytes=1 << 20).start()
    rig.station.hardware.memory.conditions.append(Leak(bytes_per_action=100_000))
    for _ in range(12):
        rig.act(seconds=2)
    death = rig.deaths()[0]
    assert death.reason == "out_of_memory" and "leaked" in death.detail
    assert rig.station.hardware.memory.leaked_bytes < 1 << 20, "the boot after it starts with nothing leaked"


def test_cyclic_garbage_does_not_pile_up(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        """
        class Node:
            live = 0
            def __init__(self): self.me = self; Node.live += 1
            def __del__(self): Node.live -= 1
        class App(Terminal):
            manifest = Manifest(name="app")
            most = 0
            def sale(self, action):
                for _ in range(10): Node()
                App.most = max(App.most, Node.live); return Approved("000001")
            def settle(self, action): print(App.most); return Done()
        """,
    ).start()
    with interpreter.installed():
        for _ in range(300):
            rig.act(seconds=1)
        rig.act("settle")
    assert int(rig.printed()[0]) <= 510
