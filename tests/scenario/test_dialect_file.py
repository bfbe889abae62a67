"""Dialect files: what each key changes at the host, mistakes with line and fix, and that a file never becomes code."""

import itertools
import random

import iso8583
import pytest

from harness.core.errors import UsageError
from harness.history.recorder import Recorder
from harness.host.acquirer import Acquirer
from harness.host.dialects import DialectChoice
from harness.host.dialects.international import International
from harness.iso8583.keys import WorkingKeys
from harness.iso8583.mac import UnionPayEcbMac
from harness.scenario.dialect_file import load_dialect, read_dialect
from harness.scenario.problems import ScenarioErrors
from tests.host.host_client import MASTER, MID, TID
from tests.host.host_client import Client as UnionPayClient
from tests.host.international_client import Client, make_host
from tests.iso8583.test_iso8583_codec import pyiso_table

HEAD = "name: my bank\nbase: international\n"


def host_of(text, head=HEAD):
    acquirer, changes, _ = make_host(read_dialect(head + text))
    client = Client(acquirer)
    client.logon()
    return acquirer, client, changes


def test_nothing_but_a_base_is_the_base():
    choice = read_dialect(HEAD)
    assert (choice.name, choice.cls) == ("my bank", International)
    assert choice.rules.codes == International.base_rules.codes and choice.rules.tpdu == International.base_rules.tpdu


@pytest.mark.parametrize(("tpdu", "header"), [(5, 4), (0, 0), (5, 0), (7, 12)])
def test_sizes_on_the_line(tpdu, header):
    acquirer, client, _ = host_of(f"line: {{tpdu: {tpdu} B, header: {header} B}}\n")
    assert client.sale(100).text(39) == "00"
    assert len(acquirer.dialect.wire.tpdu) == tpdu and client.received[-1][2 + tpdu + header :][:2] == b"\x02\x10"


@pytest.mark.parametrize("length", ["2 bytes", "4 bytes", "4 digits"])
@pytest.mark.parametrize("binary", ["binary", "hex"])
def test_a_line_of_text(length, binary):
    text = f"line: {{tpdu: 0 B, length: {length}}}\nencoding: {{digits: ascii, lengths: ascii, bitmap: hex, binary: {binary}}}\n"
    acquirer, client, _ = host_of(text)
    assert client.sale(1250).text(39) == "00", "the authentication code covers what is on the line"
    frame = client.received[-1]
    prefix = {"2 bytes": 2}.get(length, 4)
    told = int(frame[:4]) if length == "4 digits" else int.from_bytes(frame[:prefix], "big")
    assert told == len(frame) - prefix and frame[prefix : prefix + 4] == b"0210"
    table = pyiso_table(acquirer.dialect.wire.codec.spec)
    read, _ = iso8583.decode(frame[prefix:], table)
    told, _ = iso8583.decode(client.received[0][prefix:], table)
    assert told["t"] == "0810" and len(told["62"]) % 2 == 0, "lengths of hexadecimal text count what is on the line"
    mac = client.mac(frame[prefix : -acquirer.dialect.wire.mac_size])
    assert (read["4"], read["39"], read["64"]) == (f"{1250:012d}", "00", mac.hex().upper())
    acquirer.knobs(TID).wrong_macs = 1
    client.sale(100)
    wrong = acquirer.dialect.wire.unpack(client.received[-1])
    assert wrong.message.text(39) == "00" and not wrong.mac_is_good(client.mac)


def test_every_line_works_and_stands_garbage():
    draw, lines = random.Random(7), itertools.product(
        ("0 B", "5 B"), ("2 bytes", "4 bytes", "4 digits"), ("bcd", "ascii"), ("bcd", "ascii", "binary"),
        ("binary", "hex"), ("binary", "hex"), ("{mac: none, logon: optional}", "{mac: required}"),
    )  # fmt: skip
    for tpdu, length, digits, lengths, bitmap, binary, security in draw.sample(list(lines), 40):
        text = (
            f"line: {{tpdu: {tpdu}, length: {length}}}\nsecurity: {security}\n"
            f"encoding: {{digits: {digits}, lengths: {lengths}, bitmap: {bitmap}, binary: {binary}}}\n"
        )
        acquirer, client, _ = host_of(text)
        assert client.sale(100).text(39) == "00", text
        assert client.reverse("000002", 100).text(39) == client.settle([]) == "00", text
        for _ in range(25):
            frame = bytearray(draw.choice(client.sent))
            place = draw.randrange(len(frame))
            frame[place : place + draw.randrange(3)] = draw.randbytes(draw.randrange(3))
            acquirer.handle(bytes(frame), client.now_us)


