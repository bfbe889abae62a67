"""The supervisor's heart: programs run until each of their threads waits for something; then virtual time may go on.

Models: a machine with one processor. Threads run one at a time as far as system calls can tell: calls are answered in the
order in which they came, and of those that came together the older thread's first, so a run repeats itself.
Does not model: preemption. A thread that computes without a system call runs for as long as it computes; past
``SPIN_PATIENCE_S`` it is said to spin, and the order of calls is no longer promised.
Source: seccomp_unotify(2); the order of answers was measured to matter (strict priority starved event loops).
"""

from __future__ import annotations

import errno
import heapq
import os
import resource
import select
import signal
import struct
from collections import deque
from collections.abc import Callable, Sequence
from typing import NoReturn

from simpy.events import URGENT

from harness.sut.ports import ConnectionPort
from harness.sut.process import Process
from harness.sut.supervisor import janitor, kernel
from harness.sut.supervisor.abi import NAMES, NUMBERS
from harness.sut.supervisor.clock import ClockPage
from harness.sut.supervisor.ending import OutOfMemory, ProgramEnded, Stuck
from harness.sut.supervisor.fence import HOSTS, HOSTS_WITHOUT_NAMES, fence_for
from harness.sut.supervisor.futexes import Futexes
from harness.sut.supervisor.images import wait_for_signal
from harness.sut.supervisor.locks import RecordLocks
from harness.sut.supervisor.loopback import Ports
from harness.sut.supervisor.mappings import Mappings
from harness.sut.supervisor.objects import VolumeFile
from harness.sut.supervisor.procfs import (
    interrupting_signals,
    is_fatal,
    is_gone,
    native_call,
    newcomers,
    parents_of,
    pending_signals,
    resident_bytes,
    thread_state,
)
from harness.sut.supervisor.registry import HANDLERS, LATER, NATIVE, Reply
from harness.sut.supervisor.ringing import Ringing
from harness.sut.supervisor.tasks import Program, Task, Wait

_LOOK_MS = 50
_CALLS_BETWEEN_LOOKS = 4096
MEMORY_BYTES_MAX = 1 << 30
"""Memory in use by all programs of a boot."""
_OWN_DESCRIPTORS = 64
"""What the supervisor needs for itself."""
SPIN_PATIENCE_S = 10.0
"""Real time that a thread may compute without a system call."""
FREE_CALLS = 20_000
"""System calls at one instant; each further one costs time, so that a loop that waits without waiting ends."""
_DEBT_US_MAX = 10_000
SPIN_CALLS = 250_000
"""System calls, and timers that ring, in a row: with more the program is said to spin, in whatever time it thinks it is."""
_RING_WEIGHS = 8
_LEAVES_A_CORE = {3, 4, 5, 6, 7, 8, 11, 24, 25, 31}
"""SIGQUIT, SIGABRT, SIGSEGV and their like (signal(7))."""
_CALLS_A_SECOND = 20_000
"""What each second of waiting in earnest allows again; no day of more could be run to its end."""
_RESTART = 512
"""ERESTARTSYS: the kernel makes the call again after the handler, if the handler was installed so (signal(7))."""
_RESTARTED = {
    NUMBERS[name]
    for name in (
        "read",
        "readv",
        "write",
        "writev",
        "sendto",
        "sendmsg",
        "recvfrom",
        "recvmsg",
        "connect",
        "accept",
        "accept4",
        "futex",
        "wait4",
        "waitid",
        "flock",
        "fcntl",
        "ioctl",
    )
}
UPTIME_NS = 10 * 10**9
"""CLOCK_MONOTONIC at the boot of the software: the device's kernel has been up for a while."""


