"""Programs and threads that come and go: births seen by their first call, deaths by the kernel's word.

Models: fork, clone and vfork (the caller stands still until its child has called exec, or is gone); a clone for which the kernel
had no room; exec, which ends the other threads; programs that die before their first call; zombies, and orphans.
Does not model: sessions, process groups.
Source: clone(2), vfork(2), pidfd_open(2), wait(2).
"""

from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING

from harness.sut.supervisor import janitor
from harness.sut.supervisor.objects import VolumeFile
from harness.sut.supervisor.procfs import is_gone, newcomers, parents_of, thread_state
from harness.sut.supervisor.tasks import Program, Task

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler


class Lives:
    """All programs of one boot, by process id, and all threads."""

    def __init__(self, scheduler: Scheduler, poller: select.poll) -> None:
        self._scheduler = scheduler
        self._poller = poller
        self.programs: dict[int, Program] = {}
        self.tasks: dict[int, Task] = {}
        self.root: Program | None = None
        self.programs_made = 0
        self.pidfds: dict[int, Program] = {}
        self.vforks: dict[int, Program] = {}
        self.births: list[Task] = []
        """Who called clone, for each thread and program that has not made a call of its own yet."""
        self._orders = 0

    def adopt(self, pid: int, number: int) -> Program:
        """The first program: forked, filtered, and about to call execve."""
        self.root = self.new_program(pid, number, None)
        self.new_task(pid, self.root)
        self._scheduler.running = 1
        return self.root

    def new_program(self, pid: int, number: int, parent: Program | None) -> Program:
        """A process that has just been made; ``number`` is what it is told its process id is."""
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
        self.pidfds[pidfd] = program
        self._poller.register(pidfd, select.POLLIN)
        return program

    def new_task(self, tid: int, program: Program) -> Task:
        """A thread that has just been made."""
        task = Task(tid, program, self._orders)
        self._orders += 1
        self.tasks[tid] = task
        program.tasks.append(task)
        if program.unborn and tid != program.pid:
            task.clear_tid = program.unborn.pop(0)
        return task

    def end(self) -> None:
        """Kill every program and let go of what each held."""
        alive = [program.pid for program in self.programs.values() if program.alive]
        for pid in alive:
            _kill(pid)
        if self.births:
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
        for pidfd in self.pidfds:
            os.close(pidfd)
        self.pidfds.clear()

    def drop(self, task: Task) -> None:
        """Another thread's exec has ended this one."""
        if task.state == "blocked":
            self._scheduler.forget_wait(task)
        elif task in self._scheduler.queue:
            self._scheduler.queue.remove(task)
        self.vanishes(task)

    def executed(self, program: Program) -> None:
        """A program has become another; its record locks stay, but for those on files that the exec closes."""
        for slot in program.slots.values():
            if slot.close_on_exec and isinstance(slot.opened, VolumeFile):
                self._scheduler.locks.drop(program, self._scheduler.disk.inode_of(slot.opened.descriptor))
        program.executed()

    def vanishes(self, task: Task) -> None:
        """A thread that was let go on will make no further call."""
        if task.state == "running":
            self._scheduler.running -= 1
        self.tasks.pop(task.tid, None)
        if task in task.program.tasks:
            task.program.tasks.remove(task)

    def unknown(self, tid: int) -> Task:
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
        for cloner in self.births:
            if cloner.program is of:
                self.births.remove(cloner)
                return

    def not_born(self, cloner: Task) -> None:
        """The kernel had no room for one more."""
        self.births.remove(cloner)
        self._scheduler.running -= 1
        self.vforks.pop(cloner.tid, None)

    def look_for_the_unborn(self) -> None:
        """A program may have died before its first call, or may never have been made."""
        for pid, tid in newcomers({pid for pid, each in self.programs.items() if each.alive}, self.tasks):
            if pid in self.programs or tid == pid:
                self.unknown(tid)
        for cloner in list(self.births):
            if cloner.state != "running" and cloner.tid not in self.vforks:
                self.not_born(cloner)

    def expect_thread(self, task: Task, flags_vfork: bool) -> None:
        """A clone was let go on: one more thread runs, and with vfork the caller stands still until its child has gone on."""
        self.births.append(task)
        if flags_vfork:
            self.vforks[task.tid] = task.program
            task.state = "vfork"
        else:
            self._scheduler.running += 1

    def child_went_on(self, program: Program) -> None:
        """A vforked child has called exec, or is gone."""
        for tid, parent in list(self.vforks.items()):
            if parent is program.parent:
                del self.vforks[tid]
                task = self.tasks.get(tid)
                if task is not None and task.state == "vfork":
                    self._scheduler.goes_on(task)

    def await_death(self, program: Program) -> None:
        """A program was let go on into exit_group: it is gone when this returns."""
        for descriptor, each in list(self.pidfds.items()):
            if each is program:
                poller = select.poll()
                poller.register(descriptor, select.POLLIN)
                poller.poll()
                self.died(program, descriptor)
                return

    def died(self, program: Program, pidfd: int) -> None:
        """A program has ended: its threads go, what it held is free, and who waits for it hears of it."""
        self._poller.unregister(pidfd)
        del self.pidfds[pidfd]
        os.close(pidfd)
        if not program.alive:
            return
        program.alive = False
        for cloner in [each for each in self.births if each.program is program]:
            # Its threads died with it. A program that it made lives on, and is found when it makes a call.
            if program.unborn:
                program.unborn.pop()
                self.not_born(cloner)
        for task in list(program.tasks):
            if task.state == "blocked":
                self._scheduler.forget_wait(task)
            self.vanishes(task)
        self._scheduler.forget_calls_of(program)
        if program is self.root:
            program.status = _reaped(program.pid)
        program.release_all()
        program.forget_memory()
        self._scheduler.locks.drop_all(program)
        self.child_went_on(program)
        self._scheduler.futexes.somebody_died()
        for child in program.children:
            if not child.alive:
                _reaped(child.pid, os.WNOHANG)
        parent = program.parent
        if parent is not None and not parent.alive:
            _reaped(program.pid, os.WNOHANG)
        if parent is not None and parent.alive and parent.tasks:
            self._scheduler.signals.child_died(parent)

    def look_for_the_dead(self) -> None:
        """Threads and programs that ended without a call of theirs."""
        for program in list(self.programs.values()):
            for task in list(program.tasks):
                if program.alive and is_gone(program.pid, task.tid):
                    if task.state == "blocked":
                        self._scheduler.forget_wait(task)
                    self.vanishes(task)
            if program.alive and not program.tasks:
                # Its last thread has gone before the kernel told of its end: nobody would look for that any more.
                self.await_death(program)

    def forget_the_reaped(self) -> int:
        """Let go of programs that have ended and been waited for; how many have ended and have not."""
        self._scheduler.allowance.spend(len(self.programs))
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
