"""Who may call, by which numbers and keys, on whose link, and what is refused before anybody calls."""

from __future__ import annotations

import datetime

import pytest

from harness.core.errors import UsageError
from harness.engine.live.site import Site, open_site
from harness.history.recorder import Recorder
from harness.scenario.load import load_text
from tests.engine.live.callers import PROMPT, Client
from tests.engine.live.test_wire import serving

KEY = bytes(range(16))


def _site(text: str = PROMPT, *others: tuple[str, str, bytes | None]) -> Site:
    return open_site(
        load_text(text), Recorder(), seed=1, dialect="international", others=others, today=datetime.date(2026, 3, 2),
        at_us=14 * 3_600_000_000,
    )  # fmt: skip


def test_each_terminal_has_its_own_numbers_key_and_link() -> None:
    two = f"{PROMPT}terminals: 2\n"
    site = _site(two, ("ABCD1234", "", None), ("EFGH5678", "M" * 15, KEY))
    first, second, third, fourth = site.known
    assert (third.tid, third.mid, fourth.tid, fourth.mid, fourth.key) == (
        "ABCD1234", first.mid, "EFGH5678", "M" * 15, KEY,
    )  # fmt: skip
    assert len({each.key for each in site.known}) == 4 and site.built.world.env.now == site.start_us
    assert site.links[first.tid] is site.links["ABCD1234"] is not site.links[second.tid]
    assert site.links["EFGH5678"] is site.links[second.tid] and site.link_of("nobody") is site.links[first.tid]


@pytest.mark.parametrize(
    ("text", "others", "said"),
    [
        (f"{PROMPT}faults: [{{type: power_loss, at: {{action: sale}}}}]\n", (), "cannot strike a real terminal"),
        (PROMPT, ("10000001",), "is named twice"),
        (PROMPT, ("ABCD1234", "EFGH5678"), "add --terminals 2"),
    ],
)
def test_what_cannot_be_had_is_refused(text: str, others: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        _site(text, *((each, "", None) for each in others))


def test_it_declines_the_share_that_it_was_told_to_and_answers_no_wrong_authentication_code() -> None:
    with serving(PROMPT.replace("decline: 0%", "decline: 100%")) as acquirer:
        client = acquirer.client()
        client.log_on()
        assert client.sale(1250)["39"] == "51" and acquirer.booked == ["DECLINED"]
        wrong = Client(acquirer.server.port, client.key)
        wrong.stan, wrong.batch, wrong.mac = 50, client.batch, lambda _: bytes(8)  # type: ignore[assignment]
        assert wrong.sale(1250)["39"] not in ("00", "51") and acquirer.booked == ["DECLINED"]