class Scheduler:
    """``process`` is the virtual process whose disk, link, clocks and chance the programs use."""

    def __init__(self, process: Process, code: Sequence[str] = ()) -> None:
        self.process = process
        self.disk = process.disk
        network = process.network
        self.fence = fence_for(code, *((network.host_name, network.host_ip) if network else ("acquirer", "192.0.2.10")))
        self.programs: dict[int, Program] = {}
        self.mappings = Mappings(
            process.disk, self.programs.values, lambda program: self.signal(program, signal.SIGBUS)
        )
        self.locks = RecordLocks()
        self.placeholder = os.memfd_create("file", os.MFD_CLOEXEC)
        """The kernel object behind every descriptor of a volume's file that is not mapped."""
        self.ports = Ports(network.own_ip if network else "10.0.0.2")
        self.memory_bytes = 64 << 20
        self.console_is_terminal = False
        self.secure: Callable[[ConnectionPort], ConnectionPort] | None = None
        """Puts TLS before a connection to the acquirer."""
        self.on_output: Callable[[str, bytes], None] = lambda stream, data: None
        self.clock = ClockPage()
        self.futexes = Futexes(self)
        self.tasks: dict[int, Task] = {}
        self.root: Program | None = None
        self.listener = -1
        self.programs_made = 0
        self.started = False
        """Whether the first program has been executed."""
        self.memory_bytes_max = MEMORY_BYTES_MAX
        self._descriptors_max = 0
        self.notified = 0
        """System calls that came to the supervisor."""
        self.on_refused: Callable[[str], None] = lambda text: None
        self.is_answered_now: Callable[[], bool] = lambda: False
        """Whether something that the program asked for begins at this instant."""
        self.before_waiting: Callable[[], None] = lambda: None
        """Called each time before virtual time may pass."""
        self._poller = select.poll()
        self._pidfds: dict[int, Program] = {}
        self._running = 0
        self._queue: deque[Task] = deque()
        self._blocked: list[Task] = []
        self._vforks: dict[int, Program] = {}
        self._library_signals: dict[int, int] = {}
        """Signals that threads take before their next call is looked at, by thread."""
        self._births: list[Task] = []
        """Who called clone, for each thread and program that has not made a call of its own yet."""
        self._orders = 0
        self._quiet_s = 0.0
        self._calls_at_us = -1
        self._calls_now = 0
        self.calls_allowed = float(SPIN_CALLS)
        self._shown_at_us = -1
        self._alarm = process.env.event()
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self.by_wall_clock: dict[Ringing, None] = {}
        """Timers that have been set to a time of day."""
        process.on_clock_set = self._clock_was_set
        self._timer_count = 0
        self._kept: list[int] = []
        self._refused: set[str] = set()

    # ------------------------------------------------------------ beginning and end

    def adopt(self, pid: int, listener: int, number: int) -> Program:
        """The first program: forked, filtered, and about to call execve."""
        self.listener = listener
        self._poller.register(listener, select.POLLIN)
        self.root = self.new_program(pid, number, None)
        self.new_task(pid, self.root)
        self._running = 1
        self._descriptors_max = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _OWN_DESCRIPTORS
        self._set_clock()
        return self.root

    def new_program(self, pid: int, number: int, parent: Program | None) -> Program:
        program = Program(pid, number, parent)
        before = self.programs.get(pid)
        if before is not None:
            self._forget_program(before)  # it has been waited for, or its id would not be free again
        self.programs[pid] = program
        self.programs_made += 1
        if parent is not None:
            parent.children.append(program)
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return program
        self._pidfds[pidfd] = program
        self._poller.register(pidfd, select.POLLIN)
        return program

    def new_task(self, tid: int, program: Program) -> Task:
        task = Task(tid, program, self._orders)
        self._orders += 1
        self.tasks[tid] = task
        program.tasks.append(task)
        if program.unborn and tid != program.pid:
            task.clear_tid = program.unborn.pop(0)
        return task

    def end(self) -> None:
        """Kill every program and give back all that was held."""
        alive = [program.pid for program in self.programs.values() if program.alive]
        for pid in alive:
            _kill(pid)
        if self._births:
            for pid in [pid for pid, _ in newcomers(set(alive), self.tasks) if pid not in self.programs]:
                _kill(pid)
                alive.append(pid)
        # Parents come before their children, who are ours as soon as those are gone.
        for pid in alive:
            status = _reaped(pid)
            if self.root is not None and pid == self.root.pid:
                self.root.status = status
        for program in self.programs.values():
            if not program.alive and program is not self.root:
                _reaped(program.pid, os.WNOHANG)  # whoever should have waited for it is gone
        if self.root is not None:
            janitor.forget(self.root.pid)
        for program in self.programs.values():
            program.alive = False
            program.release_all()
            program.forget_memory()
        for pidfd in self._pidfds:
            os.close(pidfd)
        self._pidfds.clear()
        self._blocked.clear()
        self._queue.clear()
        if self.listener >= 0:
            os.close(self.listener)
            self.listener = -1
        self.clock.close()
        self.mappings.close()
        self.ports.close()
        for descriptor in (self.placeholder, *self._kept):
            os.close(descriptor)
        self._kept.clear()

    def keep(self, *descriptors: int) -> None:
        """Descriptors that are closed at the end."""
        self._kept.extend(descriptors)

    def text(self, path: str) -> bytes | None:
        """The content of a file of the machine's that is given another one. Without a name service nobody is known by name."""
        network = self.process.network
        if path == HOSTS and network is not None and network.names_fail:
            return HOSTS_WITHOUT_NAMES
        return self.fence.text(path)

    # ------------------------------------------------------------ the loop

    def run(self) -> NoReturn:
        """Run the programs for as long as the first of them lives; ends by ProgramEnded or by the process's death."""
        while True:
            self._run_until_all_wait()
            self.mappings.settle_all()
            if self.root is not None and not self.root.alive:
                raise ProgramEnded(self.root.status)
            self.before_waiting()
            self._let_time_pass()
            self._shown_at_us = -1
            self.mappings.look_for_damage()

    def _run_until_all_wait(self) -> None:
        while True:
            if self._running:
                self._gather()
            if self._queue:
                self._answer(self._queue.popleft())
            elif not self._running and not self._look_again():
                return
            if self.root is not None and not self.root.alive:
                return

    def _gather(self) -> None:
        """Take in calls until no thread is in user space any more."""
        came: list[Task] = []
        while self._running > 0:
            events = self._poller.poll(_LOOK_MS)
            if not events:
                self._nothing_came()
                continue
            self._quiet_s = 0.0
            for descriptor, _ in events:
                if descriptor == self.listener:
                    self._take_call(came)
                elif descriptor in self._pidfds:
                    self._program_died(self._pidfds[descriptor], descriptor)
        if len(came) > 1:
            came.sort(key=lambda task: task.order)
        self._queue.extend(came)

    def _take_call(self, came: list[Task]) -> None:
        try:
            call, tid, number, arguments = kernel.receive(self.listener)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):
                self._look_for_the_dead()
                return
            raise
        self.notified += 1
        task = self.tasks.get(tid)
        if task is None or not task.program.alive:
            task = self._unknown(tid)
        if task.state == "running":
            self._running -= 1
        elif task.state == "blocked":
            self._forget_wait(task)
        elif task.state == "vfork":
            self._not_born(task)
        task.state = "asking"
        task.call, task.number, task.arguments = call, number, arguments
        came.append(task)

    def _answer(self, task: Task) -> None:
        """One thread's turn: its call is handled, or the answer that it waited for is given."""
        if not task.program.alive:
            return
        self._count_call()
        try:
            if self._library_signals and (number := self._library_signals.pop(task.tid, 0)):
                self._take_library_signal(task, number)
                return
            resume = task.resume
            if resume is not None:
                task.resume = None
                resume()
                return
            handler = HANDLERS.get(task.number)
            if handler is None:
                self.refuse(f"{_name(task.number)} is not modelled")
                raise OSError(errno.ENOSYS, "not modelled")
            reply: Reply = handler(self, task)
        except OSError as error:
            self.reply(task, error=error.errno or errno.EIO)
            return
        except (ValueError, OverflowError, struct.error) as error:
            # Numbers that no program in its senses gives, and that no handler has thought of.
            self.refuse(f"{_name(task.number)} was asked for something beyond all measure: {error}")
            self.reply(task, error=errno.EINVAL)
            return
        if reply is NATIVE:
            self.pass_on(task)
        elif reply is not LATER:
            assert isinstance(reply, int)
            self.reply(task, reply)

    def _count_call(self) -> None:
        process = self.process
        process.switches += 1  # the watchdog's sign of life
        if not self.notified % _CALLS_BETWEEN_LOOKS:
            self.check_memory()
        self.spend_allowance()
        now_us = int(process.env._now)
        if now_us != self._calls_at_us:
            self._calls_at_us, self._calls_now = now_us, 0
        self._calls_now += 1
        if self._calls_now > FREE_CALLS:
            process.spend(process.poll_cost_us())
            if process.owed_us > _DEBT_US_MAX:
                process.settle_debt()

    def spend_allowance(self, calls: float = 1) -> None:
        """Count what a program does without waiting; ``calls``: as many plain calls as it weighs."""
        self.calls_allowed -= calls
        if self.calls_allowed < 0:
            raise Stuck(
                f"it kept the device busy for {SPIN_CALLS:,} system calls in a row and hardly waited for anything"
            )

    # ------------------------------------------------------------ answers

    def reply(self, task: Task, value: int = 0, error: int = 0) -> None:
        """The thread's call returns ``value``, or fails with ``error``."""
        if not task.program.alive:
            return  # its own call has ended it
        self._set_clock()
        self._goes_on(task)
        kernel.answer(self.listener, task.call, value, error, False)

    def pass_on(self, task: Task) -> None:
        """The kernel does the call."""
        if not task.program.alive:
            return
        self._set_clock()
        self._goes_on(task)
        kernel.answer(self.listener, task.call, 0, 0, True)

    def give(
        self, task: Task, descriptor: int, *, close_on_exec: bool, number: int | None = None, returns: bool = True
    ) -> int:
        """Put a copy of our descriptor into the thread's table; its number there is the call's answer when ``returns``."""
        if returns:
            self._set_clock()
        given = kernel.give_descriptor(
            self.listener, task.call, descriptor, number=number, close_on_exec=close_on_exec, returns=returns
        )
        if returns:
            self._goes_on(task)
        return given

    def _goes_on(self, task: Task) -> None:
        task.state = "running"
        self._running += 1

    def drop(self, task: Task) -> None:
        """Another thread's exec has ended this one."""
        if task.state == "blocked":
            self._forget_wait(task)
        elif task in self._queue:
            self._queue.remove(task)
        self.vanishes(task)

    def executed(self, program: Program) -> None:
        """A program has become another; its record locks stay, but for those on files that the exec closes."""
        for slot in program.slots.values():
            if slot.close_on_exec and isinstance(slot.opened, VolumeFile):
                self.locks.drop(program, self.disk.inode_of(slot.opened.descriptor))
        program.executed()

    def vanishes(self, task: Task) -> None:
        """A thread that was let go on will make no further call."""
        if task.state == "running":
            self._running -= 1
        self.tasks.pop(task.tid, None)
        if task in task.program.tasks:
            task.program.tasks.remove(task)

    def behind_the_others(self, task: Task) -> Reply:
        """sched_yield: every thread that could go on comes first; with none, the next thing in the world does."""
        if self._queue:
            task.state = "asking"
            task.resume = lambda: self.reply(task)
            self._queue.append(task)
            return LATER
        self.process.spend(self.process.poll_cost_us())
        return 0

    # ------------------------------------------------------------ waiting

    def block(self, task: Task, wait: Wait) -> Reply:
        """The thread waits; ``wait.finish`` answers it."""
        if wait.mask is not None:
            pid, tid = task.program.pid, task.tid
            if pending_signals(pid, tid) & interrupting_signals(pid, tid, wait.mask):
                return NATIVE  # which puts the mask up, takes the signal, and comes back
        task.state = "blocked"
        task.wait = wait
        self._blocked.append(task)
        return LATER

    def wake(self, task: Task, answer: Callable[[], None]) -> None:
        """A blocked thread may go on; ``answer`` is called when its turn comes."""
        self._blocked.remove(task)
        task.wait = None
        task.state = "asking"
        task.resume = answer
        self._queue.append(task)

    def signal(
        self, program: Program, number: int, task: Task | None = None, *, told: bytes | None = None, sender: int = 0
    ) -> None:
        """Send a signal to a program, or to one thread of it, and end that thread's wait if it will take it.

        ``told`` is the siginfo that goes with it; without one it says that the kernel, or process ``sender``, sent it.
        """
        if not program.alive or not program.tasks:
            return
        target = task if task is not None else self._taker(program, number)
        info = told if told is not None else kernel.signal_info(number, sender)
        ends_it = is_fatal(program.pid, target.tid, number)
        kernel.queue_signal(program.pid, target.tid if task is not None else None, number, info)
        if ends_it and number in _LEAVES_A_CORE:
            # Unlike others it is taken by the thread itself, once its call has been answered.
            waited = target.state == "blocked"
            self._signalled(target, number)
            if waited:
                self.await_death(program)
        elif ends_it:
            # Nobody makes a call any more by which its end could be seen, and what it held is free at once.
            self.await_death(program)
        else:
            self._signalled(target, number)

    def signal_of_the_library(self, target: Task, number: int) -> None:
        """A signal that must look as if its own process had sent it; its thread takes it before its next call is looked at."""
        self._library_signals[target.tid] = number
        if target.state == "blocked":
            self._forget_wait(target)
            target.state = "asking"
            self._queue.append(target)

    def _take_library_signal(self, task: Task, number: int) -> None:
        pid, tid = task.program.pid, task.tid
        task.resume = None
        info = kernel.signal_info(number, task.program.number, kernel.SI_TKILL)
        kernel.seize(tid)
        kernel.queue_signal(pid, tid, number, kernel.signal_info(number, task.program.number))
        self.reply(task, error=_RESTART)
        if wait_for_signal(tid, number):
            kernel.retell_signal(tid, info)
            kernel.trace(kernel.PTRACE_DETACH, tid, number)

    def _taker(self, program: Program, number: int) -> Task:
        """The first thread that does not block a signal, as the kernel chooses."""
        bit = 1 << (number - 1)
        for task in program.tasks:
            mask = task.wait.mask if task.wait is not None else None
            if bit & interrupting_signals(program.pid, task.tid, mask):
                return task
        return program.tasks[0]

    def _signalled(self, target: Task, number: int) -> None:
        if target.state != "blocked" or target.wait is None:
            return
        wait = target.wait
        if not interrupting_signals(target.program.pid, target.tid, wait.mask) >> (number - 1) & 1:
            return
        if wait.ready is not None and wait.ready():
            self._finish_wait(target, False)
            return
        self._forget_wait(target)
        if wait.mask is not None:
            self.pass_on(target)  # the kernel puts the mask up and takes the signal
            return
        try:
            if wait.on_signal is not None:
                wait.on_signal()
            done = wait.so_far() if wait.so_far is not None else None
        except OSError as error:
            self.reply(target, error=error.errno or errno.EIO)
            return
        if done is not None:
            self.reply(target, done)
            return
        self.reply(target, error=_RESTART if target.number in _RESTARTED and wait.restarts else errno.EINTR)

    def _forget_wait(self, task: Task) -> None:
        wait, task.wait = task.wait, None
        if task in self._blocked:
            self._blocked.remove(task)
        if wait is not None and wait.on_cancel is not None:
            wait.on_cancel()

    def _look_again(self) -> bool:
        """Answer one thread whose wait is over by what others did; whether there was one."""
        for task in self._blocked:
            wait = task.wait
            if wait is not None and wait.ready is not None and wait.ready():
                self._finish_wait(task, False)
                return True
        return False

    def _finish_wait(self, task: Task, timed_out: bool) -> None:
        wait, task.wait = task.wait, None
        self._blocked.remove(task)
        task.state = "asking"
        assert wait is not None
        try:
            wait.finish(timed_out)
        except OSError as error:
            self.reply(task, error=error.errno or errno.EIO)

    def notify(self, *_: object) -> None:
        """Something happened in the world that a thread may be waiting for: it goes on before anything else happens."""
        alarm = self._alarm
        if not alarm.triggered:
            alarm._ok, alarm._value = True, None
            self.process.env.schedule(alarm, URGENT)

    def call_at(self, due_ns: int, then: Callable[[], None]) -> None:
        """Call ``then`` when CLOCK_MONOTONIC shows ``due_ns``; it looks itself whether it is still wanted."""
        self._timer_count += 1
        heapq.heappush(self._timers, (due_ns, self._timer_count, then))

    def _clock_was_set(self) -> None:
        """The device's clock shows another time: what waits for a time of day waits shorter or longer."""
        self._shown_at_us = -1
        ahead_ns = self.realtime_ns() - self.monotonic_ns()
        for task in self._blocked:
            if task.wait is not None and task.wait.wall_ns is not None:
                task.wait.deadline_ns = task.wait.wall_ns - ahead_ns
        for each in list(self.by_wall_clock):
            each.clock_was_set()
        self.notify()

    def _let_time_pass(self) -> None:
        """Nobody can go on: wait in virtual time for the world or for the first deadline."""
        deadlines = [task.wait.deadline_ns for task in self._blocked if task.wait and task.wait.deadline_ns is not None]
        if self._timers:
            deadlines.append(self._timers[0][0])
        process = self.process
        began_us = int(process.env._now)
        if self.is_answered_now():
            # Whoever answers goes first: what the program owes is paid by what it asked for, not beside it.
            process.running_fiber.step_aside()
        elif deadlines:
            left_us = -(-(min(deadlines) - self.monotonic_ns()) // 1000)
            if left_us > 0:
                process.wait(self._alarm, left_us)
            else:
                process.sleep(0)
        else:
            process.wait(self._alarm, None)
        waited_us = int(process.env._now) - began_us
        self.calls_allowed = min(SPIN_CALLS, self.calls_allowed + waited_us * _CALLS_A_SECOND / 1e6)
        if self._alarm.triggered:
            self._alarm = process.env.event()
        self._ring(self.monotonic_ns())

    def _ring(self, now_ns: int) -> None:
        """Timers and deadlines that are due."""
        while self._timers and self._timers[0][0] <= now_ns:
            self.spend_allowance(_RING_WEIGHS)
            heapq.heappop(self._timers)[2]()
        due = [
            (task.wait.deadline_ns, task.order, task)
            for task in self._blocked
            if task.wait is not None and task.wait.deadline_ns is not None and task.wait.deadline_ns <= now_ns
        ]
        for _, _, task in sorted(due, key=lambda each: each[:2]):
            if task.wait is not None:
                self.wake(task, _finishing(task.wait))

    # ------------------------------------------------------------ time

    def monotonic_ns(self) -> int:
        """CLOCK_MONOTONIC as the programs read it, with what they owe for storage already passed."""
        process = self.process
        return UPTIME_NS + 1000 * (process.now_us() - process.boot_us)

    def realtime_ns(self) -> int:
        """CLOCK_REALTIME by the device's battery clock."""
        return 1000 * self.process.shown_us()

    def _set_clock(self) -> None:
        """Show the programs what time it is; nothing to be done while it has not moved and the world has not had its turn."""
        process = self.process
        if process.dead:
            process.refuse()
        clock = self.clock
        if clock.was_read:
            process.looked_at_the_clock()
        if process.now_us() == self._shown_at_us and clock.is_untouched():
            return
        self._show_time()
        self._shown_at_us = process.now_us()

    def _show_time(self) -> None:
        monotonic_ns = self.monotonic_ns()
        clock = self.clock
        ahead_us = (clock.monotonic_ns - monotonic_ns) // 1000
        if ahead_us > 0:
            # The program read its clock so often that it moved: that time is owed.
            self.process.spend(ahead_us)
            monotonic_ns = self.monotonic_ns()
        clock.set(monotonic_ns, self.realtime_ns() - monotonic_ns)

    # ------------------------------------------------------------ programs and threads that come and go

    def _unknown(self, tid: int) -> Task:
        """A thread's first call: which program it belongs to."""
        pid, parent_pid = parents_of(tid)
        program = self.programs.get(pid)
        if program is None or not program.alive:
            parent = self.programs.get(parent_pid)
            number = self.root.number + self.programs_made if self.root is not None else pid
            program = self.new_program(pid, number, parent)
            self._born(parent)
        else:
            self._born(program)
        return self.new_task(tid, program)

    def _born(self, of: Program | None) -> None:
        for cloner in self._births:
            if cloner.program is of:
                self._births.remove(cloner)
                return

    def _not_born(self, cloner: Task) -> None:
        """The kernel had no room for one more."""
        self._births.remove(cloner)
        self._running -= 1
        self._vforks.pop(cloner.tid, None)

    def _look_for_the_unborn(self) -> None:
        """A program may have died before its first call, or may never have been made."""
        for pid, tid in newcomers({pid for pid, each in self.programs.items() if each.alive}, self.tasks):
            if pid in self.programs or tid == pid:
                self._unknown(tid)
        for cloner in list(self._births):
            if cloner.state != "running" and cloner.tid not in self._vforks:
                self._not_born(cloner)

    def expect_thread(self, task: Task, flags_vfork: bool) -> None:
        """A clone was let go on: one more thread runs, and with vfork the caller stands still until its child has gone on."""
        self._births.append(task)
        if flags_vfork:
            self._vforks[task.tid] = task.program
            task.state = "vfork"
        else:
            self._running += 1

    def child_went_on(self, program: Program) -> None:
        """A vforked child has called exec, or is gone."""
        for tid, parent in list(self._vforks.items()):
            if parent is program.parent:
                del self._vforks[tid]
                task = self.tasks.get(tid)
                if task is not None and task.state == "vfork":
                    self._goes_on(task)

    def await_death(self, program: Program) -> None:
        """A program was let go on into exit_group: it is gone when this returns."""
        for descriptor, each in list(self._pidfds.items()):
            if each is program:
                poller = select.poll()
                poller.register(descriptor, select.POLLIN)
                poller.poll()
                self._program_died(program, descriptor)
                return

    def _program_died(self, program: Program, pidfd: int) -> None:
        self._poller.unregister(pidfd)
        del self._pidfds[pidfd]
        os.close(pidfd)
        if not program.alive:
            return
        program.alive = False
        for cloner in [each for each in self._births if each.program is program]:
            # Its threads died with it. A program that it made lives on, and is found when it makes a call.
            if program.unborn:
                program.unborn.pop()
                self._not_born(cloner)
        for task in list(program.tasks):
            if task.state == "blocked":
                self._forget_wait(task)
            self.vanishes(task)
        self._queue = deque(task for task in self._queue if task.program is not program)
        if program is self.root:
            program.status = _reaped(program.pid)
        program.release_all()
        program.forget_memory()
        self.locks.drop_all(program)
        self.child_went_on(program)
        self.futexes.somebody_died()
        for child in program.children:
            if not child.alive:
                _reaped(child.pid, os.WNOHANG)
        parent = program.parent
        if parent is not None and not parent.alive:
            _reaped(program.pid, os.WNOHANG)
        if parent is not None and parent.alive and parent.tasks:
            self._signalled(self._taker(parent, signal.SIGCHLD), signal.SIGCHLD)

    def _look_for_the_dead(self) -> None:
        for program in list(self.programs.values()):
            for task in list(program.tasks):
                if program.alive and is_gone(program.pid, task.tid):
                    if task.state == "blocked":
                        self._forget_wait(task)
                    self.vanishes(task)
            if program.alive and not program.tasks:
                # Its last thread has gone before the kernel told of its end: nobody would look for that any more.
                self.await_death(program)

    def _nothing_came(self) -> None:
        """No call for a while: threads may have died, may wait in the kernel, or compute."""
        self._look_for_the_dead()
        if self._births:
            self._look_for_the_unborn()
        for task in list(self.tasks.values()):
            if task.state == "running" and thread_state(task.program.pid, task.tid) == "S":
                number = native_call(task.program.pid, task.tid)
                if number is not None and number >= 0 and task.tid not in self._vforks:
                    self.refuse(f"{_name(number)} waits in the kernel, where virtual time cannot end it")
                    task.state = "native"
                    self._running -= 1
        self.check_memory()
        self._quiet_s += _LOOK_MS / 1000
        if self._quiet_s > SPIN_PATIENCE_S and self._running:
            raise Stuck(f"it ran for more than {SPIN_PATIENCE_S:g} s without a system call")

    def forget_the_reaped(self) -> int:
        """Let go of programs that have ended and been waited for; how many have ended and have not."""
        self.spend_allowance(len(self.programs))
        zombies = 0
        for program in list(self.programs.values()):
            if program.alive:
                continue
            if thread_state(program.pid, program.pid) == "Z":
                zombies += 1
            else:
                self._forget_program(program)
        return zombies

    def _forget_program(self, program: Program) -> None:
        if program is not self.root:
            self.programs.pop(program.pid, None)
        if program.parent is not None and program in program.parent.children:
            program.parent.children.remove(program)

    def check_memory(self) -> None:
        """OutOfMemory when the programs hold more than they may."""
        held = sum(resident_bytes(each.pid) for each in self.programs.values() if each.alive)
        if held > self.memory_bytes_max:
            raise OutOfMemory(f"its programs hold more than {self.memory_bytes_max >> 20} MiB of memory")

    def check_descriptors(self) -> None:
        """ENFILE when the supervisor has hardly any descriptors left for what programs open."""
        highest = os.dup(self.placeholder)
        os.close(highest)
        if highest >= self._descriptors_max:
            self.refuse("more pipes, sockets and programs than the harness can keep open were refused")
            raise OSError(errno.ENFILE, "too many open")

    def refuse(self, text: str) -> None:
        """Tell once what the program asked for in vain."""
        if text not in self._refused:
            self._refused.add(text)
            self.on_refused(text)


def _finishing(wait: Wait) -> Callable[[], None]:
    return lambda: wait.finish(True)


def _name(number: int) -> str:
    return NAMES.get(number, f"system call {number}")


def _reaped(pid: int, options: int = 0) -> int | None:
    """The wait status of a program that is dead, or about to be; None when it is nobody's child of ours."""
    try:
        return os.waitpid(pid, options)[1]
    except ChildProcessError:
        return None


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
