"""What a program tries in order to get out: none of it leads to the machine, its other processes, or the harness."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from harness.sut.landlock import landlock_available
from tests.sut.supervisor.program_bench import compiled, in_c, supervised


def lines(output: str) -> list[str]:
    """What each call gave."""
    return [line.rsplit(" = ", 1)[-1].strip() for line in output.splitlines()]


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file and a variable that are none of the program's business."""
    monkeypatch.setenv("HARNESS_SECRET", "hunter2")
    path = tmp_path / "secret"
    path.write_text("hunter2")
    return path


def test_the_machine_cannot_be_written(tmp_path: Path) -> None:
    before = sorted(os.listdir("/usr"))
    output, ended, _ = in_c(
        """
        T(open("/usr/planted", O_WRONLY | O_CREAT, 0600));
        T(open("/etc/passwd", O_WRONLY | O_APPEND));
        T(open("/dev/shm/planted", O_WRONLY | O_CREAT, 0600));
        T(mkdir("/usr/planted", 0700));
        T(unlink("/etc/hostname"));
        T(rename("/etc/hostname", "/etc/planted"));
        T(link("/etc/passwd", "/store/link"));
        T(rename("/store/own", "/usr/planted"));
        T(symlink("x", "/usr/planted"));
        T(chmod("/etc/passwd", 0777));
        T(truncate("/etc/hostname", 0));
        int directory = open("/usr", O_RDONLY | O_DIRECTORY), file = open("/etc/passwd", O_RDONLY);
        T(openat(directory, "planted", O_WRONLY | O_CREAT, 0600));
        T(fchmod(file, 0777));
        T(fchown(file, 1, 1));
        T(futimens(file, NULL));
        T(ioctl(directory, 0x40086602, &file));
        T(fchmodat(directory, "../etc/passwd", 0777, 0));
        T(utimensat(AT_FDCWD, "/etc/passwd", NULL, 0));
        T(mknod("/store/device", S_IFBLK | 0600, 0x801));
        """,
        files={"/store/own": b"x"},
    )
    assert ended == ""
    assert lines(output) == [
        *["-1 EROFS"] * 6, "-1 EXDEV", "-1 EXDEV", *["-1 EROFS"] * 7, "-1 ENOTTY", "-1 EROFS", "-1 EROFS", "-1 ENOSYS",
    ]  # fmt: skip
    assert sorted(os.listdir("/usr")) == before


def test_no_way_leads_to_the_machine_s_other_files(secret: Path) -> None:
    output, ended, _ = in_c(
        """
        char path[500], data[20];
        T(open(words[1], O_RDONLY));
        snprintf(path, sizeof path, "/usr/../%s", words[1]);
        T(open(path, O_RDONLY));
        snprintf(path, sizeof path, "/proc/self/root%s", words[1]);
        T(open(path, O_RDONLY));
        snprintf(path, sizeof path, "/proc/%d/root%s", getppid(), words[1]);
        T(open(path, O_RDONLY));
        snprintf(path, sizeof path, "../../..%s", words[1]);
        T(openat(open("/usr/bin", O_RDONLY), path, O_RDONLY));
        T(symlink(words[1], "/store/link"));
        T(open("/store/link", O_RDONLY));
        T(symlink("/etc/passwd", "/store/passwd"));
        T(open("/store/passwd", O_RDONLY));
        T(symlink("/usr", "/store/usr"));
        T(open("/store/usr/bin/env", O_RDONLY));
        T(mkdir("/store/usr/planted", 0700));
        T(execl(words[1], "x", NULL));
        T(execl("/store/own", "x", NULL));
        int own = open("/store/own", O_RDONLY);
        snprintf(path, sizeof path, "/proc/self/fd/%d", own);
        T(read(open(path, O_RDONLY), data, 20));
        T(chdir("/proc/self/root"));
        T(open("/etc/shadow", O_RDONLY));
        T(open("/dev/mem", O_RDONLY));
        T(open("/dev/kmsg", O_RDONLY));
        T(open("/proc/kcore", O_RDONLY));
        T(open("/sys/class/net", O_RDONLY));
        T(open("/proc", O_RDONLY) >= 0);
        """,
        str(secret),
        files={"/store/own": b"own"},
    )
    assert ended == ""
    assert "hunter2" not in output
    found = lines(output)
    assert found[:5] == ["-1 ENOENT", "-1 ENOENT", "-1 EACCES", "-1 ENOENT", "-1 ENOENT"]
    assert found[5:12] == ["0", "-1 ENOENT", "0", "-1 ENOENT", "0", "-1 ENOENT", "-1 ENOENT"]
    assert found[12:15] == ["-1 ENOENT", "-1 EACCES", "3"]
    assert not [each for each in found[15:21] if not each.startswith("-1 E")]


