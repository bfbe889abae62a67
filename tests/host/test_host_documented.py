"""The page about settling, message by message, held to what the host does with just these bytes."""

import re
from pathlib import Path

import harness
from harness.iso8583 import Message, unionpay
from harness.reporters.reference.messages import MID, TID
from tests.host.host_client import MASTER, PAN, Client, make_host

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


def signed_on() -> Client:
    client = Client(make_host()[0], tid=TID, mid=MID)
    client.acquirer.register_terminal(TID, MID, "T02", MASTER)
    client.sign_on()
    return client


def test_a_reversal_goes_as_the_page_says() -> None:
    page = (Path(harness.__file__).parent / "docs" / "reference" / "messages.md").read_text("utf-8")
    shown = page.partition("## A reversal, in fields and bytes")[2].partition("\n## ")[0]
    fields = {
        int(number): value for number, value in re.findall(r"^\| DE(\d+) \| [^|]+ \| `([^`]+)` \|", shown, re.MULTILINE)
    }
    (line,) = re.findall(r"```text\n([0-9a-f\n]+)```", shown)
    told = unionpay.unpack(bytes.fromhex(line.replace("\n", ""))).message
    assert {number: value for number, value in told.fields.items() if number != 64} == fields
    client = signed_on()
    reversal = client.message("0400", {**fields, 64: bytes(8)})
    assert client.exchange(reversal).text(39) == "25", "the host never had the sale"
    client = signed_on()
    assert client.sale(1200, stan="000002", lose_reply=True) is None
    other_amount = client.message("0400", {**fields, 4: "000000001300", 64: bytes(8)})
    assert client.exchange(other_amount).text(39) == "64"
    for _ in range(2):
        answer = client.exchange(reversal)
        assert (answer.mti, answer.text(39)) == ("0410", "00")
    for number in (3, 4, 11, 42, 60):
        lacking = {each: value for each, value in reversal.fields.items() if each != number}
        assert client.exchange(Message("0400", lacking)).text(39) == "30", number
