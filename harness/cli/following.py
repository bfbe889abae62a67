"""What ``harness host`` shows and keeps while it serves: JSON, lines or a table on stdout, and the history on the disk."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from harness.cli.output import say

if TYPE_CHECKING:
    from harness.engine.live.books import Books
    from harness.engine.live.line import Line
    from harness.engine.live.server import Server
    from harness.engine.sink import Sink
    from harness.history.events import Event
    from harness.history.recorder import Recorder

_BLOCK_LINES = 200


@contextmanager
def following(server: Server, recorder: Recorder, *, as_json: bool, quiet: bool, head: str) -> Iterator[None]:
    """Say what happens: JSON, lines, or on a terminal a table that rewrites itself."""
    if quiet:
        yield
    elif as_json:
        encode = msgspec.json.encode
        with _in_blocks(server) as tell:
            recorder.tap = lambda _, event: tell(encode(event).decode())
            yield
    elif not sys.stdout.isatty():
        from harness.reporters.host import line_of

        with _in_blocks(server) as tell:

            def told(_: int, event: Event) -> None:
                line = line_of(event)
                if line:
                    tell(line)

            def told_cut(line: Line) -> None:
                tell(f"{line.peer} was cut off: {line.why}")

            recorder.tap = told
            server.on_cut = told_cut
            yield
    else:
        with _table(server, recorder, head):
            yield


@contextmanager
def _in_blocks(server: Server) -> Iterator[Callable[[str], None]]:
    """Lines are written when nothing else is to be done: a system call for each would cost more than what they tell of."""
    lines: list[str] = []

    def write() -> None:
        if lines:
            text = "\n".join(lines)
            lines.clear()
            say(text)

    def tell(line: str) -> None:
        lines.append(line)
        if len(lines) >= _BLOCK_LINES:
            write()

    server.on_turn = write
    try:
        yield tell
    finally:
        write()


@contextmanager
def _table(server: Server, recorder: Recorder, head: str) -> Iterator[None]:
    from rich.live import Live

    from harness.reporters.host import View

    view = View()
    recorder.tap = lambda _, event: view.saw(event)
    server.on_cut = lambda line: view.cut_off(line.peer, line.why)
    with Live(auto_refresh=False) as live:

        def tick() -> None:
            counts = server.counts
            callers = {
                "calls": counts.callers,
                "open": counts.open,
                "cut": counts.cut,
                "turned away": counts.turned_away,
            }
            live.update(view.table(head, callers, counts.peers), refresh=True)

        server.on_tick = tick
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                tick()  # what stays on the screen is how it ended


class Keeps:
    """What is recorded, on the disk within a tick; a disk that is full is told, and the host goes on."""

    def __init__(self, recorder: Recorder, sink: Sink | None) -> None:
        self._recorder = recorder
        self._sink = sink
        self.kept = True

    def tick(self) -> None:
        """Whoever reads the file, or kills this process, finds all but the last half second in it."""
        self._recorder.flush()
        if self.kept and self._sink is not None and self._sink.failure is not None:
            self._lost(self._sink.path, self._sink.failure)

    def close(self, books: Books) -> None:
        """The last of it, and the books beside it."""
        self.tick()
        if self._sink is None or not self.kept:
            return
        path = self._sink.path.with_name("books.json")
        try:
            path.write_bytes(msgspec.json.format(msgspec.json.encode(books), indent=1) + b"\n")
        except OSError as error:
            self._lost(path, error)

    def _lost(self, path: Path, error: OSError) -> None:
        self.kept = False
        click.echo(
            f"error: cannot write {path}: {error.strerror}; what happens from now on is not kept there", err=True
        )