def test_a_link_out_of_the_program_s_own_directory_leads_nowhere(secret: Path) -> None:
    # Beside the program itself, where files of the machine may be read.
    body = """
    char path[500], data[20] = {0};
    snprintf(path, sizeof path, "%s", words[0]);
    strcpy(strrchr(path, '/'), "/leads_out");
    T(open(path, O_RDONLY));
    """
    program = Path(compiled(f'#include "common.h"\nint main(int count, char **words) {{{body}}}'))
    link = program.with_name("leads_out")
    link.symlink_to(secret)
    try:
        assert lines(supervised(str(program))[0]) == ["-1 EACCES"]
    finally:
        link.unlink()


def test_secrets_of_the_harness_are_not_to_be_read(secret: Path) -> None:
    output, ended, _ = in_c(
        """
        extern char **environ;
        for (char **each = environ; *each; each++) printf("%s\\n", *each);
        char path[100], data[1 << 16];
        int real = atoi(words[1]), places[] = {getppid(), real, 1};
        for (int at = 0; at < 3; at++)
            for (char **file = (char *[]){"environ", "mem", "maps", "cmdline", "fd/0", NULL}; *file; file++) {
                snprintf(path, sizeof path, "/proc/%d/%s", places[at], *file);
                T(open(path, O_RDONLY));
            }
        int own = open("/proc/self/environ", O_RDONLY);
        printf("%.*s\\n", (int)read(own, data, sizeof data), data);
        T(open("/proc/self/mem", O_RDONLY));
        T(open("/proc/self/mem", O_RDWR));
        """,
        str(os.getpid()),
    )
    assert ended == ""
    assert "hunter2" not in output
    assert "HARNESS_SECRET" not in output
    tried = [line for line in output.splitlines() if line.startswith("open(path")]
    assert len(tried) == 15
    assert all(" = -1 E" in line for line in tried)
    assert lines(output)[-2:] == ["-1 EACCES", "-1 EROFS"]


def test_other_processes_are_out_of_reach() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        output, ended, _ = in_c(
            """
            int other = atoi(words[1]), harness = atoi(words[2]);
            char data[8];
            struct iovec mine = {data, 8}, theirs = {(void *)0x400000, 8};
            struct { unsigned long soft, hard; } limit = {1, 1};
            int pids[] = {other, harness, 1};
            for (int at = 0; at < 3; at++) {
                int pid = pids[at];
                T(kill(pid, SIGKILL));
                T(kill(-pid, SIGKILL));
                T(syscall(SYS_tgkill, pid, pid, SIGKILL));
                T(syscall(SYS_tkill, pid, SIGKILL));
                T(syscall(SYS_rt_sigqueueinfo, pid, SIGKILL, data));
                T(syscall(SYS_ptrace, 16, pid, 0, 0));
                T(syscall(SYS_process_vm_readv, pid, &mine, 1, &theirs, 1, 0));
                T(syscall(SYS_pidfd_open, pid, 0));
                T(syscall(SYS_prlimit64, pid, 7, &limit, NULL));
                T(syscall(SYS_sched_setaffinity, pid, 8, data));
                T(getpgid(pid));
            }
            if (fork() == 0) { pause(); _exit(0); }
            usleep(1000);
            signal(SIGTERM, SIG_IGN);
            T(kill(-1, SIGTERM));
            int status;
            wait(&status);
            printf("%s\\n", ended(status));
            """,
            str(other.pid),
            str(os.getpid()),
        )
        alive = other.poll() is None
        other.communicate(b"\n")
    assert alive
    assert ended == ""
    assert all(each.startswith("-1 E") for each in lines(output)[:33]), output
    assert lines(output)[33:] == ["0", "signal 15"]


def test_no_real_connection_is_made(tmp_path: Path) -> None:
    path = f"/tmp/harness-test-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as real, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local:
        local.bind(path)
        local.setblocking(False)
        try:
            output, ended, _ = in_c(
                """
                struct sockaddr_in there = {AF_INET, htons(atoi(words[1])), {htonl(INADDR_LOOPBACK)}};
                struct sockaddr_un local = {AF_UNIX};
                strcpy(local.sun_path, words[2]);
                T(connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&there, sizeof there));
                int stream = socket(AF_UNIX, SOCK_STREAM, 0), datagram = socket(AF_UNIX, SOCK_DGRAM, 0);
                T(connect(stream, (void *)&local, sizeof local));
                T(connect(datagram, (void *)&local, sizeof local));
                T(sendto(datagram, "x", 1, 0, (void *)&local, sizeof local));
                struct iovec part = {"x", 1};
                struct msghdr message = {&local, sizeof local, &part, 1};
                T(sendmsg(datagram, &message, 0));
                T(bind(datagram, (void *)&local, sizeof local));
                T(socket(AF_NETLINK, SOCK_RAW, 0));
                T(socket(AF_PACKET, SOCK_RAW, 0));
                T(socket(40, SOCK_STREAM, 0));
                T(socket(AF_INET, SOCK_RAW, 1));
                """,
                str(real.getsockname()[1]),
                path,
                includes="#include <sys/un.h>\n#include <netinet/in.h>\n",
            )
            real.setblocking(False)
            with pytest.raises(BlockingIOError):
                real.accept()
            with pytest.raises(BlockingIOError):
                local.recv(10)
        finally:
            os.unlink(path)
    assert ended == ""
    assert all(each.startswith("-1 E") for each in lines(output)), output


