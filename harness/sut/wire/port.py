"""The harness's end of a program's stdin and stdout, for one boot: lines to requests, requests to the device, answers back.

Models: requests of several threads at once, each carried out in a fiber of its own, so that whoever feeds bytes never waits; a
program that breaks the contract, on purpose or not, in bounded memory. Does not model: pipes and their capacity, stderr, the
end of the program: those are the supervisor's.

A breach in what is fed raises ContractViolation from ``feed``; one that shows later, in a fiber, is told to ``violated``.
Either way nothing more is read or answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import assert_never

from harness.contract import Action, ActionRequested, Device, DeviceError, Outcome, Receipt, Screen, Totals
from harness.device.session import ContractViolation, NoPower
from harness.sut.deaths import ProcessEnded
from harness.sut.wire import answers, requests
from harness.sut.wire.requests import LINE_BYTES_MAX, AnyRequest, violation
from harness.sut.wire.text import TextLines, TextPort

UNDER_WAY_MAX = 64
INSTANT_MAX = 10_000
"""How many lines of log and probes may come with nothing between them that takes time."""
_AT_ONCE = (
    requests.Finish,
    requests.Show,
    requests.ShowBytes,
    requests.HasPaper,
    requests.LoadKey,
    requests.HasKey,
    requests.Mac,
    requests.Encrypt,
    requests.Decrypt,
    requests.NvramRead,
    requests.NvramWrite,
)
"""What a device does without waiting for anything: it takes its time when the software next waits."""
NO_WORDS: Mapping[str, str] = {}


def _nothing_owed() -> None:
    pass


class Wire:
    """``device`` is the boot's facade. ``send`` takes bytes for stdin; ``spawn`` starts a body as a fiber of the process.

    ``violated`` is told of a breach in a line, ``log`` of each line that the program logs. ``settle`` is called in the fiber
    after each request, before its answer: where a supervisor wants what peripherals cost to be paid at once. ``text`` is how a
    program that only prints text is spoken to (``manifest_file``); ``boot`` holds further words for the first line. ``in_place``:
    whoever feeds is a fiber of the process itself, and what takes no waiting is done before ``feed`` returns.
    """

    def __init__(
        self,
        device: Device,
        send: Callable[[bytes], None],
        spawn: Callable[[Callable[[], None]], object],
        *,
        violated: Callable[[str], None],
        log: Callable[[str], None],
        settle: Callable[[], None] = _nothing_owed,
        text: TextLines | None = None,
        in_place: bool = False,
        boot: Mapping[str, str] = NO_WORDS,
    ) -> None:
        self._device = device
        self._send_bytes = send
        self._spawn = spawn
        self._violated = violated
        self._log = log
        self._settle = settle
        self._boot = boot
        self._in_place = in_place
        self._pending = bytearray()
        self._searched = 0
        self._under_way: dict[int, AnyRequest] = {}
        self._actions: dict[int, Action] = {}
        self._instant = 0
        self.about_to_begin = 0
        """Requests whose fiber has not begun yet: it does at this instant."""
        self.over = False
        """Whether nothing more is read or sent: closed, or after a breach."""
        self._text = None if text is None else TextPort(device, text, self._send, self._start, settle)

    # ------------------------------------------------------------ the supervisor's side

    @property
    def under_way(self) -> int:
        """How many requests have no answer yet."""
        return len(self._under_way)

    def start(self) -> None:
        """Send what the program reads first."""
        if self._text is None:
            self._send(answers.boot_line(self._device, self._boot))
        else:
            self._text.start()

    def feed(self, data: bytes) -> None:
        """What the program wrote to stdout, in pieces of any size. Raises ContractViolation, and nothing else."""
        pending = self._pending
        pending += data
        while not self.over:
            end = pending.find(b"\n", self._searched)
            if (end if end >= 0 else len(pending)) > LINE_BYTES_MAX:
                raise self._breach(bytes(pending[: LINE_BYTES_MAX + 1]), "a line has at most 1 MiB")
            if end < 0:
                self._searched = len(pending)
                return
            line = bytes(pending[:end])
            del pending[: end + 1]
            self._searched = 0
            self._read(line.rstrip(b"\r"))
        pending.clear()

    def end(self) -> None:
        """The program closed stdout: what it left without a newline is a text's last line, and a request cut short."""
        line = bytes(self._pending)
        self._pending.clear()
        if line.strip() and not self.over:
            if self._text is None:
                raise self._breach(line, "stdout ended within a line")
            self._read(line)

    def close(self) -> None:
        """The boot is over; fibers end with their process."""
        self.over = True
        self._pending.clear()

    # ------------------------------------------------------------ lines

    def _breach(self, line: bytes, why: str) -> ContractViolation:
        self.close()
        return violation(line, why)

    def _read(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            if self._text is not None and not line.startswith(b'{"'):
                self._text.line(line)
            else:
                self._take(line)
        except ContractViolation:
            self.close()
            raise

    def _take(self, line: bytes) -> None:
        request = requests.read_request(line)
        why = self._objection(request)
        if why:
            raise violation(line, why)
        if isinstance(request, requests.Log | requests.Probe):
            self._instant += 1
            self._serve(request)
            return
        self._instant = 0
        self._under_way[request.id] = request
        if self._in_place and isinstance(request, _AT_ONCE):
            self._guarded(lambda: self._serve(request))
        else:
            self._start(lambda: self._serve(request))

    def _objection(self, request: AnyRequest) -> str:
        """Why a request that is well written cannot be taken now."""
        if request.id in self._under_way:
            return f"a request with id {request.id} is under way"
        if len(self._under_way) >= UNDER_WAY_MAX:
            return f"{UNDER_WAY_MAX} requests are under way"
        if self._instant >= INSTANT_MAX:
            return f"{INSTANT_MAX} lines of log in a row"
        if isinstance(request, requests.NextEvent | requests.ReadCard):
            call = type(request)
            if any(type(each) is call for each in self._under_way.values()):
                return f"{call.__struct_config__.tag} is under way in another request"
        if self._text is not None and isinstance(request, requests.NextEvent | requests.Finish | requests.ReadCard):
            return "a program with `text:` in its manifest is told of events and cards by lines of text"
        return ""

    def _start(self, body: Callable[[], None]) -> None:
        """Run ``body`` in a fiber; what goes wrong in it is told."""
        self.about_to_begin += 1

        def begun() -> None:
            self.about_to_begin -= 1
            self._guarded(body)

        self._spawn(begun)

    def _guarded(self, body: Callable[[], None]) -> None:
        try:
            body()
        except ContractViolation as breach:
            if not self.over:
                self.close()
                self._violated(str(breach))
        except (ProcessEnded, NoPower):
            pass  # the boot is over, and nobody waits for an answer

    def _send(self, line: bytes) -> None:
        if not self.over:
            self._send_bytes(line)

    # ------------------------------------------------------------ requests

    def _serve(self, request: AnyRequest) -> None:
        try:
            body = self._carry_out(request)
            line = answers.ok_line(request.id, body)
        except DeviceError as error:
            line = answers.error_line(request.id, error)
        self._settle()
        self._under_way.pop(request.id, None)
        self._send(line)

    def _carry_out(self, request: AnyRequest) -> answers.Body:
        device = self._device
        match request:
            case requests.NextEvent():
                return self._next_event(request.timeout_s)
            case requests.Finish():
                self._finish(request)
            case requests.Show(_, kind, text, amount_fen, stan, batch, rrn):
                device.display.show(Screen(kind, text, amount_fen, stan, batch, rrn))
                return answers.screen_body(device.display.current)
            case requests.ShowBytes(_, data):
                device.display.write(bytes.fromhex(data))
                return answers.screen_body(device.display.current)
            case requests.Print():
                device.printer.print(_receipt(request))
            case requests.PrintBytes(_, data):
                device.printer.write(bytes.fromhex(data))
            case requests.HasPaper():
                return {"paper": device.printer.has_paper()}
            case requests.ReadCard(_, timeout_s):
                return answers.card_body(device.card.read(timeout_s))
            case requests.FirstCryptogram(_, amount_fen, offline):
                return answers.cryptogram_body(device.card.first_cryptogram(amount_fen, offline=offline))
            case requests.SecondCryptogram(_, response_code):
                return answers.cryptogram_body(device.card.second_cryptogram(response_code))
            case requests.LoadKey(_, slot, key, check):
                device.pin_pad.load_key(slot, bytes.fromhex(key), bytes.fromhex(check))
            case requests.HasKey(_, slot):
                return {"loaded": device.pin_pad.has_key(slot)}
            case requests.Mac(_, data):
                return answers.data_body(device.pin_pad.mac(bytes.fromhex(data)))
            case requests.PinBlock(_, pan):
                return answers.data_body(device.pin_pad.pin_block(pan))
            case requests.Encrypt(_, data):
                return answers.data_body(device.pin_pad.encrypt(bytes.fromhex(data)))
            case requests.Decrypt(_, data):
                return answers.data_body(device.pin_pad.decrypt(bytes.fromhex(data)))
            case requests.NvramRead(_, offset, size):
                return answers.data_body(device.nvram.read(offset, size))
            case requests.NvramWrite(_, offset, data):
                device.nvram.write(offset, bytes.fromhex(data))
            case requests.Probe(_, name):
                device.probe(name)
            case requests.Log(_, text):
                self._log(text)
            case requests.Reboot():
                device.reboot()
            case _:
                assert_never(request)
        return answers.NOTHING

    def _next_event(self, timeout_s: float | None) -> answers.Body:
        event = self._device.next_event(timeout_s)
        if isinstance(event, ActionRequested):
            self._actions[event.action.number] = event.action
        return answers.event_body(event)

    def _finish(self, request: requests.Finish) -> None:
        # A number that nobody handed over is passed on, too: the device knows whether its action has ended or never was.
        action = self._actions.pop(request.action, None) or Action(request.action, "sale")
        outcome = Outcome(request.outcome, request.reason, request.text, request.stan, request.batch, request.rrn)
        self._device.finish(action, outcome)


def _receipt(request: requests.Print) -> Receipt:
    told = request.totals
    totals = None if told is None else Totals(told.debit_count, told.debit_fen, told.credit_count, told.credit_fen)
    return Receipt(
        request.receipt,
        request.text,
        request.amount_fen,
        request.stan,
        request.batch,
        request.rrn,
        request.duplicate,
        totals,
    )
