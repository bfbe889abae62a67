"""The census counts what modules share once, and counts the same as if it had walked through it again."""

from pathlib import Path

from harness.sut import interpreter, memory
from tests.sut.rig import Rig

SOURCE = """
    TABLE = {number: str(number) for number in range(300)}
    class App(Terminal):
        manifest = Manifest(name="counting", actions=frozenset({"sale"}))
        KEPT = [b"x" * 1000]
        def boot(self):
            self.log = []
        def sale(self, request):
            self.log.append("record" * 100)
            return Approved("000001")
"""


def held(rig: Rig, *, is_shared: bool) -> tuple[int, int]:
    with interpreter.installed():
        assert rig.station.process is not None
        return memory.reachable_bytes(rig.station.process, rig.station.terminal, is_shared=is_shared)


def test_counting_shared_modules_once_gives_the_same_figure(tmp_path: Path) -> None:
    rig = Rig(tmp_path, SOURCE, share_modules=True).start()
    before = held(rig, is_shared=False)
    assert held(rig, is_shared=True) == before
    rig.act()
    after = held(rig, is_shared=False)
    assert held(rig, is_shared=True) == after
    # One more record of 600 characters, and nothing else.
    assert 600 < after[0] - before[0] < 1200
    assert before[0] > 1000 + 300 * 100  # what modules and classes hold is in it


def test_one_softwares_count_is_never_taken_for_anothers(tmp_path: Path) -> None:
    first = Rig(tmp_path, SOURCE, share_modules=True).start()
    held(first, is_shared=True)
    second = Rig(tmp_path, SOURCE.replace("range(300)", "range(3)"), share_modules=True).start()
    assert held(second, is_shared=True) == held(second, is_shared=False)
    assert held(second, is_shared=True)[0] < held(first, is_shared=True)[0] - 20_000


def test_software_with_modules_of_its_own_is_walked_whole(tmp_path: Path) -> None:
    """A leak into a module shows, unless its software has promised that there is none."""
    leaking = SOURCE.replace('self.log.append("record" * 100)', 'TABLE[len(TABLE)] = "leak" * 1000')
    rig = Rig(tmp_path, leaking).start()
    before = held(rig, is_shared=False)[0]
    rig.act()
    assert held(rig, is_shared=False)[0] - before > 4000
    assert rig.software.shared_table is None
