"""The reference terminal's flows, one rule at a time."""

import pytest
from msgspec.structs import replace
from terminal_judge import disagreements, settle

from harness.contract import Action, PaperChanged
from harness.iso8583 import unionpay
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Kind


@pytest.fixture
def bench(make_bench):
    bench = make_bench()
    bench.boot(ReferenceTerminal)
    assert bench.act("sign_on").kind == "done"
    return bench


def types_sent(bench):
    return [unionpay.unpack(frame).message.mti for frame in bench.sent]


def test_the_request_is_durable_before_its_first_byte_and_the_approval_before_the_screen(bench):
    bench.calls.clear()
    assert bench.act("sale", 100).kind == "approved"
    order = [call for call in bench.calls if call in ("write", "fsync", "send", "print")]
    assert order == ["write", "fsync", "send", "write", "fsync", "print"]
    assert bench.calls.index("show", bench.calls.index("sent")) > max(
        n for n, call in enumerate(bench.calls) if call == "fsync"
    )


@pytest.mark.parametrize("code", ["05", "51", "54", "61"])
def test_a_decline_is_final_and_leaves_nothing_behind(bench, code):
    bench.knobs.respond_code, bench.knobs.respond_count = code, 1
    outcome = bench.act("sale", 100)
    assert (outcome.kind, outcome.reason) == ("declined", f"host_{code}")
    assert bench.act("sale", 200).kind == "approved"
    assert "0400" not in types_sent(bench)
    assert disagreements(bench) == []


@pytest.mark.parametrize("code", ["96", "98", "91", "68", "ZZ"])
def test_an_undetermined_answer_is_reversed(bench, code):
    bench.knobs.respond_code, bench.knobs.respond_count = code, 1
    assert bench.act("sale", 100).kind == "unknown"
    bench.idle(1)
    assert types_sent(bench)[-1] == "0400"
    assert disagreements(bench) == []


def test_an_approval_with_a_bad_mac_is_reversed_with_reason_A0(bench):
    bench.knobs.wrong_macs = 1
    assert bench.act("sale", 100).kind == "unknown"
    bench.idle(1)
    reversal = unionpay.unpack(bench.sent[-1]).message
    assert (reversal.mti, reversal.text(39), reversal.text(11)) == ("0400", "A0", "000002")
    assert disagreements(bench) == []


def test_a_reversal_goes_before_the_next_sale_and_while_unanswered_nothing_new_is_sent(bench):
    bench.knobs.drop_replies = 1
    bench.act("sale", 100)
    bench.knobs.ignore_requests = 3
    assert bench.act("sale", 200).reason == "reversal_pending"
    assert types_sent(bench)[-3:] == ["0400"] * 3
    assert bench.act("settle").kind == "done"
    assert bench.act("sale", 300).kind == "approved"
    stans = {
        unionpay.unpack(frame).message.text(11) for frame in bench.sent if unionpay.unpack(frame).message.mti == "0400"
    }
    assert stans == {"000002"}


def test_nothing_is_written_or_numbered_when_there_is_no_line(bench):
    before = bench.inspect()
    bench.online = False
    assert bench.act("sale", 100).reason == "no_connection"
    assert bench.inspect() == before


def test_no_card_no_request(bench):
    bench.card_present = False
    sent = len(bench.sent)
    assert bench.act("sale", 100).reason == "card_timeout"
    assert len(bench.sent) == sent


def test_a_batch_takes_500_records_and_then_asks_for_settlement(bench):
    original = ReferenceTerminal.manifest.max_transactions
    assert original == 500
    for _ in range(500):
        assert bench.act("sale", 1).kind == "approved"
    assert bench.act("sale", 1).reason == "storage_full"
    bench.knobs.totals_off_by_one = 1
    assert bench.act("settle").kind == "done"
    assert len(bench.host.settlements()[-1].settled) == 500
    assert types_sent(bench).count("0320") == 63 + 1


def test_a_reprint_sends_nothing_and_is_marked(bench):
    sale = bench.act("sale", 100)
    bench.act("sale", 200)
    sent = len(bench.sent)
    assert bench.act("reprint", original=sale).kind == "done"
    slip = bench.receipts[-1]
    assert (slip.duplicate, slip.stan, slip.amount_fen) == (True, sale.stan, 100) and "DUPLICATED" in slip.text
    assert len(bench.sent) == sent


