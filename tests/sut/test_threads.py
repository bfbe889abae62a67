"""Threads, locks, timers and queues in virtual time: first come, first served, the same in every run."""

from pathlib import Path

import pytest

from tests.sut.rig import Rig

CASES = {
    "thread and join": """
        result = []
        thread = threading.Thread(target=lambda: (time.sleep(2), result.append(time.monotonic())))
        thread.start(); assert thread.is_alive(); thread.join(); assert not thread.is_alive()
        assert result == [start + 2], (result, start)
        thread = threading.Thread(target=time.sleep, args=(10,)); thread.start(); thread.join(timeout=3)
        assert thread.is_alive() and time.monotonic() == start + 5
    """,
    "timer": """
        fired = threading.Event(); timer = threading.Timer(5, fired.set); timer.start()
        assert not fired.wait(4.999) and fired.wait(1); assert time.monotonic() == start + 5
        timer = threading.Timer(5, fired.clear); timer.start(); timer.cancel(); time.sleep(6); assert fired.is_set()
    """,
    "locks are first come, first served": """
        lock, order = threading.Lock(), []
        def work(n):
            with lock: order.append(n); time.sleep(1)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
        [t.start() for t in threads]; [t.join() for t in threads]
        assert order == [0, 1, 2, 3, 4] and time.monotonic() == start + 5
        lock.acquire(); assert not lock.acquire(blocking=False) and not lock.acquire(timeout=2)
        assert time.monotonic() == start + 7; lock.release()
        try: lock.release()
        except RuntimeError: pass
        else: raise AssertionError
    """,
    "rlock and condition": """
        lock = threading.RLock()
        with lock:
            with lock: pass
        condition, items = threading.Condition(), []
        def produce():
            for n in range(3):
                time.sleep(1)
                with condition: items.append(n); condition.notify()
        threading.Thread(target=produce).start()
        got = []
        while len(got) < 3:
            with condition:
                condition.wait_for(lambda: items); got.append(items.pop())
        assert got == [0, 1, 2] and time.monotonic() == start + 3
    """,
    "semaphore and barrier": """
        semaphore, running, most = threading.Semaphore(2), [], []
        def work(n):
            with semaphore: running.append(n); most.append(len(running)); time.sleep(1); running.remove(n)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
        [t.start() for t in threads]; [t.join() for t in threads]
        assert max(most) == 2 and time.monotonic() == start + 3
        barrier = threading.Barrier(2); threading.Thread(target=barrier.wait).start(); barrier.wait(timeout=1)
    """,
    "queue": """
        import queue
        line = queue.Queue(maxsize=2)
        def work():
            for n in range(5): line.put(n)
        threading.Thread(target=work).start()
        assert [line.get(timeout=1) for _ in range(5)] == [0, 1, 2, 3, 4]
        try: line.get(timeout=3)
        except queue.Empty: pass
        assert time.monotonic() == start + 3
        simple = queue.SimpleQueue(); simple.put(1); assert simple.get() == 1
        assert queue.PriorityQueue().empty()
    """,
    "local": """
        local, seen = threading.local(), []
        local.value = "main"
        def work(n): local.value = n; time.sleep(1); seen.append(local.value)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
        [t.start() for t in threads]; [t.join() for t in threads]
        assert seen == [0, 1, 2] and local.value == "main"
    """,
    "executor": """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(max_workers=3) as pool:
            assert list(pool.map(lambda n: (time.sleep(1), n * n)[1], range(6))) == [0, 1, 4, 9, 16, 25]
        assert time.monotonic() == start + 2
    """,
    "a thread's exception ends the thread alone": """
        def work(): raise ValueError("in a thread")
        thread = threading.Thread(target=work, name="worker"); thread.start(); thread.join()
    """,
}


@pytest.mark.parametrize("case", CASES)
def test_threads_in_virtual_time(tmp_path: Path, case: str) -> None:
    body = "\n".join("        " + line for line in CASES[case].strip("\n").splitlines())
    rig = Rig(
        tmp_path,
        f"""
import threading, time
class App(Terminal):
    manifest = Manifest(name="app")
    def boot(self):
        start = time.monotonic()
        if True:
{body}
        print("done", threading.active_count())
""",
    ).start(60)
    assert rig.deaths() == []
    assert any(line.startswith("done") for line in rig.printed()), rig.printed()


def test_the_main_loop_and_threads_share_the_device(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        """
        import threading, time
        class App(Terminal):
            manifest = Manifest(name="app")
            def boot(self):
                self.ticks = 0
                threading.Thread(target=self.tick, daemon=True).start()
            def tick(self):
                while True:
                    time.sleep(10); self.ticks += 1
            def sale(self, action):
                print("ticks", self.ticks); return Approved("000001")
        """,
    ).start(95)
    rig.act(seconds=5)
    assert rig.printed() == ["ticks 9"]


def test_too_many_threads_are_refused_as_by_linux(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        """
        import threading, time
        class App(Terminal):
            manifest = Manifest(name="app")
            def boot(self):
                try:
                    for n in range(1000): threading.Thread(target=time.sleep, args=(5,)).start()
                except RuntimeError as error: print(n, error)
        """,
    ).start(20)
    assert rig.printed() == ["255 can't start new thread"]
