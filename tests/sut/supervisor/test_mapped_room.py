"""Pages of a mapped file take room on its volume as they are touched, as they do on a tmpfs."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from harness.engine.field.fullness import small_tmpfs
from harness.storage.volume import Volume
from harness.sut.supervisor.alone import run_to_end
from tests.sut.supervisor.program_bench import command, compiled

KIB = 64
_HEAD = """
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>
static char *place;
static char path[300];
static char *in_place(const char *name) { snprintf(path, sizeof path, "%s/%s", place, name); return path; }
static void say(const char *what) {
    struct statvfs found;
    statvfs(place, &found);
    printf("%s: %lu free\\n", what, (unsigned long)found.f_bfree);
    fflush(stdout);
}
static int filler(int pages) {
    static char page[4096];
    int file = open(in_place("filler"), O_WRONLY | O_CREAT | O_APPEND, 0644), written = 0;
    while (pages-- && write(file, page, sizeof page) == sizeof page) written++;
    close(file);
    return written;
}
"""
TOUCHED = (
    _HEAD
    + """
int main(int count, char **words) {
    place = words[1];
    say("empty");
    int file = open(in_place("mapped"), O_RDWR | O_CREAT, 0644);
    ftruncate(file, 8 * 4096);
    say("a hole");
    char *map = mmap(0, 8 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    say("mapped");
    map[0] = 1; map[3 * 4096] = 1;
    say("two pages written");
    map[4 * 4096] = 0;
    say("one with a nought");
    printf("%d\\n", filler(100));
    unlink(path); say("filled and emptied");
    pwrite(file, "x", 1, 3 * 4096);
    printf("%d\\n", map[3 * 4096]);
    unlink(in_place("mapped")); say("deleted, still mapped");
    munmap(map, 8 * 4096); say("deleted, still open");
    close(file); say("closed");
    file = open(in_place("mapped"), O_RDWR | O_CREAT, 0644);
    say("made again");
    close(file);
    return 0;
}
"""
)
NO_ROOM = (
    _HEAD
    + """
int main(int count, char **words) {
    place = words[1];
    int file = open(in_place("mapped"), O_RDWR | O_CREAT, 0644);
    ftruncate(file, 8 * 4096);
    char *map = mmap(0, 8 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    map[0] = 1;
    printf("%d\\n", filler(100));
    say("full");
    map[0] = 2;
    say("a page that is there");
    map[4096] = 1;
    say("never said");
    return 0;
}
"""
)


@pytest.fixture
def tmpfs() -> Iterator[str]:
    try:
        mounted = small_tmpfs(KIB)
        root = mounted.__enter__()
    except OSError as error:
        pytest.skip(str(error))
    try:
        yield root
    finally:
        mounted.__exit__(None, None, None)


def natively(source: str, root: str) -> tuple[str, str]:
    done = subprocess.run([compiled(source), root], capture_output=True, text=True, check=False, timeout=20)
    name = signal.Signals(-done.returncode).name if done.returncode < 0 else ""
    return done.stdout, name and f"the program was ended by {name}"


def supervised(source: str) -> tuple[str, str]:
    output = bytearray()
    volumes = [Volume("system", "/", 1 << 20), Volume("data", "/data", KIB << 10, inode_limit=1024)]
    ended = run_to_end(command(compiled(source), "/data"), volumes, output.extend)
    return output.decode(), ended.words


def test_room_is_taken_as_pages_are_touched(tmpfs: str) -> None:
    expected = natively(TOUCHED, tmpfs)
    assert supervised(TOUCHED) == expected and len(expected[0].splitlines()) == 12


def test_a_page_without_room_is_a_bus_error(tmpfs: str) -> None:
    expected = natively(NO_ROOM, tmpfs)
    assert expected[1] == "the program was ended by SIGBUS"
    assert supervised(NO_ROOM) == expected


def test_what_was_stored_through_a_mapping_is_there_when_the_program_has_ended() -> None:
    source = (
        _HEAD
        + """int main(int count, char **words) { place = words[1];
        int file = open(in_place("mapped"), O_RDWR | O_CREAT, 0644);
        ftruncate(file, 4096);
        strcpy(mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), "kept"); return 0; }"""
    )
    volume = Volume("data", "/data", KIB << 10)
    run_to_end(command(compiled(source), "/data"), [Volume("system", "/", 1 << 20), volume], lambda _: None)
    [inode] = volume.root.entries.values()
    assert bytes(inode.content).startswith(b"kept") and os.path.basename(inode.name) == "mapped"  # type: ignore[attr-defined]