def test_a_terminal_without_keys():
    acquirer, _, _ = make_host(read_dialect(HEAD + "security: {mac: none, logon: optional}\n"))
    client = Client(acquirer)
    sold = client.sale(100)
    assert sold.text(39) == "00" and 64 not in sold
    assert client.reverse("000001", 100).text(39) == "00"
    acquirer, _, _ = make_host(read_dialect(HEAD + "security: {mac: none}\n"))
    client = Client(acquirer)
    assert client.sale(100).text(39) == "77"
    client.logon()
    assert client.sale(100).text(39) == "00"
    acquirer.knobs(TID).wrong_macs = 1
    client.sale(100)
    assert acquirer.knobs(TID).wrong_macs == 1, "there is no code that could be wrong"


def test_processing_codes_are_told_in_the_words_that_checks_know():
    acquirer, client, _ = host_of('processing_codes: {sale: "003000", void: "023000"}\n')
    assert client.sale(100).text(39) == "12" and client.sale(100, f3="003000").text(39) == "00"
    assert client.void("000003", 100, f3="023000").text(39) == "00"
    assert [acquirer.describe(frame).processing_code for frame in client.sent[2:]] == ["000000", "200000"]


def test_settlement_codes():
    acquirer, client, _ = host_of('settlement: {request: "950000", end: "970000", differs: "79"}\n')
    client.sale(100)
    assert client.settle([100]) == "12" and client.settle([1], code="950000") == "79"
    client.upload("000002", 100)
    assert client.settle([100], code="970000") == "00" and acquirer.batch_number(TID) == "000002"


def test_a_refund_that_is_repeated():
    _, client, _ = host_of('refund_repeat: "94"\n')
    rrn = client.sale(100).text(37)
    assert client.refund(rrn, 50).text(39) == "00" and client.refund(rrn, 50, f11="000003").text(39) == "94"


def test_early_reversals_that_are_forgotten():
    for early, code in (("remembered", "12"), ("forgotten", "00")):
        _, client, _ = host_of(f"reversals: {{early: {early}}}\n")
        assert client.reverse("000009", 100).text(39) == "25"
        assert client.sale(100, f11="000009").text(39) == code


@pytest.mark.parametrize(("rule", "undone"), [("kept", False), ("new", True), ("either", True)])
def test_reversals_with_a_number_of_their_own(rule, undone):
    acquirer, client, _ = host_of(f"reversals: {{stan: {rule}}}\n")
    client.sale(100)
    named = {"f60": "000001" + "0200" + "000002"}
    assert client.reverse("000077", 100, **named).text(39) == ("00" if undone else "25")
    assert next(acquirer.entries(TID)).state == ("REVERSED" if undone else "APPROVED")


def test_codes_that_decide_something_and_codes_that_do_not():
    acquirer, client, changes = host_of('response_codes: {definitive: ["91"], undetermined: ["57"]}\n')
    rrn = client.sale(100).text(37)
    for code in ("91", "57", "96"):
        acquirer.knobs(TID).respond_code, acquirer.knobs(TID).respond_count = code, 1
        client.refund(rrn, 50)
    assert [each.response_code for each in changes] == ["00", "91"], "what decides nothing is not kept as an answer"


