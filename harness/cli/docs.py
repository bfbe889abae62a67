"""``harness docs``: the pages of documentation, which ship with the package, read where they are needed."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.reporters.documentation import Page

_WIDTH_MAX = 110


@click.command()
@click.argument("topic", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: all topics, or one page with its text.")
@click.option(
    "--write", is_flag=True, help="For contributors: write the pages of reference/ anew, from what is registered."
)
def docs(topic: str | None, as_json: bool, write: bool) -> None:
    """Read the documentation: all TOPICs, or one.

    On a terminal a page is laid out and goes through your pager; elsewhere it is the Markdown as it stands. Files that pages
    name are printed as they are: `harness docs examples/my_terminal.py > my_terminal.py`.
    """
    from harness.core.errors import UsageError
    from harness.reporters import documentation

    if write:
        if topic is not None or as_json:
            raise UsageError("--write takes neither TOPIC nor --json: it writes all pages of reference/")
        from harness.reporters.reference import write_pages

        for path in write_pages():
            click.echo(path)
    elif topic is None:
        _list(as_json)
    elif (file := documentation.attachment(topic)) is not None and not as_json:
        click.echo(file.read_text("utf-8"), nl=False)
    else:
        _show(documentation.page(topic), as_json)


def _list(as_json: bool) -> None:
    from harness.reporters import documentation

    found = list(documentation.pages())
    if as_json:
        import json

        rows = [{"topic": each.topic, "title": each.title, "summary": each.summary} for each in found]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    width = max(len(each.topic) for each in found)
    for each in found:
        click.echo(f"{each.topic:<{width}}  {each.summary}")
    click.echo("\n`harness docs TOPIC` shows a page; begin with `harness docs tutorial`.")


def _show(page: Page, as_json: bool) -> None:
    text = page.text()
    if as_json:
        import json

        found = {"topic": page.topic, "title": page.title, "summary": page.summary, "text": text}
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    if not sys.stdout.isatty():
        click.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(width=min(Console().width, _WIDTH_MAX))
    os.environ.setdefault("LESS", "-FRX")  # colours as they are; what fits on the screen needs no key
    with console.capture() as captured:
        console.print(Markdown(text, hyperlinks=False))
    click.echo_via_pager(captured.get(), color=True)
