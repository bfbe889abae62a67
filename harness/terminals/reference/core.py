"""The terminal's ground floor: its store, its session with the host, trace numbers, when to work in the background."""

from __future__ import annotations

import time
from typing import ClassVar

from harness.contract import Action, DeviceError, Done, Failed, Outcome, Refused, Screen, Terminal
from harness.iso8583 import CodecError, Message
from harness.iso8583.keys import WorkingKeys, WrappedKey
from harness.terminals.reference.books import Books
from harness.terminals.reference.link import NO_ANSWER, Answer, Connection, connect
from harness.terminals.reference.messages import Messages
from harness.terminals.reference.records import next_stan
from harness.terminals.reference.store import NewerRelease, StorageFault, Store

BACKOFF_FIRST_S = 5.0
BACKOFF_MAX_S = 120.0
STORAGE_BROKEN = "存储故障,不能交易 STORAGE FAULT"
NEWER_RELEASE = "数据来自新版本,请更新软件 DATA OF A LATER RELEASE, PLEASE UPDATE"
STORAGE_FULL = "存储满,请先结算 STORAGE FULL, PLEASE SETTLE FIRST"


class TerminalCore(Terminal):
    """What every action needs. ``store`` is None while the flash cannot be used at all."""

    store_class: ClassVar[type[Store]] = Store
    messages_class: ClassVar[type[Messages]] = Messages

    def boot(self) -> None:
        """Open the store, which recovers; say so when records are missing."""
        self.messages = self.messages_class(self.device)
        self.store: Store | None = None
        self.must_sign_on = False
        self._backoff_s = BACKOFF_FIRST_S
        self._next_work_s = time.monotonic()
        self.open_store()

    def make_store(self) -> Store:
        """The store on the data volume."""
        volumes = self.device.volumes
        directory = volumes["data"] if "data" in volumes else next(iter(volumes.values()))
        return self.store_class(directory, self.device.nvram)

    def open_store(self) -> bool:
        """Try to open the store; what is wrong with it is shown."""
        if self.store is not None:
            return True
        try:
            self.store = self.make_store()
        except StorageFault as fault:
            text = NEWER_RELEASE if isinstance(fault, NewerRelease) else STORAGE_BROKEN
            self.device.display.show(Screen("error", text))
            return False
        self.store_opened()
        return True

    def store_opened(self) -> None:
        """The store has just been recovered: say what people must know."""
        if self.store is not None and self.store.is_damaged:
            self.device.probe("reference.damage_shown")
            text = f"流水有{self.store.books.damaged}条损坏,请结算 RECORDS DAMAGED, PLEASE SETTLE"
            self.device.display.show(Screen("error", text))

    @property
    def books(self) -> Books:
        """The open batch; only with a store."""
        assert self.store is not None
        return self.store.books

    def take_stan(self) -> str:
        """The next trace number. The record that carries it is durable before the number is sent."""
        books = self.books
        books.stan = next_stan(books.stan)
        return f"{books.stan:06d}"

    # ------------------------------------------------------------ the host

    def open_line(self) -> Connection | None:
        """A connection to the host, or None: then nothing was sent."""
        return connect(self.device, self.messages.wire)

    def ask(self, request: Message) -> Answer:
        """One request that moves no money by itself, on a connection of its own."""
        try:
            frame = self.messages.frame(request)
        except (DeviceError, CodecError):
            return NO_ANSWER
        connection = self.open_line()
        if connection is None:
            return NO_ANSWER
        with connection:
            return connection.exchange(frame, request, self.manifest.reply_timeout_s)

    def sign_on(self, action: Action) -> Outcome:
        """The operator signs on for the day: fresh working keys."""
        if not self.open_store():
            return Refused("storage_error", STORAGE_BROKEN)
        return Done("签到成功 SIGNED ON") if self.sign_on_to_host() else Failed("sign_on", "签到失败 SIGN-ON FAILED")

    def sign_on_to_host(self) -> bool:
        """Get working keys and learn the host's batch number."""
        answer = self.ask(self.messages.sign_on(self.take_stan(), self.books.batch))
        if answer.code != "00" or answer.message is None:
            return False
        try:
            keys = WorkingKeys.parse(answer.message.binary(62))
            self._load_key("pin", keys.pin_key)
            self._load_key("mac", keys.mac_key)
            batch = self.messages.batch_of(answer.text(60))
        except (CodecError, KeyError, TypeError, DeviceError):
            return False
        self.must_sign_on = False
        self._learn_batch(batch)
        return True

    def _load_key(self, slot: str, key: WrappedKey) -> None:
        self.device.pin_pad.load_key(slot, key.cryptogram, key.check)

    def _learn_batch(self, batch: str) -> None:
        books = self.books
        is_empty = not books.count and books.pending is None and books.settlement is None
        if batch == books.batch or not is_empty or not batch.isdecimal():
            return
        assert self.store is not None
        try:
            self.store.adopt_batch(batch)
        except StorageFault:
            self.must_sign_on = True

    def ensure_session(self) -> bool:
        """Working keys are there, and the host has not asked for a new sign-on."""
        if self.must_sign_on or not self.device.pin_pad.has_key("mac"):
            return self.sign_on_to_host()
        return True

    # ------------------------------------------------------------ background work

    def work_due(self) -> bool:
        """Whether something waits to be finished without the operator."""
        return self.store is None

    def work(self) -> bool:
        """Finish what waits; True when nothing is left."""
        return self.open_store()

    def hurry(self) -> None:
        """Try background work soon: something new is due, or the line is back."""
        self._backoff_s = BACKOFF_FIRST_S
        self._next_work_s = time.monotonic()

    def wait_a_while(self) -> None:
        """No background work at once: it has just been seen that it would fail."""
        self._next_work_s = max(self._next_work_s, time.monotonic() + self._backoff_s)

    def idle(self) -> None:
        """Do background work; after a failure wait twice as long."""
        if not self.work_due():
            return
        if self.work():
            self._backoff_s = BACKOFF_FIRST_S
        else:
            self._next_work_s = time.monotonic() + self._backoff_s
            self._backoff_s = min(self._backoff_s * 2, BACKOFF_MAX_S)

    def wait_s(self) -> float | None:
        """How long to wait for an event: without end unless work is due."""
        if not self.work_due():
            return None
        left_s = self._next_work_s - time.monotonic()
        # A clock that was set back must not put the work off for years.
        return min(max(left_s, 0.1), BACKOFF_MAX_S)
