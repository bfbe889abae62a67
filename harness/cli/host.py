"""``harness host``: the acquirer on real TCP, for terminals that are real."""

from __future__ import annotations

import contextlib
import io
import json
import re
import signal
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import Duration
from harness.core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from harness.engine.live.server import Server
    from harness.scenario.plan import Plan

_DEFAULT = "name: host\nhost: {latency_median: 60 ms, latency_p99: 400 ms, no_reply: 0%, decline: 0%}\n"
_TERMINAL = re.compile(r"^(?P<tid>[0-9A-Za-z]{8})(:(?P<mid>[0-9A-Za-z ]{15}))?(:(?P<key>[0-9A-Fa-f]{32}))?$")


@click.command()
@click.argument("scenario", required=False)
@click.option("--bind", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=5500, show_default=True, help="0: any that is free.")
@click.option("--dialect", metavar="SPEC", help="What it speaks: FILE.yaml, a shipped one or package.module:Class.")
@click.option(
    "--no-mac", is_flag=True, help="Ask for no authentication codes and no logon: for terminals without keys."
)
@click.option(
    "--terminal-id", "terminals_named", multiple=True, metavar="TID[:MID[:KEY]]",
    help="A terminal by its own numbers, KEY being its master key in hexadecimal.",
)  # fmt: skip
@click.option("--terminals", type=click.IntRange(1, 10_000), help="How many terminals it knows by made-up numbers.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of keys, delays and faults.")
@click.option("--at", "clock", metavar="HH:MM", help="Time of day to begin with; default: now.")
@click.option("--for", "for_s", type=Duration(), help="End after so long; default: when it is interrupted.")
@click.option(
    "--out", "out_dir", type=click.Path(path_type=Path, file_okay=False),
    help="Keep history.jsonl there as it grows, and at the end books.json: what the host holds.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print every event as a JSON object, at last the books.")
@click.option("--quiet", is_flag=True, help="Print the address and nothing else.")
def host(
    scenario: str | None,
    bind: str,
    port: int,
    dialect: str | None,
    no_mac: bool,
    terminals_named: tuple[str, ...],
    terminals: int | None,
    seed: int,
    clock: str | None,
    for_s: float | None,
    out_dir: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Serve the acquirer to real terminals, with the link and the host of SCENARIO and their faults, in real time.

    Without a scenario nothing goes wrong. Faults of families network and host strike as in a run: by the time of day, at
    messages, or at a rate; others are refused.

    Point a terminal at the address that is printed, with the numbers beside it (or give its own with --terminal-id). Where the
    dialect has authentication codes (MAC), a terminal signs on first and gets its working keys wrapped under its master key: put
    the test key that is printed into its PIN pad, or name the one that it has: --terminal-id TID:MID:KEY.

    A terminal whose keys nobody has, or a client on some library of ISO 8583, calls with --no-mac: no code is asked for and no
    logon, answers carry none, and the first batch number that it names is taken for the right one. --dialect ascii is what
    most libraries write as they come: digits and lengths as text, no TPDU, no MAC. A dialect file says what else is otherwise at
    your acquirer (encoding, security and line, beside the rules of settlement); `harness explain ascii` shows one.

    A caller that closes its side gets its answers first. What is no message of the dialect ends the line; --out and --json keep
    what happened, and at the end what the host holds. It listens on this machine alone unless --bind says otherwise: nothing
    here is a secure host.
    """
    import msgspec

    from harness.cli.following import Keeps, following
    from harness.cli.output import say
    from harness.cli.run import absolute_dialect
    from harness.engine.live.books import books_of
    from harness.engine.live.server import Server
    from harness.engine.live.site import open_site
    from harness.engine.sink import Sink, make_directory
    from harness.history.recorder import Recorder
    from harness.reporters.host import greeting

    if not bind.strip():
        # To a socket that would mean every address of the machine.
        raise UsageError("--bind is empty; expected an address of this machine, such as 127.0.0.1")
    plan = _plan(scenario, terminals or len(terminals_named) or None)
    others = [_named(each) for each in terminals_named]
    now = datetime.now()  # noqa: DTZ005 - the time of day where the terminal stands
    with contextlib.ExitStack() as held:
        sink = None
        if out_dir is not None:
            make_directory(out_dir)
            sink = held.enter_context(Sink(out_dir / "history.jsonl"))
        recorder = Recorder(None if sink is None else held.enter_context(io.BufferedWriter(sink)))
        site = open_site(
            plan, recorder, seed=seed, dialect=absolute_dialect(dialect), has_mac=not no_mac, others=others, today=now.date(),
            at_us=_time_of_day(clock, now),
        )  # fmt: skip
        server = Server(site, bind, port)
        known = [(each.tid, each.mid, each.key.hex()) for each in site.known]
        spoken = site.built.software.speaks.name
        if as_json:
            shown = [{"tid": tid, "mid": mid, "test_key": key} for tid, mid, key in known]
            said = {"type": "Listening", "address": bind, "port": server.port, "dialect": spoken, "terminals": shown}
            say(json.dumps(said))
        else:
            say(greeting(bind, server.port, spoken, known).rstrip("\n"))
        keeps = Keeps(recorder, sink)
        with following(server, recorder, as_json=as_json, quiet=quiet, head=f"{spoken} at {bind}:{server.port}"):
            try:
                _served(server, for_s, keeps.tick)
            finally:
                keeps.close(books := books_of(site))
        if as_json and not quiet:
            say(msgspec.json.encode(books))
    return int(ExitCode.PASS if keeps.kept else ExitCode.HARNESS_ERROR)


def _plan(scenario: str | None, terminals: int | None) -> Plan:
    from dataclasses import replace

    from harness.scenario import find
    from harness.scenario.load import load_file, load_text

    plan = load_text(_DEFAULT) if scenario is None else load_file(find.scenario_file(scenario))
    return plan if terminals is None else replace(plan, terminals=terminals)


def _named(text: str) -> tuple[str, str, bytes | None]:
    found = _TERMINAL.match(text)
    if found is None:
        raise UsageError(
            f"--terminal-id {text}: expected 8 characters, then perhaps :MID of 15, then perhaps :KEY of 32 hexadecimal digits"
        )
    key = found["key"]
    return found["tid"], found["mid"] or "", bytes.fromhex(key) if key else None


def _time_of_day(clock: str | None, now: datetime) -> int:
    from harness.scenario.quantities import clock_us

    if clock is None:
        return ((now.hour * 60 + now.minute) * 60 + now.second) * 1_000_000 + now.microsecond
    try:
        return clock_us(clock)
    except ValueError as error:
        raise UsageError(f"--at: {error}") from None


def _served(server: Server, for_s: float | None, keep: Callable[[], None]) -> None:
    until_s = None if for_s is None else time.monotonic() + for_s
    tick = server.on_tick

    def ticked() -> None:
        tick()
        keep()
        if until_s is not None and time.monotonic() >= until_s:
            server.stop()

    server.on_tick = ticked
    before = {
        each: signal.signal(each, lambda *_: server.stop()) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        server.run()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