def test_a_refund_without_an_answer_is_repeated_until_it_is_booked_once(bench):
    sale = bench.act("sale", 1_000)
    bench.knobs.drop_replies = 2
    assert bench.act("refund", 400, sale).kind == "unknown"
    bench.idle()
    assert types_sent(bench).count("0220") == 3 and "0400" not in types_sent(bench)
    assert [entry.kind for entry in bench.host.entries()] == ["sale", "refund"]
    assert disagreements(bench) == []
    assert settle(bench) == []


def test_a_refund_of_an_earlier_batch_reads_the_card(bench):
    sale = bench.act("sale", 1_000)
    bench.act("settle")
    shown = bench.presentations
    assert bench.act("refund", 1_000, sale).kind == "approved"
    assert bench.presentations == shown + 1
    assert settle(bench) == []


def test_a_void_whose_answer_is_lost_leaves_the_sale(bench):
    sale = bench.act("sale", 1_000)
    bench.knobs.drop_replies = 1
    assert bench.act("void", 1_000, sale).kind == "unknown"
    bench.idle()
    assert disagreements(bench) == []
    assert bench.act("void", 1_000, sale).kind == "approved"
    assert bench.act("void", 1_000, sale).reason == "already_voided"
    assert settle(bench) == []


def test_empty_paper_keeps_no_batch_open_and_the_slip_comes_with_the_paper(bench):
    bench.act("sale", 100)
    bench.paper = False
    assert bench.act("sale", 200).kind == "approved"
    assert bench.act("settle").kind == "done"
    assert bench.act("sale", 300).kind == "approved"
    assert not [each for each in bench.receipts if each.kind == "settlement"]
    bench.boot(ReferenceTerminal)
    bench.paper = True
    with bench.routed():
        bench.terminal.other_event(PaperChanged(True))
    slips = [each for each in bench.receipts if each.kind == "settlement"]
    assert [(slip.batch, slip.totals.debit_fen, slip.duplicate) for slip in slips] == [("000001", 300, False)]


def test_code_3_is_no_verdict_sales_wait_and_the_settlement_is_tried_again(bench):
    bench.act("sale", 100)
    bench.knobs.settlement_errors = 1
    assert bench.act("settle").reason == "host_error"
    assert bench.act("sale", 200).reason == "settle_pending"
    assert bench.inspect().settling and len(bench.inspect().records) == 1
    bench.idle(1)
    assert bench.act("sale", 200).kind == "approved"
    assert bench.host.settlements()[-1].balanced


def test_an_interrupted_upload_resumes_with_what_was_not_acknowledged(bench):
    for _ in range(20):
        bench.act("sale", 100)
    bench.knobs.totals_off_by_one = 1
    bench.fail = lambda what, _count: setattr(
        bench, "online", not (what == "connect" and types_sent(bench).count("0320") >= 1)
    )
    assert bench.act("settle").kind == "failed"
    bench.fail, bench.online = None, True
    bench.cut("lost")
    bench.boot(ReferenceTerminal)
    assert bench.act("sale", 1).reason == "settle_pending"
    bench.idle(1)
    uploads = [unionpay.unpack(frame).message.text(48, "") for frame in bench.sent]
    uploads = [unionpay.parse_upload(text) for text in uploads if len(text) > 62]
    stans = [item.stan for items in uploads for item in items]
    assert len(stans) == len(set(stans)) == 20
    assert len(bench.host.settlements()[-1].settled) == 20


def test_unanswered_uploads_are_sent_again_after_the_round(bench):
    for _ in range(20):
        bench.act("sale", 100)
    bench.knobs.totals_off_by_one = 1
    drops = iter([False, True])

    def fail(what, _count):
        if (
            what == "send"
            and types_sent(bench)[-1:] != []
            and types_sent(bench)[-1] in ("0500", "0320")
            and next(drops, False)
        ):
            bench.knobs.ignore_requests = 1

    bench.fail = fail
    assert bench.act("settle").kind == "done"
    firsts = [unionpay.unpack(frame).message.text(48, "") for frame in bench.sent]
    firsts = [unionpay.parse_upload(text)[0].stan for text in firsts if len(text) > 62]
    assert firsts == ["000002", "000010", "000018", "000010"]