def test_a_unionpay_host_of_another_kind():
    text = 'line: {header: 0 B}\nprocessing_codes: {void: "020000"}\nreversals: {stan: kept}\n'
    choice = read_dialect("name: x\nbase: unionpay\n" + text)
    acquirer = Acquirer(choice, Recorder(), b"test")
    acquirer.register_terminal(TID, MID, "T01", MASTER)
    wire, by_hand = acquirer.dialect.wire, UnionPayClient(acquirer)

    def ask(message, mac=None):
        return wire.unpack(acquirer.handle(wire.pack(message, mac), 0).frame).message

    reply = ask(by_hand.message("0800", {11: "000001", 60: "00000001003"}))
    mac = UnionPayEcbMac(WorkingKeys.parse(reply.binary(62)).mac_key.unwrap(MASTER))
    assert ask(by_hand.sale_message(100, stan="000002"), mac).text(39) == "00"
    fields = {3: "200000", 4: f"{100:012d}", 11: "000003", 60: "23000001000", 61: "000001000002"}
    assert ask(by_hand.message("0200", fields), mac).text(39) == "12"
    frame = wire.pack(by_hand.message("0200", {**fields, 3: "020000", 11: "000004"}), mac)
    assert wire.unpack(acquirer.handle(frame, 0).frame).message.text(39) == "00"
    assert acquirer.describe(frame).processing_code == "200000"


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", "1:1", "the file is empty; expected a dialect"),
        ("- 1\n", "1:1", "expected a dialect: keys such as 'name:' and 'base:'"),
        ("name: x\n", "1:1", "missing key 'base'"),
        ("name: x\nbase: internationl\n", "2:7", "did you mean 'international'?"),
        (HEAD + "lime: {}\n", "3:1", "did you mean 'line'?"),
        (HEAD + "line: {tpdu: 5}\n", "3:14", "expected a size with its unit"),
        (HEAD + "line: {header: 65 B}\n", "3:16", "expected at most 64 B"),
        (HEAD + "refund_repeat: '12'\n", "3:16", "expected '00' or '94', found '12'"),
        (HEAD + "reversals: {stan: keep}\n", "3:19", "did you mean 'kept'?"),
        (HEAD + "reversals: {early: 7}\n", "3:20", "expected one of remembered, forgotten, found 7\n"),
        (HEAD + "response_codes: {definitive: [ABC]}\n", "3:31", "expected a response code of two characters"),
        (HEAD + "response_codes: {undetermined: ['00']}\n", "3:33", "00 is an approval"),
        (HEAD + "response_codes: {undetermined: [68], definitive: [68]}\n", "3:51", "is in 'undetermined', too"),
        (HEAD + "processing_codes: {preauth: '030000'}\n", "3:20", "international has no 'preauth'"),
        (HEAD + "processing_codes: {sale: 020000}\n", "3:1", "sale and void have the same code 020000"),
        (HEAD + "processing_codes: {sale: 0x}\n", "3:26", "expected a processing code of six digits"),
        (HEAD + "settlement: {request: 960000}\n", "3:23", "request and end have the same code"),
        (HEAD + "settlement: {differs: '00'}\n", "3:23", "'00' says that the totals agree"),
        (HEAD + "limits: {count_limit: -1}\n", "3:23", "expected a whole number from 0 up"),
        (HEAD + "security: {logon: optional}\n", "3:19", "optional needs 'mac: none'"),
        (HEAD + "encoding: {digits: text}\n", "3:20", "expected one of bcd, ascii"),
        ("name: x\nbase: unionpay\nsettlement: {request: '960000'}\n", "3:1", "it has no such codes"),
        (HEAD + "x: !!python/object/apply:os.system [id]\n", "3:4", "expected plain data"),
        (HEAD + "base: unionpay\n", "3:1", "for the second time"),
        ("name: [\n", "2:1", "not YAML"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_the_way_to_mend_it(text, place, said):
    with pytest.raises(ScenarioErrors) as caught:
        read_dialect(text, "bank.yaml")
    assert f"bank.yaml:{place}: " in str(caught.value) and said in str(caught.value)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(ScenarioErrors) as caught:
        read_dialect("name: x\nbase: unionpai\nline: {tpdu: 5}\nrefund: 1\nlimits: {count_limit: x}\n")
    assert len(caught.value.problems) == 4


def test_a_class_of_ones_own_comes_from_the_command_line(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from harness.host.dialects.international import International\nclass Mine(International):\n    pass\n"
        "class Other:\n    pass\n"
        "from harness.host.dialects import Dialect\nclass Half(Dialect):\n    pass\n"
    )
    choice = load_dialect(f"{file}:Mine")
    assert isinstance(choice, DialectChoice) and choice.rules is None
    assert Acquirer(choice, Recorder(), b"test").dialect.__class__.__name__ == "Mine"
    assert load_dialect("harness.host.dialects.international:International").cls is International
    assert load_dialect("international").cls is International
    for spec, said in (
        (f"{file}:Mime", "did you mean 'Mine'?"),
        (f"{file}:Other", "no subclass"),
        (f"{file}:Half", "Half lacks answer, answer_busy, "),
        ("harness.host.dialects.base:Nope", "it has none"),
        (f"{file}:", "expected FILE.yaml or package.module:Class"),
        (":Mine", "expected FILE.yaml or package.module:Class"),
        (f"{tmp_path}/not.py:Mine", "there is no file"),
        ("no.such.module:Mine", "ModuleNotFoundError"),
        ("unionpai", "did you mean 'unionpay'?"),
        (f"{tmp_path}/not.yaml", "No such file"),
    ):
        with pytest.raises(UsageError, match=said.replace("?", r"\?")):
            load_dialect(spec)
