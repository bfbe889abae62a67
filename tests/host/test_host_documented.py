"""The page about settling, message by message, held to what the host does with just these bytes."""

import re
from pathlib import Path

import harness
from tests.host.host_client import PAN, Client, make_host

PAGE = (Path(harness.__file__).parent / "docs" / "dialects.md").read_text("utf-8")
SECTION = PAGE.partition("## Settling, and the upload")[2].partition("\n## ")[0]


def test_an_upload_goes_as_the_page_says() -> None:
    acquirer, _, _ = make_host()
    client = Client(acquirer)
    client.sign_on()
    for stan, amount_fen in (("000001", 1500), ("000002", 2500), ("000003", 800)):
        client.sale(amount_fen, stan=stan)
    asked, answered = re.findall(r"`(\d{62})`", SECTION)
    settle, upload, one, end = re.findall(r"^\| 0[35][^|]+ \| `(\d{11})` \|", SECTION, re.MULTILINE)

    def say(mti: str, fields: dict[int, str]) -> tuple[str, str]:
        reply = client.exchange(client.message(mti, {11: client.next_stan(), **fields}))
        return reply.text(39), reply.text(48, "")

    def settles() -> tuple[str, str]:
        return say("0500", {48: asked, 49: "156", 60: settle})

    records = [f"00{stan}{PAN:0>20}{amount_fen:012d}" for stan, amount_fen in (("000001", 1500), ("000002", 2500))]
    uploads = {48: f"{len(records):02d}{''.join(records)}", 60: upload}
    assert say("0320", uploads)[0] == "12", "nothing was asked for"
    assert settles() == settles() == ("00", answered)
    assert client.sale(100).text(39) == "95"
    assert [say("0320", uploads)[0] for _ in range(2)] == ["00", "94"]
    assert say("0320", {2: PAN, 4: f"{2500:012d}", 11: "000002", 60: one})[0] == "94", "one that it had"
    ends = [say("0320", {48: "0002", 60: end})[0] for _ in range(2)]
    assert ends == ["00", "00"] and settles() == ("00", answered), "the same again, when it is closed"
    (settlement,) = acquirer.settlements()
    assert (len(settlement.settled), len(settlement.host_only), settlement.terminal_only) == (2, 1, ())
    assert client.sign_on().text(60)[2:8] == "000002"
    late = f"01{records[0].replace('000001', '000088', 1)}"
    assert say("0320", {48: late, 60: upload})[0] == "95" and say("0320", {**uploads, 60: "00000009201"})[0] == "77"
