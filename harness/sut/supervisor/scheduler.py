"""The supervisor's heart: programs run until each of their threads waits for something; then virtual time may go on.

Models: a machine with one processor. Threads run one at a time as far as system calls can tell: calls are answered in the
order in which they came, and of those that came together the older thread's first, so a run repeats itself.
Does not model: preemption. A thread that computes without a system call runs for as long as it computes; past
``SPIN_PATIENCE_S`` it is said to spin, and the order of calls is no longer promised.
Source: seccomp_unotify(2); the order of answers was measured to matter (strict priority starved event loops).
"""

from __future__ import annotations

import errno
import os
import resource
import select
import signal
import struct
from collections import deque
from collections.abc import Callable, Sequence
from typing import NoReturn

from harness.sut.ports import ConnectionPort
from harness.sut.process import Process
from harness.sut.supervisor import kernel
from harness.sut.supervisor.abi import NAMES
from harness.sut.supervisor.allowance import Allowance
from harness.sut.supervisor.clock import ClockPage
from harness.sut.supervisor.ending import OutOfMemory, ProgramEnded, Stuck
from harness.sut.supervisor.fence import HOSTS, HOSTS_WITHOUT_NAMES, fence_for
from harness.sut.supervisor.futexes import Futexes
from harness.sut.supervisor.lives import Lives
from harness.sut.supervisor.locks import RecordLocks
from harness.sut.supervisor.loopback import Ports
from harness.sut.supervisor.mappings import Mappings
from harness.sut.supervisor.procfs import (
    interrupting_signals,
    native_call,
    pending_signals,
    resident_bytes,
    thread_state,
)
from harness.sut.supervisor.registry import HANDLERS, LATER, NATIVE, Reply
from harness.sut.supervisor.signals import Signals
from harness.sut.supervisor.tasks import Program, Task, Wait
from harness.sut.supervisor.timekeeping import Timekeeper

_LOOK_MS = 50
_CALLS_BETWEEN_LOOKS = 4096
MEMORY_BYTES_MAX = 1 << 30
"""Memory in use by all programs of a boot."""
_OWN_DESCRIPTORS = 64
"""What the supervisor needs for itself."""
SPIN_PATIENCE_S = 10.0
"""Real time that a thread may compute without a system call."""


