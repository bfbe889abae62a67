"""Ordinary Python works unchanged on the device's own disk: engines, the standard library, logging."""

from pathlib import Path

import pytest

from tests.sut.rig import Rig

CASES = {
    "tinydb": """
        import tinydb
        db = tinydb.TinyDB("/data/db.json")
        db.insert({"amount": 100, "stan": "000001"})
        assert tinydb.TinyDB("/data/db.json").search(tinydb.where("amount") == 100)[0]["stan"] == "000001"
    """,
    "persist-queue": """
        import persistqueue
        queue = persistqueue.Queue("/data/queue", tempdir="/data")
        queue.put({"stan": "000001"}); queue.put(2)
        assert queue.get() == {"stan": "000001"}
        queue.task_done()
        assert persistqueue.Queue("/data/queue", tempdir="/data").get() == 2
    """,
    "tempfile": """
        import os, tempfile
        assert tempfile.gettempdir() == "/cache"
        with tempfile.NamedTemporaryFile(dir="/data") as file:
            file.write(b"x"); file.flush()
            assert os.path.exists(file.name)
        assert not os.path.exists(file.name)
        with tempfile.TemporaryDirectory() as place:
            open(place + "/a", "w").close()
        assert not os.path.exists(place)
        with tempfile.TemporaryFile() as anonymous:
            anonymous.write(b"abc"); anonymous.seek(0)
            assert anonymous.read() == b"abc"
    """,
    "shutil": """
        import os, shutil
        os.makedirs("/data/a/b"); open("/data/a/b/f", "w").write("1"); os.symlink("f", "/data/a/b/l")
        shutil.copytree("/data/a", "/data/c", symlinks=True)
        assert os.readlink("/data/c/b/l") == "f"
        shutil.move("/data/c", "/cache/c")
        assert open("/cache/c/b/f").read() == "1" and not os.path.exists("/data/c")
        shutil.rmtree("/data/a")
        assert os.listdir("/data") == []
        usage = shutil.disk_usage("/data")
        assert usage.total == 2 << 20, usage
    """,
    "pathlib": """
        from pathlib import Path
        place = Path("/data/x/y"); place.mkdir(parents=True)
        (place / "f.txt").write_text("\\u4ea4\\u6613")
        assert [each.name for each in Path("/data").rglob("*.txt")] == ["f.txt"]
        assert (place / "f.txt").read_bytes() == "\\u4ea4\\u6613".encode() and (place / "f.txt").stat().st_size == 6
        (place / "f.txt").rename(place / "g.txt").unlink()
        assert list(place.iterdir()) == [] and Path.cwd() == Path("/")
        assert Path("~/z").expanduser() == Path("/data/z")
    """,
    "shelve and dbm": """
        import dbm, dbm.dumb, shelve
        with shelve.open("/data/shelf") as shelf: shelf["k"] = {"v": [1, 2]}
        with shelve.open("/data/shelf") as shelf: assert shelf["k"] == {"v": [1, 2]}
        assert dbm.whichdb("/data/shelf") == "dbm.dumb"
    """,
    "json csv gzip configparser zip": """
        import configparser, csv, gzip, json, zipfile
        with open("/data/a.json", "w") as file: json.dump({"a": 1}, file)
        with open("/data/a.json") as file: assert json.load(file) == {"a": 1}
        with open("/data/a.csv", "w", newline="") as file: csv.writer(file).writerow([1, "\\u5143"])
        with open("/data/a.csv", newline="") as file: assert list(csv.reader(file)) == [["1", "\\u5143"]]
        with gzip.open("/data/a.gz", "wb") as file: file.write(b"z" * 1000)
        with gzip.open("/data/a.gz") as file: assert file.read() == b"z" * 1000
        parser = configparser.ConfigParser(); parser["s"] = {"k": "v"}
        with open("/data/a.ini", "w") as file: parser.write(file)
        again = configparser.ConfigParser(); again.read("/data/a.ini"); assert again["s"]["k"] == "v"
        with zipfile.ZipFile("/data/a.zip", "w") as archive: archive.writestr("x", "y")
        assert zipfile.ZipFile("/data/a.zip").read("x") == b"y"
    """,
    "logging to a file": """
        import logging, logging.handlers
        handler = logging.handlers.RotatingFileHandler("/data/app.log", maxBytes=200, backupCount=2)
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(processName)s %(message)s"))
        log = logging.getLogger("pos"); log.addHandler(handler); log.setLevel(logging.INFO)
        for number in range(10): log.info("sale %d", number)
        import os
        assert sorted(os.listdir("/data")) == ["app.log", "app.log.1", "app.log.2"]
        assert open("/data/app.log").read().startswith("2026-03-02 00:00:00")
        assert "MainProcess" in open("/data/app.log").read()
    """,
    "pickle of its own classes, also by name": """
        import copy, pickle
        global Sale
        class Sale:
            def __init__(self, amount): self.amount = amount
        Sale.__qualname__ = "Sale"
        twin = pickle.loads(pickle.dumps(Sale(5)))
        assert twin.amount == 5 and type(twin) is Sale
        assert copy.deepcopy(twin).amount == 5
    """,
    "dataclasses of the contract": """
        import dataclasses
        from harness.contract import Outcome
        assert dataclasses.replace(Outcome("approved"), stan="000009").stan == "000009"
    """,
    "os": """
        import os
        assert os.getcwd() == "/" and os.cpu_count() == 1 and os.getpid() == 301 and os.getuid() == 0
        assert sorted(os.environ) == ["HOME", "LANG", "PATH", "TMPDIR"]
        os.environ["X"] = "1"; assert os.getenv("X") == "1"; del os.environ["X"]
        fd = os.open("/data/f", os.O_CREAT | os.O_RDWR); os.write(fd, b"abc"); os.fsync(fd)
        assert os.pread(fd, 2, 1) == b"bc" and os.fstat(fd).st_size == 3; os.close(fd)
        assert os.statvfs("/data").f_blocks * os.statvfs("/data").f_frsize == 2 << 20
        assert [entry.name for entry in os.scandir("/data")] == ["f"]
        assert list(os.walk("/data")) == [("/data", [], ["f"])]
        try: open("/etc/passwd")
        except FileNotFoundError: pass
        else: raise AssertionError
        import io, pwd
        assert isinstance(io.FileIO("/data/f"), io.FileIO) and isinstance(open("/data/f"), io.TextIOBase)
        try: pwd.getpwuid(0)
        except KeyError: pass
    """,
    "fcntl locks": """
        import errno, fcntl
        first, second = open("/data/lock", "w"), open("/data/lock", "w")
        fcntl.flock(first, fcntl.LOCK_EX)
        try: fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error: assert error.errno == errno.EWOULDBLOCK
        else: raise AssertionError("locked twice")
        fcntl.flock(first, fcntl.LOCK_UN); fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    """,
    "standard output": """
        import sys
        print("one", 2, sep="-"); sys.stdout.write("three\\n"); print("four", file=sys.stderr)
        import contextlib, io
        with contextlib.redirect_stdout(io.StringIO()) as caught: sys.stdout.write("hidden")
        assert caught.getvalue() == "hidden"
        try: input()
        except EOFError: pass
    """,
}


