"""Death means never resumed: whatever the software has around the point where it dies, nothing of it lands."""

from pathlib import Path

import pytest

from harness.history.events import ActionEnded, MessageSent, PowerLost, ReceiptPrinted, ScreenShown, SoftwareDied
from harness.sut import interpreter
from tests.sut.rig import Rig

# Finalisers of the dead run when Python gets to them, some after the run; they find all doors shut, which Python reports.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

# Each waits inside a sale for ever; what it does when it is unwound must change nothing.
LAST_WORDS = {
    "finally": """
        try: time.sleep(1000)
        finally: open("/data/late", "w").write("late"); self.device.display.show(Screen("error", "late"))
    """,
    "with and buffered data": """
        with open("/data/half", "wb") as file:
            file.write(b"half a record")
            time.sleep(1000)
    """,
    "bare except that goes on": """
        while True:
            try: time.sleep(1000)
            except: pass
            try: open("/data/late", "a").write("late")
            except: pass
    """,
    "bare except around ports of the device": """
        while True:
            try: self.device.next_event(1000)
            except: pass
            try: self.device.printer.print(Receipt("other", "late"))
            except: pass
    """,
    "bare except around open files only": """
        file = open("/data/late", "wb", buffering=0)
        try: time.sleep(1000)
        except: pass
        while True:
            try: file.write(b"late")
            except: pass
    """,
    "bare except around the clock": """
        try: time.sleep(1000)
        except: pass
        while True:
            try: time.time()
            except: pass
    """,
    "context manager that swallows": """
        class Swallow:
            def __enter__(self): return self
            def __exit__(self, *_):
                os.makedirs("/data/late"); return True
        with Swallow(): time.sleep(1000)
        open("/data/later", "w").close()
    """,
    "generator clean-up": """
        def records():
            try:
                yield 1
            finally:
                open("/data/late", "w").write("late")
        self.pending = records(); next(self.pending)
        time.sleep(1000)
    """,
    "__del__": """
        class Holder:
            def __del__(self): open("/data/late", "w").write("late")
        self.held = Holder(); self.cycle = [Holder()]; self.cycle.append(self.cycle)
        time.sleep(1000)
    """,
    "another exception in finally": """
        try: time.sleep(1000)
        finally: raise ValueError("late")
    """,
    "socket in with": """
        with socket.create_connection(self.device.host_address) as connection:
            try: connection.recv(10)
            finally: connection.sendall(b"\\x00\\x04late")
    """,
    "threads": """
        def work():
            try: time.sleep(1000)
            finally: open("/data/late", "w").write("late")
        for _ in range(3): threading.Thread(target=work).start()
        time.sleep(1000)
    """,
    "lock waited for": """
        lock = threading.Lock(); lock.acquire()
        try: lock.acquire()
        finally: open("/data/late", "w").write("late")
    """,
    "atexit": """
        import atexit; atexit.register(lambda: open("/data/late", "w").write("late"))
        time.sleep(1000)
    """,
    "weakref.finalize and a temporary directory": """
        import tempfile, weakref
        self.place = tempfile.TemporaryDirectory(dir="/cache"); weakref.finalize(self.place, open, "/data/late", "w")
        time.sleep(1000)
    """,
}


def source(body: str) -> str:
    lines = "\n".join("        " + line for line in body.strip("\n").splitlines())
    return f"""
import os, socket, threading, time
class App(Terminal):
    manifest = Manifest(name="app")
    def boot(self):
        open("/data/boots", "a").write("b")
    def sale(self, action):
        if True:
{lines}
"""


