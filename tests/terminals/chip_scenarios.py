"""What happens at the counter with cards that have a chip: offline sales, cards that refuse, settlements that are interrupted."""

from terminal_bench import TID, PowerCut
from terminal_judge import disagreements, settle

from harness.device.chip import Chip
from harness.iso8583 import unionpay


def signed_on(make_bench, kind, chip=None):
    bench = make_bench()
    bench.boot(kind)
    assert bench.act("sign_on").kind == "done"
    bench.chip = chip
    return bench


def sold_offline(make_bench, load_kind, *amounts):
    """The line is down; the cards approve."""
    bench = signed_on(make_bench, load_kind(), Chip("", approves_offline=True))
    bench.online = False
    for amount in amounts:
        assert bench.act("sale", amount).kind == "approved"
    return bench


def line_down(make_bench, load_kind):
    """The line stays down while the terminal tries, and comes back."""
    bench = sold_offline(make_bench, load_kind, 100, 200)
    bench.idle()
    bench.online = True
    bench.idle()
    return disagreements(bench) + settle(bench)


def advice_answers_lost(make_bench, load_kind):
    """Two advices are booked and not answered."""
    bench = sold_offline(make_bench, load_kind, 100)
    bench.online = True
    bench.knobs.drop_replies = 2
    bench.idle()
    return disagreements(bench) + settle(bench)


def settled_with_a_queue(make_bench, load_kind):
    """Settlement is asked for before the host knows of the offline sale."""
    bench = sold_offline(make_bench, load_kind, 100)
    bench.online = True
    held = []
    bench.act("settle")
    for settlement in bench.host.settlements(TID):
        held += settlement.settled
    return [] if len(held) == 1 else ["settled without the offline sale"]


def cut_with_a_queue(make_bench, load_kind):
    """Power is lost while the host is still to be told."""
    bench = sold_offline(make_bench, load_kind, 100)
    bench.cut("lost")
    bench.online = True
    bench.boot(load_kind())
    bench.idle()
    return disagreements(bench) + settle(bench)


def card_refuses(make_bench, load_kind):
    """The host approves and the card does not; then a card is taken out."""
    found = []
    for chip in (Chip("", refuses=True), Chip("", taken_out=True)):
        bench = signed_on(make_bench, load_kind(), chip)
        outcome = bench.act("sale", 100)
        bench.idle()
        if outcome.kind == "approved" or bench.host.open_entries(TID):
            found.append(f"{outcome.kind} against the card")
    return found


def certificates_due(make_bench, load_kind):
    """Two sales by chip, and totals that agree."""
    bench = signed_on(make_bench, load_kind(), Chip(""))
    sold = [bench.act("sale", amount) for amount in (100, 200)]
    assert [outcome.kind for outcome in sold] == ["approved", "approved"]
    found = settle(bench)
    missing = {outcome.stan for outcome in sold} - bench.host.batches(TID)[0].certificates
    return [*found, *sorted(missing)]


def _uploads(bench):
    for frame in bench.sent:
        message = unionpay.unpack(frame).message
        if message.mti == "0320" and message.text(60)[8:11] == "201":
            yield message.text(48)


def cut_in_the_upload(make_bench, load_kind):
    """Power goes when the first of two upload messages has been answered and the second is out."""
    bench = signed_on(make_bench, load_kind())
    for number in range(9):
        assert bench.act("sale", 100 + number).kind == "approved"
    bench.knobs.totals_off_by_one = 1

    def cut_when_the_second_is_out(what, _):
        if what == "sent" and len(list(_uploads(bench))) == 2:
            raise PowerCut

    bench.fail = cut_when_the_second_is_out
    try:
        bench.act("settle")
    except PowerCut:
        bench.fail = None
    bench.cut("lost")
    bench.boot(load_kind())
    bench.idle()
    sent = list(_uploads(bench))
    found = [] if sent.count(sent[0]) == 1 else ["the first upload was sent again"]
    return found + ([] if bench.host.settlements(TID) else ["never settled"])


def restarted_while_settling(make_bench, load_kind):
    """The settlement request is lost, the terminal restarts, and somebody wants to buy."""
    bench = signed_on(make_bench, load_kind())
    assert bench.act("sale", 100).kind == "approved"
    bench.knobs.ignore_requests = 1
    assert bench.act("settle").kind == "failed"
    bench.cut("lost")
    bench.boot(load_kind())
    outcome = bench.act("sale", 200)
    return [] if outcome.reason == "settle_pending" else [f"{outcome.kind} in a batch that is being settled"]


CHIP_SCENARIOS = {
    "offline_dropped": line_down,
    "offline_as_new": advice_answers_lost,
    "offline_left_behind": settled_with_a_queue,
    "offline_in_ram": cut_with_a_queue,
    "card_overruled": card_refuses,
    "no_certificates": certificates_due,
    "upload_restarts": cut_in_the_upload,
    "settlement_forgotten": restarted_while_settling,
}