def test_94_of_a_trusted_number_is_a_duplicate_of_ours_and_is_reversed(bench):
    bench.act("settle")
    frame = []
    bench.fail = lambda what, _count: frame.append(len(bench.sent)) if what == "send" else None
    bench.knobs.drop_replies = 0
    assert bench.act("sale", 100).kind == "approved"
    bench.fail = None
    # The line delivers the next request twice and loses the first answer.
    real = bench.host.handle
    bench.host.handle = lambda data, at_us: (real(data, at_us), real(data, at_us))[1]
    assert bench.act("sale", 200).kind == "unknown"
    bench.host.handle = real
    bench.idle()
    assert disagreements(bench) == []


def test_94_on_a_new_device_jumps_ahead_and_spares_the_old_devices_sales(bench):
    bench.act("sale", 100)
    bench.act("sale", 200)
    for path in (bench.directory / "data").iterdir():
        path.unlink()
    bench.memory[:] = bytes(256)
    bench.boot(ReferenceTerminal)
    bench.act("sign_on")
    outcomes = [bench.act("sale", 300).reason for _ in range(2)]
    assert "host_94" in outcomes
    assert bench.act("sale", 300).kind == "approved"
    assert [entry.state for entry in bench.host.entries()][:2] == ["APPROVED"] * 2


def test_tampered_keys_are_fetched_again_before_the_reversal(bench):
    bench.knobs.drop_replies = 1
    bench.act("sale", 100)
    bench.pin_pad.keys.clear()
    bench.idle(1)
    assert types_sent(bench)[-2:] == ["0800", "0400"]
    assert disagreements(bench) == []


def test_sign_off_waits_for_an_empty_log(bench):
    action = Action(99, "sign_on")
    bench.act("sale", 100)
    with bench.routed():
        assert bench.terminal.sign_off(action).reason == "settle_first"
    bench.act("settle")
    with bench.routed():
        assert bench.terminal.sign_off(action).kind == "done"
    assert bench.act("sale", 100).kind == "approved"


def test_a_late_reply_of_another_request_is_not_taken_for_an_approval(bench):
    real = bench.host.handle
    old = []

    def mixed_up(data, at_us):
        reply = real(data, at_us)
        if unionpay.unpack(data).message.mti == "0200":
            old.append(reply)
            if len(old) == 2:
                return old[0]
        return reply

    bench.host.handle = mixed_up
    assert bench.act("sale", 100).kind == "approved"
    assert bench.act("sale", 100).kind == "unknown"
    bench.idle()
    assert disagreements(bench) == []


def test_the_journal_is_folded_to_the_same_books_by_every_boot(bench):
    for amount in (100, 200, 300):
        bench.act("sale", amount)
    before = bench.inspect()
    for _ in range(3):
        terminal = bench.boot(ReferenceTerminal)
        assert bench.inspect() == before
        assert terminal.store.last_kind in (Kind.APPROVED, Kind.BASE)


@pytest.mark.parametrize(
    ("number", "value"), [(4, "000000000101"), (3, "200000"), (41, "10000002"), (42, "104110070110002")]
)
def test_a_reply_about_something_else_is_not_taken_for_an_approval(bench, number, value):
    real = bench.host.handle

    def changed(data, at_us):
        reply = real(data, at_us)
        message = unionpay.unpack(reply.frame).message
        if message.mti != "0210":
            return reply
        message[number] = value
        del message[unionpay.MAC_FIELD]
        return replace(reply, frame=unionpay.pack(message, bench.pin_pad.mac))

    bench.host.handle = changed
    assert bench.act("sale", 100).kind == "unknown"
    bench.host.handle = real
    bench.idle()
    assert disagreements(bench) == []


def test_a_record_written_twice_counts_once(bench):
    bench.act("sale", 100)
    store = bench.terminal.store
    record = store.read(store.books.last_offset)
    with bench.routed():
        store.append(Kind.APPROVED, record.pack())
    assert (store.books.count, store.books.totals.debit_fen) == (1, 100)
    assert disagreements(bench) == []
    assert settle(bench) == []