@pytest.mark.parametrize("case", CASES)
def test_ordinary_python_works_on_the_device(tmp_path: Path, case: str) -> None:
    body = "\n".join("        " + line for line in CASES[case].strip("\n").splitlines())
    rig = Rig(
        tmp_path,
        f"""
class App(Terminal):
    manifest = Manifest(name="app")
    def boot(self):
        if True:
{body}
        print("done")
""",
    ).start()
    assert rig.deaths() == []
    assert "done" in rig.printed()


def test_nothing_is_written_to_the_real_machine(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        """
        import os
        class App(Terminal):
            manifest = Manifest(name="app")
            def boot(self):
                os.makedirs("/tmp/x"); open("/tmp/x/marker-of-the-test", "w").write("1")
        """,
    ).start()
    assert rig.files() == {"/tmp/x/marker-of-the-test": b"1"}
    assert not Path("/tmp/x/marker-of-the-test").exists()


def test_output_is_bounded_masked_and_free_of_addresses(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        """
        class App(Terminal):
            manifest = Manifest(name="app")
            def boot(self):
                print("pan 6222021234567890123 of", object())
                print("x" * 1000)
                for number in range(3000): print(number)
        """,
    ).start()
    printed = rig.printed()
    assert printed[0] == "pan 622202*********0123 of <object object at 0x...>"
    assert len(printed[1]) == 200
    assert len(printed) == 1001
