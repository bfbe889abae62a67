"""Clocks read the device's own time, however they were bound; chance comes from the run's seed alone."""

import datetime
import time
from pathlib import Path

from tests.sut.rig import START_US, Rig

CLOCKS = """
    import datetime, time
    from time import time as bound_time, time_ns as bound_ns, monotonic as bound_monotonic
    from datetime import datetime as Bound
    bound_now = Bound.now
    class Holder:
        clock = time.time
        convert = time.localtime
    class App(Terminal):
        manifest = Manifest(name="app")
        def sale(self, action):
            now = time.time()
            readings = [bound_time(), bound_ns() / 1e9, Holder().clock(), bound_now().timestamp(), Bound.utcnow().replace(
                tzinfo=datetime.timezone.utc).timestamp(), datetime.datetime.now(datetime.timezone.utc).timestamp(),
                time.clock_gettime(time.CLOCK_REALTIME)]
            assert all(abs(each - now) < 1e-5 for each in readings), (now, readings)
            assert time.monotonic() == bound_monotonic() == time.perf_counter() == time.clock_gettime(time.CLOCK_MONOTONIC)
            print(time.strftime("%Y-%m-%d %H:%M:%S"), datetime.date.today(), Bound.now().isoformat(), time.localtime().tm_hour,
                  time.gmtime().tm_hour, Holder().convert().tm_min, time.ctime())
            time.sleep(1.5)
            print(round(time.time() - now, 6), round(time.monotonic() - bound_monotonic(), 6))
            return Approved("000001")
    """


def test_every_way_to_read_the_clock_gives_the_devices_time(tmp_path: Path) -> None:
    rig = Rig(tmp_path, CLOCKS).start(9.5 * 3600)
    rig.act()
    assert rig.deaths() == []
    assert rig.printed() == [
        "2026-03-02 09:30:00 2026-03-02 2026-03-02T09:30:00 9 1 30 Mon Mar  2 09:30:00 2026",
        "1.5 0.0",
    ]


def test_the_clock_of_a_device_is_its_own(tmp_path: Path) -> None:
    rig = Rig(tmp_path, CLOCKS, terminals=2)
    rig.world.stations[1].hardware.rtc.offset_us = 3_600_000_000
    rig.start(3600)
    for station in rig.world.stations:
        rig.act(station=station, seconds=10)
    assert rig.printed("T01")[0].startswith("2026-03-02 01:00:00")
    assert rig.printed("T02")[0].startswith("2026-03-02 02:00:10")


def test_the_harness_itself_sees_the_real_time(tmp_path: Path) -> None:
    rig = Rig(tmp_path, CLOCKS).start(10)
    seen: list[float] = []
    before = datetime.datetime.now().timestamp()
    rig.at(1, lambda: seen.append(datetime.datetime.now().timestamp()))
    rig.run(5)
    assert before <= seen[0] <= datetime.datetime.now().timestamp()
    assert abs(time.time() - seen[0]) < 60 and abs(time.time() * 1e6 - START_US) > 1e6


def test_storage_time_passes_before_the_software_can_see_a_clock(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        """
        import time
        class App(Terminal):
            manifest = Manifest(name="app")
            def sale(self, action):
                start = time.monotonic()
                self.device.display.show(Screen("processing"))
                shown = time.monotonic()
                assert shown > start, "drawing takes time"
                time.sleep(1)
                assert abs(time.monotonic() - shown - 1) < 1e-6
                return Approved("000001")
        """,
    ).start()
    rig.act()
    assert rig.deaths() == []


def test_a_loop_that_only_reads_the_clock_ends(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        """
        import time
        class App(Terminal):
            manifest = Manifest(name="app")
            def sale(self, action):
                end = time.monotonic() + 30
                while time.monotonic() < end: pass
                rounds = 0
                until = time.time() + 30
                while time.time() < until: time.sleep(0); rounds += 1
                print("over", rounds < 200000)
                return Approved("000001")
        """,
    ).start()
    rig.act(seconds=200)
    assert rig.printed() == ["over True"]


CHANCE = """
    import os, random, secrets, tempfile, uuid
    from random import randint as bound
    class App(Terminal):
        manifest = Manifest(name="app")
        def boot(self):
            print(random.random(), bound(0, 10**9), random.Random().random(), random.SystemRandom().random(),
                  secrets.token_hex(4), uuid.uuid4(), os.urandom(4).hex(), os.getrandom(2).hex(), uuid.uuid1())
            print(tempfile.mktemp(), id(self) and "", round(random.Random(5).random(), 6))
    """


def test_chance_depends_on_seed_device_and_boot_alone(tmp_path: Path) -> None:
    def printed(seed: int) -> list[list[str]]:
        rig = Rig(tmp_path, CHANCE, terminals=2, seed=seed).start()
        rig.station.restart("test")
        rig.run(5)
        return [rig.printed("T01"), rig.printed("T02")]

    first, again, other = printed(1), printed(1), printed(2)
    assert first == again
    words = [line for device in (*first, *other) for line in device[::2]]
    assert len(set(words)) == len(words), "each boot of each device under each seed has its own"
    assert first[0][1].split()[-1] == other[1][1].split()[-1] == "0.622902"


def test_one_device_does_not_disturb_anothers_chance(tmp_path: Path) -> None:
    greedy = CHANCE.replace(
        "def boot(self):", "def boot(self):\n            [random.random() for _ in range(len(self.device.tid))]"
    )
    alone = Rig(tmp_path, greedy, terminals=1).start().printed("T01")
    together = Rig(tmp_path, greedy, terminals=3).start().printed("T01")
    assert alone == together
