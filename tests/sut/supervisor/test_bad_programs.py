"""Programs that are none, that end, or that never do: each is an error that names it, or an end in words, in bounded time."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.sut.programs import load_program
from harness.sut.supervisor import allowance, scheduler
from tests.sut.supervisor.program_bench import compiled, in_c, supervised

HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    program = tmp_path / "hello"
    program.write_bytes(Path(compiled(HELLO)).read_bytes())
    program.chmod(0o755)
    return program


def refused(spec: object) -> str:
    with pytest.raises(UsageError) as error:
        load_program(f"exec:{spec}")
    return str(error.value)


def test_a_command_that_does_not_exist() -> None:
    assert "there is no program '/nothing/of/the/kind'" in refused("/nothing/of/the/kind --flag")
    assert "there is no program 'nothing_of_the_kind'" in refused("nothing_of_the_kind")
    assert "names no program" in refused("   ")
    assert "No closing quotation" in refused('"half')


def test_a_file_that_may_not_be_executed(hello: Path) -> None:
    hello.chmod(0o644)
    assert "it is not executable (chmod +x makes it so)" in refused(hello)


def test_a_text_file(hello: Path) -> None:
    hello.write_text("just some text\n")
    assert "cannot be run" in refused(hello)
    assert str(hello) in refused(hello)


def test_a_directory(tmp_path: Path) -> None:
    assert "is a directory; name the program in it" in refused(tmp_path)


@pytest.mark.parametrize(("machine", "name"), [(183, "AArch64"), (40, "Arm"), (62, "")])
def test_a_program_for_another_machine(hello: Path, machine: int, name: str) -> None:
    image = bytearray(hello.read_bytes())
    struct.pack_into("<H", image, 18, machine)
    hello.write_bytes(image)
    if not name:
        assert supervised(str(hello))[:2] == ("hello\n", "")
        return
    assert f"it is for {name}, and this harness runs x86-64 programs" in refused(hello)


def test_a_32_bit_program(hello: Path) -> None:
    image = bytearray(hello.read_bytes())
    image[4] = 1
    hello.write_bytes(image)
    assert "it is a 32-bit program" in refused(hello)


def test_a_program_that_is_cut_short(hello: Path) -> None:
    hello.write_bytes(hello.read_bytes()[:40])
    assert "it is cut short" in refused(hello)


def test_a_program_whose_loader_is_missing(tmp_path: Path) -> None:
    program = compiled(HELLO, "-Wl,--dynamic-linker=/lib/ld-nowhere.so.1")
    assert "its loader /lib/ld-nowhere.so.1 is missing" in refused(program)


def test_a_script_whose_interpreter_is_missing(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/usr/bin/no_such_interpreter\n")
    script.chmod(0o755)
    assert "its interpreter /usr/bin/no_such_interpreter is missing" in refused(script)


def test_a_program_that_declares_nothing(hello: Path) -> None:
    assert "--manifest:1:1: expected a manifest" in refused(hello)
    silent = refused(compiled("int main(void) { return 0; }"))
    assert "it printed nothing" in silent
    assert ".manifest.yaml" in silent


def test_a_program_that_fails_when_asked_for_its_manifest() -> None:
    program = compiled('#include "common.h"\nint main(void) { fputs("no licence\\n", stderr); return 3; }')
    text = refused(program)
    assert "the program ended with exit status 3" in text
    assert "no licence" in text


def test_a_program_that_leads_out_of_the_fence(tmp_path: Path, hello: Path) -> None:
    link = tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(hello)
    assert supervised(str(link))[1] == "it could not be started: a link out of the fence"


def test_a_program_that_dies() -> None:
    assert in_c("abort();")[1] == "the program was ended by SIGABRT"
    for _ in range(30):  # the kernel tells of a thread's end and of its program's in either order
        assert in_c("*(volatile int *)0 = 1;")[1] == "the program was ended by SIGSEGV"
    assert in_c("raise(SIGKILL);")[1] == "the program was ended by SIGKILL"


# ---------------------------------------------------------------- without end

BUSY = "it kept the device busy for 5,000 system calls in a row and hardly waited for anything"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "SPIN_CALLS", 5_000)
    monkeypatch.setattr(scheduler, "SPIN_PATIENCE_S", 0.5)


@pytest.mark.parametrize(
    "body",
    [
        "for (;;) fork();",
        "for (;;) if (fork() == 0) _exit(0);",
        "for (;;) syscall(SYS_getpid);",
        "static char text[1 << 20]; memset(text, 'x', sizeof text); for (;;) write(2, text, sizeof text);",
        "struct itimerval often = {{0, 1}, {0, 1}}; signal(SIGALRM, SIG_IGN); setitimer(ITIMER_REAL, &often, NULL); sleep(9);",
        "for (;;) poll(NULL, 0, 0);",
        "for (;;) { if (vfork() == 0) _exit(0); wait(NULL); }",
    ],
    ids=["forks", "zombies", "calls", "standard error", "alarms", "polls", "vforks"],
)
@pytest.mark.usefixtures("impatient")
def test_a_program_that_never_rests(body: str) -> None:
    output, ended, _ = in_c(body)
    assert (output, ended) == ("", BUSY)


@pytest.mark.usefixtures("impatient")
def test_a_program_that_computes_for_ever() -> None:
    assert in_c("for (;;);")[1] == "it ran for more than 0.5 s without a system call"
    # The clock moves with each reading, and no call is made.
    assert in_c("for (;;) now_s();")[1] == "it ran for more than 0.5 s without a system call"


def test_a_program_that_floods_its_output() -> None:
    output, ended, _ = in_c(
        "static char text[1 << 20]; memset(text, 'x', sizeof text); for (;;) write(1, text, sizeof text);"
    )
    assert ended == "it printed more than 16 MiB"
    assert len(output) < 20 << 20


def test_a_program_that_will_not_be_ended() -> None:
    body = """
    for (int number = 1; number < 32; number++) signal(number, SIG_IGN);
    if (fork() == 0) for (;;) pause();
    if (fork() == 0) { setsid(); if (fork() == 0) for (;;) sleep(1000); _exit(0); }
    printf("ready\\n");
    for (;;) pause();
    """
    assert in_c(body)[:2] == ("ready\n", "it did not come to an end")


def test_what_a_program_may_hold_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "MEMORY_BYTES_MAX", 64 << 20)
    take = "for (;;) { char *more = malloc(1 << 20); if (!more) return 7; memset(more, 1, 1 << 20); }"
    assert in_c(take)[1] == "its programs hold more than 64 MiB of memory"
    shared = "char *more = mmap(0, 1 << 30, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0); memset(more, 1, 1 << 30);"
    assert in_c(shared)[1] == "its programs hold more than 64 MiB of memory"


def test_limits_hold() -> None:
    output, ended, _ = in_c(
        """
        count = 0;
        T(malloc(5UL << 30) == NULL);
        while (open("/store/file", O_RDWR | O_CREAT, 0600) >= 0) count++;
        printf("%d files, %s\\n", count > 900 && count < 1100, strerrorname_np(errno));
        syscall(SYS_close_range, 3, ~0U, 0);
        for (count = 0; socket(AF_INET, SOCK_STREAM, 0) >= 0;) count++;
        printf("%d sockets, %d\\n", count > 50 && count < 1100, errno == EMFILE || errno == ENFILE);
        syscall(SYS_close_range, 3, ~0U, 0);
        pthread_t thread;
        for (count = 0; pthread_create(&thread, NULL, (void *)pause, NULL) == 0;) count++;
        printf("%d threads\\n", count);
        """
    )
    assert ended == ""
    assert output.splitlines() == ["malloc(5UL << 30) == NULL = 1 ", "1 files, EMFILE", "1 sockets, 1", "255 threads"]


def test_huge_numbers_do_no_harm() -> None:
    output, ended, _ = in_c(
        """
        static char text[4 << 20];
        T(write(2, text, 1UL << 62) > 0);
        T(write(2, NULL, 1UL << 40));
        int fd = open("/store/file", O_RDWR | O_CREAT, 0600);
        T(ftruncate(fd, 1L << 50));
        T(pwrite(fd, "x", 1, 1L << 60));
        T(write(fd, text, 1UL << 40) > 0);
        T(lseek(fd, 0, SEEK_SET));
        T(read(fd, text, 1UL << 60) >= sizeof text || errno == EFAULT);
        struct iovec parts[2] = {{text, 1UL << 61}, {text, 1UL << 61}};
        T(writev(2, parts, 2) > 0);
        T(syscall(SYS_select, 1 << 30, text, text, text, NULL));
        T(poll((void *)text, 1 << 30, 0));
        T(syscall(SYS_getdents64, open("/store", O_RDONLY), text, 1UL << 31) > 0);
        struct itimerspec when = {{1L << 62, 5}, {1L << 62, 5}};
        int timer = timerfd_create(CLOCK_MONOTONIC, 0);
        T(timerfd_settime(timer, 0, &when, NULL));
        T(timerfd_gettime(timer, &when));
        struct itimerval interval = {{1L << 62, 5}, {-1, 5}};
        T(setitimer(ITIMER_REAL, &interval, NULL));
        T(alarm(~0U));
        struct timespec long_ = {1000000000000000000, 999999999};
        T(utimensat(AT_FDCWD, "/store/file", (struct timespec[2]){{1L << 60, 0}, {-1L << 60, 0}}, 0) > -2);
        struct stat found;
        T(stat("/store/file", &found) > -2);
        nanosleep(&long_, NULL);
        """
    )
    assert ended == "it did not come to an end"
    lines = [line.rsplit(" = ", 1)[-1].strip() for line in output.splitlines()]
    assert lines[0] == "1" and lines[1] == "-1 EFAULT"
    assert "setitimer(ITIMER_REAL, &interval, NULL) = -1 EINVAL" in output
    assert len(lines) == 17


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    yield
    with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children", encoding="ascii") as children:
        left = {int(pid) for pid in children.read().split()}
    # The janitor is this process's own, and forked from it; of programs not even a zombie is left.
    names = {Path(f"/proc/{pid}/comm").read_text().strip() for pid in left}
    assert names <= {Path("/proc/self/comm").read_text().strip()}