class Scheduler:
    """``process`` is the virtual process whose disk, link, clocks and chance the programs use."""

    def __init__(self, process: Process, code: Sequence[str] = ()) -> None:
        self.process = process
        self.disk = process.disk
        network = process.network
        self.fence = fence_for(code, *((network.host_name, network.host_ip) if network else ("acquirer", "192.0.2.10")))
        self._poller = select.poll()
        self.lives = Lives(self, self._poller)
        self.signals = Signals(self)
        self.clock = ClockPage()
        self.time = Timekeeper(self, process, self.clock)
        self.allowance = Allowance(process)
        self.mappings = Mappings(
            process.disk, self.lives.programs.values, lambda program: self.signals.send(program, signal.SIGBUS)
        )
        self.locks = RecordLocks()
        self.futexes = Futexes(self)
        self.placeholder = os.memfd_create("file", os.MFD_CLOEXEC)
        """The kernel object behind every descriptor of a volume's file that is not mapped."""
        self.ports = Ports(network.own_ip if network else "10.0.0.2")
        self.memory_bytes = 64 << 20
        self.memory_bytes_max = MEMORY_BYTES_MAX
        self.console_is_terminal = False
        self.secure: Callable[[ConnectionPort], ConnectionPort] | None = None
        """Puts TLS before a connection to the acquirer."""
        self.listener = -1
        self.started = False
        """Whether the first program has been executed."""
        self.notified = 0
        """System calls that came to the supervisor."""
        self.on_output: Callable[[str, bytes], None] = lambda stream, data: None
        self.on_refused: Callable[[str], None] = lambda text: None
        self.is_answered_now: Callable[[], bool] = lambda: False
        """Whether something that the program asked for begins at this instant."""
        self.before_waiting: Callable[[], None] = lambda: None
        """Called each time before virtual time may pass."""
        self.running = 0
        """Threads in user space, and those that are about to be born."""
        self.queue: deque[Task] = deque()
        self.blocked: list[Task] = []
        self._quiet_s = 0.0
        self._descriptors_max = 0
        self._kept: list[int] = []
        self._refused: set[str] = set()

    # ------------------------------------------------------------ beginning and end

    def adopt(self, pid: int, listener: int, number: int) -> Program:
        """The first program: forked, filtered, and about to call execve."""
        self.listener = listener
        self._poller.register(listener, select.POLLIN)
        root = self.lives.adopt(pid, number)
        self._descriptors_max = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _OWN_DESCRIPTORS
        self.time.show()
        return root

    def end(self) -> None:
        """Kill every program and give back all that was held."""
        self.lives.end()
        self.blocked.clear()
        self.queue.clear()
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
            if self.lives.root is not None and not self.lives.root.alive:
                raise ProgramEnded(self.lives.root.status)
            self.before_waiting()
            self.time.pass_on()
            self.mappings.look_for_damage()

    def _run_until_all_wait(self) -> None:
        while True:
            if self.running:
                self._gather()
            if self.queue:
                self._answer(self.queue.popleft())
            elif not self.running and not self._look_again():
                return
            if self.lives.root is not None and not self.lives.root.alive:
                return

    def _gather(self) -> None:
        """Take in calls until no thread is in user space any more."""
        came: list[Task] = []
        while self.running > 0:
            events = self._poller.poll(_LOOK_MS)
            if not events:
                self._nothing_came()
                continue
            self._quiet_s = 0.0
            for descriptor, _ in events:
                if descriptor == self.listener:
                    self._take_call(came)
                elif descriptor in self.lives.pidfds:
                    self.lives.died(self.lives.pidfds[descriptor], descriptor)
        if len(came) > 1:
            came.sort(key=lambda task: task.order)
        self.queue.extend(came)

    def _take_call(self, came: list[Task]) -> None:
        try:
            call, tid, number, arguments = kernel.receive(self.listener)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):
                self.lives.look_for_the_dead()
                return
            raise
        self.notified += 1
        task = self.lives.tasks.get(tid)
        if task is None or not task.program.alive:
            task = self.lives.unknown(tid)
        if task.state == "running":
            self.running -= 1
        elif task.state == "blocked":
            self.forget_wait(task)
        elif task.state == "vfork":
            self.lives.not_born(task)
        task.state = "asking"
        task.call, task.number, task.arguments = call, number, arguments
        came.append(task)

    def _answer(self, task: Task) -> None:
        """One thread's turn: its call is handled, or the answer that it waited for is given."""
        if not task.program.alive:
            return
        if not self.notified % _CALLS_BETWEEN_LOOKS:
            self.check_memory()
        self.allowance.count_call()
        try:
            if self.signals.of_the_library and (number := self.signals.of_the_library.pop(task.tid, 0)):
                self.signals.take(task, number)
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

    # ------------------------------------------------------------ answers

    def reply(self, task: Task, value: int = 0, error: int = 0) -> None:
        """The thread's call returns ``value``, or fails with ``error``."""
        if not task.program.alive:
            return  # its own call has ended it
        self.time.show()
        self.goes_on(task)
        kernel.answer(self.listener, task.call, value, error, False)

    def pass_on(self, task: Task) -> None:
        """The kernel does the call."""
        if not task.program.alive:
            return
        self.time.show()
        self.goes_on(task)
        kernel.answer(self.listener, task.call, 0, 0, True)

    def give(
        self, task: Task, descriptor: int, *, close_on_exec: bool, number: int | None = None, returns: bool = True
    ) -> int:
        """Put a copy of our descriptor into the thread's table; its number there is the call's answer when ``returns``."""
        if returns:
            self.time.show()
        given = kernel.give_descriptor(
            self.listener, task.call, descriptor, number=number, close_on_exec=close_on_exec, returns=returns
        )
        if returns:
            self.goes_on(task)
        return given

    def goes_on(self, task: Task) -> None:
        """Its call is being answered: from now on it is in user space."""
        task.state = "running"
        self.running += 1

    def behind_the_others(self, task: Task) -> Reply:
        """sched_yield: every thread that could go on comes first; with none, the next thing in the world does."""
        if self.queue:
            task.state = "asking"
            task.resume = lambda: self.reply(task)
            self.queue.append(task)
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
        self.blocked.append(task)
        return LATER

    def wake(self, task: Task, answer: Callable[[], None]) -> None:
        """A blocked thread may go on; ``answer`` is called when its turn comes."""
        self.blocked.remove(task)
        task.wait = None
        task.state = "asking"
        task.resume = answer
        self.queue.append(task)

    def forget_wait(self, task: Task) -> None:
        """The thread waits no longer, and nobody answers it for that."""
        wait, task.wait = task.wait, None
        if task in self.blocked:
            self.blocked.remove(task)
        if wait is not None and wait.on_cancel is not None:
            wait.on_cancel()

    def forget_calls_of(self, program: Program) -> None:
        """Nobody is there any more to be answered."""
        left = [task for task in self.queue if task.program is not program]
        self.queue.clear()
        self.queue.extend(left)

    def _look_again(self) -> bool:
        """Answer one thread whose wait is over by what others did; whether there was one."""
        for task in self.blocked:
            wait = task.wait
            if wait is not None and wait.ready is not None and wait.ready():
                self.finish_wait(task, False)
                return True
        return False

    def finish_wait(self, task: Task, timed_out: bool) -> None:
        """The wait is over, by what it waited for or by its deadline."""
        wait, task.wait = task.wait, None
        self.blocked.remove(task)
        task.state = "asking"
        assert wait is not None
        try:
            wait.finish(timed_out)
        except OSError as error:
            self.reply(task, error=error.errno or errno.EIO)

    # ------------------------------------------------------------ limits

    def _nothing_came(self) -> None:
        """No call for a while: threads may have died, may wait in the kernel, or compute."""
        self.lives.look_for_the_dead()
        if self.lives.births:
            self.lives.look_for_the_unborn()
        asleep = [
            (task, number)
            for task in self.lives.tasks.values()
            if task.state == "running" and thread_state(task.program.pid, task.tid) == "S"
            if (number := native_call(task.program.pid, task.tid)) is not None and number >= 0
            if task.tid not in self.lives.vforks
        ]
        # Looked at last: on a busy machine a call may have come since, and its thread sleeps until we answer.
        if asleep and not self._poller.poll(0):
            for task, number in asleep:
                self.refuse(f"{_name(number)} waits in the kernel, where virtual time cannot end it")
                task.state = "native"
                self.running -= 1
        self.check_memory()
        self._quiet_s += _LOOK_MS / 1000
        if self._quiet_s > SPIN_PATIENCE_S and self.running:
            raise Stuck(f"it ran for more than {SPIN_PATIENCE_S:g} s without a system call")

    def check_memory(self) -> None:
        """OutOfMemory when the programs hold more than they may."""
        held = sum(resident_bytes(each.pid) for each in self.lives.programs.values() if each.alive)
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


def _name(number: int) -> str:
    return NAMES.get(number, f"system call {number}")
