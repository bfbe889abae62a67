"""The reference terminal and a sector that cannot be read any more: wherever it is, the terminal trades and settles on."""

import pytest
from terminal_disk_bench import DiskBench

from harness.storage.conditions import InputOutputError
from harness.storage.media import strike
from harness.storage.unreadable import lose_sectors
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.journal import FILE_NAMES

SECTOR_BYTES = 512
SMALL = [(name, sector * SECTOR_BYTES, SECTOR_BYTES) for name in FILE_NAMES for sector in range(12)]
LARGE = [(name, at, 8192) for name in FILE_NAMES for at in (0, 4096, 8192)]


def traded(directory) -> DiskBench:
    """Two batches: both journals have been written to, and the second holds three sales."""
    bench = DiskBench(directory, "ext4-ordered")
    bench.boot(ReferenceTerminal)
    bench.act("sign_on")
    bench.act("sale", 700)
    assert bench.act("settle").kind == "done"
    for amount_fen in (1_000, 2_000, 3_000):
        assert bench.act("sale", amount_fen).kind == "approved"
    bench.idle()
    return bench


def restart(bench: DiskBench) -> None:
    bench.disk = bench._watched(bench.disk.restart())
    bench.boot(ReferenceTerminal)
    bench.idle()


@pytest.mark.parametrize(("name", "at", "size"), SMALL + LARGE)
def test_a_bad_sector_anywhere_loses_what_lay_in_it_and_no_more(tmp_path, name, at, size):
    bench = traded(tmp_path / "bench")
    lose_sectors(bench.disk, f"/data/{name}", at, size)
    restart(bench)
    books = bench.terminal.store.books
    # A sector of 512 bytes holds parts of three records at most.
    lost = 3 - books.count
    assert (lost <= 2 or size > SECTOR_BYTES) and (lost == 0 or books.damaged > 0), "what is lost is known to be"
    assert bench.act("sale", 4_000).kind == "approved"
    restart(bench)
    assert bench.act("sale", 5_000).kind == "approved"
    assert bench.act("settle").kind == "done"
    for amount_fen in (6_000, 7_000):
        assert bench.act("sale", amount_fen).kind == "approved"
    assert bench.act("settle").kind == "done"
    assert len(bench.host.open_entries(bench.terminal.device.tid)) == lost, "those the host alone knows of"


def test_a_file_that_takes_no_write_any_more_is_left_for_the_other(tmp_path):
    """What it holds can still be read: it is copied over when the terminal comes up, and trade goes on there."""
    bench = traded(tmp_path / "bench")
    active = FILE_NAMES[bench.terminal.store._journal._active]
    number = bench.disk.stat(f"/data/{active}").st_ino
    strike(bench.disk.volume("data"), InputOutputError("write", until_lifted=True, inode=number))
    bench.memory[:] = bytes(len(bench.memory))
    restart(bench)
    # NVRAM vouches for no record: what cannot be written again may be in the page cache alone, and is not believed there.
    assert FILE_NAMES[bench.terminal.store._journal._active] != active
    assert bench.terminal.store.books.count == 3 and bench.terminal.store.books.damaged == 0
    assert bench.act("sale", 4_000).kind == "approved"


def test_when_nothing_can_be_read_nothing_is_begun_anew(tmp_path):
    """Every sector gone at once is no bad sector: the terminal refuses, and has lost nothing when reads work again."""
    bench = traded(tmp_path / "bench")
    dead = InputOutputError("read", until_lifted=True)
    strike(bench.disk.volume("data"), dead)
    restart(bench)
    assert bench.act("sale", 4_000).kind == "refused"
    dead.lift()
    restart(bench)
    assert bench.terminal.store.books.count == 3 and bench.terminal.store.books.damaged == 0
    assert bench.act("sale", 5_000).kind == "approved" and bench.act("settle").kind == "done"