def test_grandchildren_stand_behind_the_same_fences() -> None:
    body = """
    if (count > 1) {
        T(syscall(SYS_ptrace, 0, 0, 0, 0));
        T(open("/usr/planted", O_WRONLY | O_CREAT, 0600));
        char data[4096];
        int status = open("/proc/self/status", O_RDONLY);
        data[read(status, data, sizeof data - 1)] = 0;
        printf("%.16s %.12s\\n", strstr(data, "NoNewPrivs"), strstr(data, "Seccomp:"));
        return 0;
    }
    if (fork() == 0) {
        if (fork() == 0) execl(words[0], words[0], "again", NULL);
        wait(NULL);
        _exit(0);
    }
    wait(NULL);
    """
    output, ended, _ = in_c(body)
    assert ended == ""
    assert output.splitlines()[:2] == [
        "syscall(SYS_ptrace, 0, 0, 0, 0) = -1 EPERM",
        'open("/usr/planted", O_WRONLY | O_CREAT, 0600) = -1 EROFS',
    ]
    assert "NoNewPrivs:\t1\n" in output
    assert "Seccomp:\t2\n" in output


def test_landlock_is_the_second_fence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the supervisor's own checks out of the way, the kernel still refuses to write, and to run what is elsewhere."""
    from harness.sut.supervisor import calls
    from harness.sut.supervisor.abi import NUMBERS
    from harness.sut.supervisor.registry import HANDLERS, NATIVE

    assert calls
    if not landlock_available()[0]:
        pytest.skip(landlock_available()[1])
    for name in ("openat", "mkdir", "execve"):
        monkeypatch.setitem(HANDLERS, NUMBERS[name], HANDLERS[NUMBERS[name]])
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\necho ran\n")
    script.chmod(0o755)
    own_exec = HANDLERS[NUMBERS["execve"]]
    own_open = HANDLERS[NUMBERS["openat"]]

    def let_through(which: object) -> object:
        return lambda scheduler, task: NATIVE if scheduler.notified > 1 and _named(task) else which(scheduler, task)  # type: ignore[operator]

    def _named(task: object) -> bool:
        place = 0 if task.number in (NUMBERS["mkdir"], NUMBERS["execve"]) else 1  # type: ignore[attr-defined]
        return task.program.text(task.arguments[place]).startswith((str(tmp_path), "/usr/planted"))  # type: ignore[attr-defined]

    monkeypatch.setitem(HANDLERS, NUMBERS["execve"], let_through(own_exec))  # type: ignore[arg-type]
    monkeypatch.setitem(HANDLERS, NUMBERS["openat"], let_through(own_open))  # type: ignore[arg-type]
    monkeypatch.setitem(HANDLERS, NUMBERS["mkdir"], let_through(HANDLERS[NUMBERS["mkdir"]]))  # type: ignore[arg-type]
    output, ended, _ = in_c(
        """
        char path[500];
        snprintf(path, sizeof path, "%s/planted", words[1]);
        T(open(path, O_WRONLY | O_CREAT, 0600));
        T(open("/usr/planted", O_WRONLY | O_CREAT, 0600));
        T(mkdir("/usr/planted.d", 0700));
        snprintf(path, sizeof path, "%s/script", words[1]);
        T(open(path, O_RDONLY));
        T(execl(path, path, NULL));
        """,
        str(tmp_path),
    )
    assert ended == ""
    assert lines(output) == ["-1 EACCES"] * 5
    assert sorted(os.listdir(tmp_path)) == ["script"]


def test_two_threads_cannot_change_a_path_between_look_and_use(secret: Path) -> None:
    """The supervisor opens in the program's stead, and while it looks nobody else of the program runs."""
    output, ended, _ = in_c(
        """
        static char path[500];
        void *swap(void *unused) {
            for (int round = 0; round < 3000; round++) { strcpy(path, round & 1 ? words[1] : "/etc/hostname"); sched_yield(); }
            return NULL;
        }
        strcpy(path, "/etc/hostname");
        pthread_t thread;
        pthread_create(&thread, NULL, swap, NULL);
        int won = 0;
        for (int round = 0; round < 1000; round++) {
            char data[50] = {0};
            int fd = open(path, O_RDONLY);
            if (fd >= 0) { read(fd, data, 49); won += strstr(data, "hunter2") != NULL; close(fd); }
        }
        printf("won %d\\n", won);
        """,
        str(secret),
    )
    assert (output, ended) == ("won 0\n", "")
