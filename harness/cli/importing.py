"""``harness import``: a log of the field becomes a scenario to run, and to hunt from."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.output import check_writable, say
from harness.core.errors import ExitCode, HarnessError, UsageError

if TYPE_CHECKING:
    from harness.engine.fieldlog.model import Record

_FORMATS = ("csv", "jsonl", "pcap", "hex")
_CAPTURES = (".pcap", ".pcapng", ".cap")


@click.command(name="import")
@click.argument("log", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The scenario file, in a new directory if need be; else it is printed.",
)
@click.option(
    "--mapping", type=click.Path(path_type=Path), help="Which column is what: a YAML file (CSV and JSON lines)."
)
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), help="What LOG is; default: by its name and first bytes."
)
@click.option(
    "--dialect", default="unionpay", show_default=True, metavar="SPEC", help="The messages of a capture or dump."
)
@click.option(
    "--zone", default="Asia/Shanghai", show_default=True, help="Where the terminals of a capture or dump are."
)
@click.option("--since", metavar="TIME", help="Leave out what is earlier (local time, 2026-03-02T09:00).")
@click.option("--until", metavar="TIME", help="Leave out what is later.")
def import_command(
    log: Path,
    out: Path | None,
    mapping: Path | None,
    form: str | None,
    dialect: str,
    zone: str,
    since: str | None,
    until: str | None,
) -> int:
    """Turn LOG (CSV, JSON lines, a pcap or pcapng capture or messages in hexadecimal) into a scenario.

    It says who did what and when, and of what went wrong only what the log proves: a reply that never came, a reset, a boot that
    nobody asked for, each with the log's line. Card numbers stay behind. `pydoc harness.engine.fieldlog.mapping` describes the
    mapping file.
    """
    from harness.engine.fieldlog.write import scenario_of

    if not log.is_file():
        raise UsageError(f"there is no file {log}")
    if mapping is not None and not mapping.is_file():
        what = "it is empty" if str(mapping) == "." else f"there is no file {mapping}"
        raise UsageError(f"--mapping: {what}; expected a YAML file that says which column is what, or leave it out")
    if out is not None:
        check_writable("--out", out, "yaml")
    records = [each for each in _records(log, mapping, form, dialect, zone) if _wanted(each, since, until)]
    text = scenario_of(log, records)
    if out is None:
        say(text)
        return int(ExitCode.PASS)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"cannot write {error.filename or out}: {error.strerror}") from None
    say(f"{len(records):,} records of {log} are in {out}; harness run {shlex.quote(str(out))}")
    return int(ExitCode.PASS)


def _records(log: Path, mapping: Path | None, form: str | None, dialect: str, zone: str) -> list[Record]:
    from harness.engine.fieldlog.pcap import is_capture

    form = form or (
        "pcap"
        if is_capture(log) or log.suffix in _CAPTURES
        else "hex"
        if log.suffix in (".hex", ".txt", ".dump")
        else None
    )
    if form in ("pcap", "hex"):
        from harness.engine.fieldlog.messages import MessageReader, of_capture, of_dump
        from harness.scenario.dialect_file import load_dialect

        reader = MessageReader(load_dialect(dialect))
        return of_capture(log, reader, _zone(zone)) if form == "pcap" else of_dump(log, reader, _zone(zone))
    from harness.engine.fieldlog.mapping import read_mapping
    from harness.engine.fieldlog.rows import records

    read = read_mapping(mapping)
    return records(log, read if form is None else read.model_copy(update={"format": form}))


def _zone(name: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, KeyError):
        raise UsageError(f"--zone: {name!r} is no time zone; expected one such as Asia/Shanghai") from None


def _wanted(record: Record, since: str | None, until: str | None) -> bool:
    return (since is None or record.at_us >= _moment(since, "--since")) and (
        until is None or record.at_us <= _moment(until, "--until")
    )


def _moment(text: str, option: str) -> int:
    import datetime

    from harness.engine.fieldlog.rows import local_us

    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option}: expected a time such as 2026-03-02T09:00, found {text!r}") from None
    return local_us(moment.replace(tzinfo=datetime.UTC), "UTC")
