"""A station: one terminal on its counter, its hardware and its software, from power on to death and back.

Models: boots, ready and busy, operator actions from request to outcome, power cuts, crashes, restarts by the device's init
with a limit, and giving up. Does not model: people (``workload``), the hardware's parts (``device``).

Death order, always: the history is told, the ports die, what was under way is interrupted, and only then is the software
unwound, from the hub. A cut may come from the hub, from another device's software or from inside this one's own call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import greenlet
import simpy
from simpy.events import URGENT

from harness.contract import Action, ActionKind, ActionRequested, CardData, KeyPressed, Manifest, Outcome
from harness.device.chip import Chip
from harness.device.facade import DeviceFacade, StationCallbacks
from harness.device.hardware import Hardware
from harness.device.session import ContractViolation
from harness.device.text_map import map_of
from harness.history.events import (
    ActionEnded,
    ActionStarted,
    Booted,
    Inspected,
    InspectionMissing,
    OperatorDid,
    PowerLost,
    SoftwareDied,
    SoftwareReady,
    StorageAfterPowerLoss,
)
from harness.storage.profiles import registry as profiles
from harness.sut import current, deaths, interpreter, watchdog
from harness.sut.console import Console, presentable
from harness.sut.durability import DiskStory, Durability
from harness.sut.endings import dead_error, run_exit_calls
from harness.sut.memory import Census
from harness.sut.process import Process
from harness.sut.software import RunningTerminal, Software
from harness.sut.speech import Speech
from harness.sut.supervisor.ending import ProgramFailed, SupervisorBroke
from harness.sut.white_box import WhiteBox
from harness.sut.world import World

FIRST_PID = 300
ARRIVES_AFTER_A_CUT = 0.5
"""The chance of a message on its way when power goes; of both ends something is to be learned, so both come up alike."""


@dataclass(slots=True)
class Pending:
    """An action asked for. ``done`` succeeds with its Outcome, or with None when power or the software died under it."""

    number: int
    done: simpy.Event


@dataclass(frozen=True, slots=True)
class InitPolicy:
    """How the device starts the software. ``boot_limit`` deaths in a row without an action finished end in giving up."""

    boot_delay_us: int = 0
    """From power on to the software's first instruction. The harness does not know the device's; zero is harshest."""
    restart_delay_us: int = 2_000_000
    boot_limit: int = 5


class Station:
    """One terminal. Names, such as T01, come from the hardware."""

    def __init__(
        self, world: World, index: int, hardware: Hardware, software: Software, init: InitPolicy = InitPolicy()
    ) -> None:
        self.world = world
        self.env = world.env
        self.index = index
        self.hardware = hardware
        self.name = hardware.name
        """Such as T01."""
        self.software = software
        """What is installed: the software under test, or the release before it."""
        self.releases = {"current": software, "previous": software}
        self.init = init
        self.durability = Durability({volume.name: profiles.get(volume.profile) for volume in hardware.spec.volumes})
        for volume in hardware.disk.volumes:
            volume.witness = DiskStory(self)
        self.census = Census(self)
        self.process: Process | None = None
        self.terminal: RunningTerminal | None = None
        self.gave_up = False
        self.transactions = 0
        """Actions ended since the run began."""
        self._pending: dict[int, Pending] = {}
        self._actions = 0
        self._deaths_in_row = 0
        self._told_ready = False
        self._generation = 0
        self._speech = Speech(self)
        self._white_box = WhiteBox(self)

    # ------------------------------------------------------------ what others look at

    @property
    def tid(self) -> str:
        return self.hardware.tid

    @property
    def mid(self) -> str:
        return self.hardware.mid

    @property
    def manifest(self) -> Manifest:
        return self.software.manifest

    @property
    def powered(self) -> bool:
        return self.hardware.powered

    def carry_on(self, actions: int, boots: int) -> None:
        """Number actions and boots from here on: what follows continues a history that has some already."""
        self._actions = actions
        self.hardware.boots = boots

    @property
    def ready(self) -> bool:
        """The software waits for its next event, and nothing is asked of it."""
        facade = self.hardware.facade
        return facade is not None and self._told_ready and not self._pending and facade.waiting

    @property
    def starting(self) -> bool:
        """The software runs, and has not been ready since this start."""
        return self.process is not None and not self._told_ready

    @property
    def current_action(self) -> int | None:
        """The number of the action under way."""
        facade = self.hardware.facade
        return None if facade is None else facade.action

    def clock_was_set(self) -> None:
        """The battery clock shows another time from now on."""
        if self.process is not None:
            self.process.on_clock_set()

    # ------------------------------------------------------------ power and boots

    def power_on(self) -> None:
        """Power comes on; the software starts after ``boot_delay_us``."""
        if self.powered:
            return
        self.hardware.power_on()
        self.gave_up = False
        self._deaths_in_row = 0
        self._boot_after(self.init.boot_delay_us)

    def power_cut(self, cause: str, seed: int, fates: str = "", under_way: str | None = None) -> None:
        """Power goes. Storage keeps one legal image under each volume's profile, drawn from ``seed``.

        ``under_way`` names the volume whose last operation had begun and not returned.

        ``fates`` is the causal key under which it is drawn of each message on its way to the host whether it still arrives;
        without one, what has left the device does.
        """
        if not self.powered:
            return
        self._generation += 1
        recorder, now_us = self.world.recorder, self.world.now_us
        recorder.emit(PowerLost(now_us, self.name, cause))
        disk = self.hardware.disk
        images, losses = self.durability.cut(disk, seed, now_us, under_way)
        process = self._kill(lambda: deaths.PowerLost(f"{self.name} has no power"), power=True)
        self.hardware.power_lost(self._drawn_fates(fates) if fates else None)
        self._interrupt()
        for loss in losses:
            if loss.pending or loss.unsurvivable:
                told = tuple(presentable(each) for each in loss.details)
                recorder.emit(
                    StorageAfterPowerLoss(
                        now_us, self.name, loss.volume, loss.pending, loss.lost, loss.torn, told, loss.unsurvivable
                    )
                )
        fresh = disk.load(images)
        fresh.accrued_us = 0
        self.hardware.disk = fresh
        self._reap(process)

    def _drawn_fates(self, key: str) -> Callable[[int], bool]:
        """Of each message on its way up: a segment that is lost on the way is sent again by nobody, and a modem or router with
        power of its own may still send what it was handed.
        """
        decisions = self.world.decisions
        arriving = {
            message: decisions.uniform(f"{key}/up/{place}", 0.0) < ARRIVES_AFTER_A_CUT
            for place, message in enumerate(self.hardware.link.in_flight("up"))
        }
        return arriving.__getitem__

    def restart(self, cause: str) -> None:
        """The software's process ends and starts anew; what the kernel had cached survives. A reboot writes it back first."""
        if not self.powered:
            return
        self._generation += 1
        if cause == "reboot" and self.process is not None:
            self._sync()
        self._end_process(lambda: deaths.ProcessEnded(f"{self.name} restarts: {cause}"))
        self.gave_up = False
        self._deaths_in_row = 0
        self._boot_after(self.init.restart_delay_us)

    def install(self, release: Literal["current", "previous"]) -> None:
        """The device's loader restarts it into that release, which finds what the other one left."""
        before, self.software = self.software, self.releases[release]
        names = [f"{each.name} {each.manifest.version}" for each in (before, self.software)]
        self.world.recorder.emit(
            OperatorDid(self.world.now_us, self.name, f"an update was installed: {names[0]} gave way to {names[1]}")
        )
        self.restart("reboot")

    def crash(self, reason: str, detail: str) -> None:
        """The software died. The device's init starts it again, but for ever only while it gets something done."""
        process = self.process
        if process is None or process.dead:
            return
        self._generation += 1
        self.world.recorder.emit(SoftwareDied(self.world.now_us, self.name, reason, presentable(detail, 400)))
        self._end_process(lambda: deaths.ProcessEnded(f"{self.name}: {reason}"))
        self._deaths_in_row += 1
        if self._deaths_in_row >= self.init.boot_limit:
            self.gave_up = True
        else:
            self._boot_after(self.init.restart_delay_us)

    def retire(self) -> None:
        """Nothing of this device is wanted any more: its software ends without a trace.

        A fiber that waits keeps everything that it can reach alive for as long as nobody ends it: the garbage collector
        does not look into suspended greenlets.
        """
        self._generation += 1
        process, self.process = self.process, None
        if process is not None:
            process.die(lambda: deaths.ProcessEnded(f"{self.name} is retired"), power=True)
            self._reap(process)

    def _sync(self) -> None:
        """A clean shutdown unmounts: everything cached is written. An I/O error then loses what it loses."""
        disk = self.hardware.disk
        hook, disk.before_operation = disk.before_operation, None
        try:
            disk.sync()
        except OSError:
            pass
        finally:
            disk.before_operation = hook

    def _end_process(self, death: Callable[[], deaths.ProcessEnded]) -> None:
        disk = self.hardware.disk
        process = self._kill(death, power=False)
        self.hardware.process_died()
        self._interrupt()
        fresh = disk.restart()
        fresh.accrued_us = 0
        self.hardware.disk = fresh
        self._reap(process)

    def _kill(self, death: Callable[[], deaths.ProcessEnded], *, power: bool) -> Process | None:
        process, self.process = self.process, None
        self.terminal = None
        self._told_ready = False
        if process is not None:
            process.console.close(lost=power)
            process.die(death, power=power)
        return process

    def _reap(self, process: Process | None) -> None:
        if process is None:
            return
        if current.process is None and greenlet.getcurrent().parent is None:
            process.reap()
            return
        # Inside some software's call: its fibers can only be unwound from the hub, before anything else happens.
        later = self.env.event()
        later._ok, later._value = True, None
        assert later.callbacks is not None
        later.callbacks.append(lambda _: process.reap())
        self.env.schedule(later, URGENT)

    def _interrupt(self) -> None:
        pendings, self._pending = self._pending, {}
        for number, pending in pendings.items():
            self.world.recorder.emit(ActionEnded(self.world.now_us, self.name, number, "interrupted"))
            pending.done.succeed(None)

    def _boot_after(self, delay_us: int) -> None:
        generation = self._generation

        def boot(_event: simpy.Event) -> None:
            if generation == self._generation and self.powered and self.process is None:
                self._boot()

        timer = self.env.timeout(delay_us)
        assert timer.callbacks is not None
        timer.callbacks.append(boot)

    def _boot(self) -> None:
        hardware, world = self.hardware, self.world
        boot = hardware.boots + 1
        world.recorder.emit(Booted(world.now_us, self.name, boot))
        process = Process(
            self.env,
            name=self.name,
            pid=FIRST_PID + boot,
            disk=hardware.disk,
            network=hardware.link,
            wall_clock=hardware.rtc.wall_us,
            shown_clock=hardware.rtc.shown_us,
            entropy=world.streams.generator(self.name, "entropy", str(boot)),
            console=Console(self._speech.logged, self._speech.concealed),
            environ={
                "HOME": "/data",
                "LANG": "C.UTF-8",
                "PATH": "/usr/bin:/bin",
                "TMPDIR": self._temporary_directory(),
            },
        )
        process.number = self.index
        process.on_refused = self._speech.note_refused
        process.table = self.software.table()
        self.process = process
        callbacks = StationCallbacks(self._became_ready, self._finished, self._reboot_asked, self._violated)
        facade = hardware.boot(process, callbacks, dead_error(process), map_of(self.manifest))
        self._told_ready = False
        interpreter.collect_garbage(1)
        process.spawn(lambda: self._run(process, facade))

    def _temporary_directory(self) -> str:
        """Scratch files belong on the cache volume where there is one, as terminals arrange it."""
        names = {volume.name: volume.mount_point for volume in self.hardware.spec.volumes}
        return names.get("cache", names.get("data", "/"))

    # ------------------------------------------------------------ inside the software's fiber

    def _run(self, process: Process, facade: DeviceFacade) -> None:
        reason, detail = "returned", "run() returned; a terminal's main loop does not end"
        try:
            terminal = self.software.start(facade)  # type: ignore[arg-type]
            if process is self.process:
                self.terminal = terminal
            terminal.run()
        except deaths.ProcessEnded:
            return
        except SupervisorBroke:
            raise  # out of the fiber and of the run: an error of the harness
        except ContractViolation as error:
            reason, detail = "contract", self._speech.last_words(process, error)
        except MemoryError as error:
            reason, detail = "out_of_memory", self._speech.last_words(process, error)
        except ProgramFailed as error:
            reason, detail = error.reason, self._speech.last_words(process, error)
            if process.console.last_error:
                # A program has no stack to be read; most say on stderr what they die of.
                detail = f"{detail}; last on stderr: {process.console.last_error.strip()}"
        except watchdog.Spinning as error:
            reason, detail = "spinning", self.software.death_detail(error)
        except SystemExit as error:
            detail = f"it left through SystemExit({error.code!r})"
        except BaseException as error:
            reason, detail = "exception", self._speech.last_words(process, error)
        if not process.dead:
            run_exit_calls(process)
            self.crash(reason, detail)

    def _became_ready(self) -> None:
        process = self.process
        if process is None:
            return
        if not self._told_ready:
            self._told_ready = True
            self.world.recorder.emit(SoftwareReady(self.world.now_us, self.name, self.hardware.boots))
            self._white_box.keep_healthy("ready")
        self.census.idle()

    def _finished(self, action: Action, outcome: Outcome) -> None:
        self.world.recorder.emit(ActionEnded(self.world.now_us, self.name, action.number, outcome.kind, outcome.reason))
        self._deaths_in_row = 0
        self.transactions += 1
        if outcome.kind == "approved":
            self._white_box.keep_healthy("approved")
        pending = self._pending.pop(action.number, None)
        if pending is not None:
            pending.done.succeed(outcome)
        self.durability.fold(self.hardware.disk, self.world.now_us)
        self.census.action_ended()
        interpreter.action_ended()

    def _reboot_asked(self) -> None:
        self.restart("reboot")

    def _violated(self, detail: str) -> None:
        self.crash("contract", detail)

    # ------------------------------------------------------------ what people do

    def request(
        self,
        kind: ActionKind,
        amount_fen: int = 0,
        intent: int | None = None,
        original_stan: str = "",
        original_batch: str = "",
        original_rrn: str = "",
        original_date: str = "",
        original_amount_fen: int = 0,
        account: str = "",
        cycle: str = "",
        trace_number: str = "",
    ) -> Pending:
        """An operator asks for an action. On a terminal without running software nothing happens, and ``done`` says so."""
        self._actions += 1
        number = self._actions
        pending = Pending(number, self.env.event())
        action = Action(
            number, kind, amount_fen, original_stan, original_batch, original_rrn, original_date, original_amount_fen,
            account, cycle, trace_number,
        )  # fmt: skip
        facade = self.hardware.facade
        if facade is None or not facade.post(ActionRequested(action)):
            pending.done.succeed(None)
            return pending
        self._pending[number] = pending
        self.world.recorder.emit(
            ActionStarted(self.world.now_us, self.name, number, kind, amount_fen or None, intent, original_stan or None)
        )
        return pending

    def press_key(self, key: str) -> None:
        """Somebody presses a key outside an action."""
        if self.hardware.facade is not None:
            self.hardware.facade.post(KeyPressed(key))

    def present_card(self, card: CardData, chip: Chip | None = None) -> None:
        """A customer shows a card."""
        self.hardware.present_card(card, chip)

    # ------------------------------------------------------------ white box

    def inspect(self, when: str) -> None:
        """Let the software's own ``inspect`` read its files as they are now; nothing is recorded when it offers none."""
        self._white_box.inspect(when)

    def inspected(self, when: str) -> Inspected | InspectionMissing | None:
        """What its ``inspect`` reads now, for whoever asks; the history is not told."""
        return self._white_box.inspected(when)
