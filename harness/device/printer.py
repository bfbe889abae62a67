"""The printer and its paper.

Models: a thermal printer that takes 1.5 s for a slip (assumption: 10 cm at 70 mm/s), paper counted in slips, paper that
runs out, and a device without a printer, which looks like one without paper. A slip that power cuts off half-way counts
as not printed: nobody can rely on it. Does not model: jams, worn heads, partial slips that can be read.
"""

from collections.abc import Callable

from harness.contract import PaperOut, Receipt
from harness.device.checks import check_bytes, check_receipt, concealed
from harness.device.session import Session
from harness.history.events import ReceiptPrinted

PRINT_US = 1_500_000


class Printer:
    """The printer itself; its paper outlives power and software."""

    def __init__(self, roll_slips: int, present: bool = True) -> None:
        self.present = present
        self.roll_slips = roll_slips
        self.slips_left = roll_slips if present else 0
        self.refusals = 0
        """How often a slip could not be printed for want of paper: the bite of a paper fault."""
        self.told_empty = 0
        """How often the software asked for paper and was told that there is none."""
        self.on_paper: Callable[[bool], None] | None = None

    def has_paper(self) -> bool:
        """Whether there is paper for one more slip."""
        return self.slips_left > 0

    def load_paper(self, slips: int | None = None) -> None:
        """Put in a roll, a full one unless told otherwise."""
        if self.present:
            self._set(self.roll_slips if slips is None else slips)

    def remove_paper(self) -> None:
        """The roll is empty or was taken out."""
        self._set(0)

    def _set(self, slips: int) -> None:
        had, self.slips_left = self.has_paper(), slips
        if self.on_paper is not None and had != self.has_paper():
            self.on_paper(self.has_paper())

    def take_slip(self) -> None:
        """One slip of paper is used up."""
        self._set(self.slips_left - 1)


class PrinterPort:
    """The printer as one boot's software holds it."""

    def __init__(self, session: Session, printer: Printer) -> None:
        self._session = session
        self._printer = printer

    def has_paper(self) -> bool:
        """Whether there is paper for one more slip."""
        self._session.check()
        has_paper = self._printer.has_paper()
        self._printer.told_empty += not has_paper
        return has_paper

    def print(self, receipt: Receipt) -> None:
        """Print the whole slip. Raises PaperOut when there is no paper."""
        session = self._session
        if session.dead:
            session.check()
        worded, found = concealed(session.secrets, session.texts.receipt(receipt))
        safe = session.accept(check_receipt, worded)
        self._require_paper()
        action = session.action
        session.cpu.sleep(PRINT_US)
        if session.dead:
            session.check()
        self._require_paper()
        totals = safe.totals
        session.emit(
            ReceiptPrinted(
                session.now_us,
                session.device,
                action,
                safe.kind,
                safe.text,
                safe.amount_fen,
                safe.stan,
                safe.batch,
                safe.duplicate,
                None if totals is None else totals.debit_count,
                None if totals is None else totals.debit_fen,
                None if totals is None else totals.credit_count,
                None if totals is None else totals.credit_fen,
            )
        )
        if found:
            session.exposed("receipt", found)
        self._printer.take_slip()

    def write(self, data: bytes) -> None:
        """Print a slip of text in the software's own encoding. Raises PaperOut when there is no paper."""
        session = self._session
        session.check()
        text = session.texts.text(session.accept(_written, data))
        slip = Receipt("other", text)
        said = session.texts.receipt(slip)
        session.slips.note(text, said is not slip, session.now_us)
        self.print(said if isinstance(said, Receipt) else slip)

    def _require_paper(self) -> None:
        if self._printer.slips_left <= 0:
            self._printer.refusals += 1
            raise PaperOut("no paper" if self._printer.present else "this device has no printer")


def _written(data: object) -> bytes:
    return check_bytes(data, "printer.write")
