"""The display: what the customer and the operator see, at the instant they see it.

Models: one text screen, replaced as a whole; 30 ms to draw it (assumption: a serial LCD controller), a screen that goes
dark with the power. Does not model: backlight, pixels, touch.
"""

from harness.contract import Screen
from harness.device.checks import check_bytes, check_screen, concealed
from harness.device.session import Session
from harness.history.events import ScreenShown

DRAW_US = 30_000


class DisplayPort:
    """The display as one boot's software holds it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._current: Screen | None = None
        self._safe: Screen | None = None

    @property
    def current(self) -> Screen | None:
        """The very Screen that was shown last; None after power on."""
        self._session.check()
        return self._current

    @property
    def visible(self) -> Screen | None:
        """What people see, with texts made safe; a display without power shows nothing."""
        if self._session.dead or self._safe is None:
            return None
        return check_screen(self._safe)  # once more: it may be the software's own object

    def show(self, screen: Screen) -> None:
        """Replace what the display shows."""
        session = self._session
        if session.dead:
            session.check()
        said = session.texts.screen(screen)
        worded, found = concealed(session.secrets, said)
        safe = session.accept(check_screen, worded)
        session.emit(
            ScreenShown(
                session.now_us,
                session.device,
                session.action,
                safe.kind,
                safe.text,
                safe.amount_fen,
                safe.stan,
                safe.batch,
            )
        )
        if found:
            session.exposed("screen", found)
        self._current, self._safe = said if isinstance(said, Screen) else screen, safe
        session.cpu.spend(DRAW_US)

    def write(self, data: bytes) -> None:
        """Replace it by text in the software's own encoding."""
        session = self._session
        session.check()
        text = session.texts.text(session.accept(_written, data))
        screen = Screen("text", text)
        said = session.texts.screen(screen)
        session.screens.note(text, said is not screen, session.now_us)
        self.show(said if isinstance(said, Screen) else screen)


def _written(data: object) -> bytes:
    return check_bytes(data, "display.write")