@pytest.mark.parametrize("case", LAST_WORDS)
@pytest.mark.parametrize("end", ["power", "restart", "crash"])
def test_nothing_lands_after_death(tmp_path: Path, case: str, end: str) -> None:
    rig = Rig(tmp_path, source(LAST_WORDS[case])).start()
    pending = rig.act(seconds=30)
    before = rig.files()
    mark = len(rig.events)
    if end == "power":
        rig.at(1, lambda: rig.station.power_cut("test", 1))
    elif end == "restart":
        rig.at(1, lambda: rig.station.restart("watchdog"))
    else:
        rig.at(1, lambda: rig.station.crash("exception", "test"))
    rig.run(2)
    with interpreter.installed():
        interpreter.collect_garbage()
    after = {path: data for path, data in rig.files().items() if path in before or "late" in path}
    if end == "power":
        assert set(after) <= set(before)
        assert all(b"late" not in data for data in after.values())
    else:
        assert after == {**before}
    late = [each for each in rig.events[mark:] if isinstance(each, ScreenShown | ReceiptPrinted | MessageSent)]
    assert late == []
    assert pending.done.triggered and pending.done.value is None
    ended = [each for each in rig.events if isinstance(each, ActionEnded)]
    assert [each.outcome for each in ended] == ["interrupted"]
    rig.station.power_on()
    rig.run(5)
    assert rig.station.ready


HOOKED = """
import os
class App(Terminal):
    manifest = Manifest(name="app")
    def sale(self, action):
        try:
            with open("/data/log", "ab") as file:
                file.write(b"record"); file.flush(); os.fsync(file.fileno())
            os.rename("/data/log", "/data/done")
        except BaseException as error:
            for _ in range(200):
                try: open("/data/late", "w").write("late")
                except BaseException: pass
            raise
        return Approved("000001")
"""


@pytest.mark.parametrize("ordinal", [1, 2, 3, 4])
def test_power_cut_inside_a_storage_call_is_the_last_thing_that_happens(tmp_path: Path, ordinal: int) -> None:
    rig = Rig(tmp_path, HOOKED).start()
    disk = rig.station.hardware.disk
    first = disk.operation_ordinal + ordinal
    kinds = []

    def hook(call: object) -> None:
        kinds.append(call.kind)  # type: ignore[attr-defined]
        if call.ordinal == first:  # type: ignore[attr-defined]
            rig.station.power_cut("test", 5)

    disk.before_operation = hook
    pending = rig.act(seconds=10)
    assert kinds[:ordinal] == ["create", "write", "fsync", "rename"][:ordinal]
    assert len(kinds) == ordinal, "nothing may follow the operation at which the power went"
    assert pending.done.value is None
    assert set(rig.files()) <= {"/data/log"}
    assert [type(each) for each in rig.events if isinstance(each, PowerLost | SoftwareDied)] == [PowerLost]
    rig.station.power_on()
    rig.run(5)
    assert rig.station.ready


def test_a_cut_of_the_whole_store_from_inside_one_devices_call(tmp_path: Path) -> None:
    rig = Rig(tmp_path, HOOKED, terminals=3).start()
    processes = [station.process for station in rig.world.stations]

    def hook(_call: object) -> None:
        for station in rig.world.stations:
            station.power_cut("store", 1)

    rig.station.hardware.disk.before_operation = hook
    rig.act(seconds=5)
    assert [each.powered for each in rig.world.stations] == [False] * 3
    assert [each.dead and not each.fibers for each in processes if each is not None] == [True] * 3, "all are unwound"
    rig.station.hardware.disk.before_operation = None
    for station in rig.world.stations:
        station.power_on()
    rig.run(5)
    assert [each.ready for each in rig.world.stations] == [True] * 3


def test_parked_software_never_runs_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path, source(LAST_WORDS["bare except that goes on"])).start()
    rig.act(seconds=5)
    process = rig.station.process
    assert process is not None
    fiber = process.fibers[0]
    rig.station.power_cut("test", 1)
    assert fiber.parked and not fiber.greenlet.dead  # type: ignore[union-attr]
    rig.run(100)
    assert fiber.parked and not fiber.greenlet.dead  # type: ignore[union-attr]
    assert process.fibers == []
