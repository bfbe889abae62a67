"""The journal's format: what is torn, flipped or never written is never read as a record."""

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.terminals.reference.journal import RecordFormat
from harness.terminals.reference.records import Base, BatchTotals, Kind, Slip, Transaction, next_batch, next_stan

FORMAT = RecordFormat()
PAYLOADS = st.lists(st.binary(max_size=60) | st.just(b"TJ1\n"), min_size=1, max_size=8)


def written(payloads, generation=3):
    frames = [FORMAT.frame(Kind.APPROVED, generation, number + 1, payload) for number, payload in enumerate(payloads)]
    return b"".join(frames), [len(frame) for frame in frames]


@given(PAYLOADS, st.data())
def test_a_torn_tail_costs_the_torn_record_alone(payloads, data):
    content, sizes = written(payloads)
    cut = data.draw(st.integers(0, len(content)))
    ends = [sum(sizes[: number + 1]) for number in range(len(sizes))]
    for tail in (b"", bytes(200), b"\xff" * 200):
        torn = content[:cut] + tail
        # A record whose torn end happens to be what lies behind the cut is whole all the same.
        whole = sum(torn[:end] == content[:end] for end in ends)
        found = FORMAT.scan(torn)
        assert [entry.payload for entry in found] == payloads[:whole]


@settings(max_examples=300)
@given(PAYLOADS, st.data())
def test_a_flipped_bit_costs_one_record_and_never_makes_one_up(payloads, data):
    content, _ = written(payloads)
    changed = bytearray(content)
    changed[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    found = {(entry.sequence, entry.payload) for entry in FORMAT.scan(bytes(changed))}
    assert found <= set(enumerate(payloads, 1))
    assert len(found) == len(payloads) - 1


@given(st.binary(max_size=400))
def test_garbage_and_zeros_hold_no_record(garbage):
    assert FORMAT.scan(bytes(len(garbage))) == []
    assert FORMAT.scan(garbage) == []
    assert FORMAT.newest([garbage, b""]) is None


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2))
def test_a_missing_record_is_counted_wherever_it_was(count, last_witnessed, lost):
    base = Base("000001", 0, 1, 0, True).pack()
    frames = [FORMAT.frame(Kind.BASE, 1, number, base) for number in (1, 2)]
    frames += [FORMAT.frame(Kind.APPROVED, 1, number + 3, b"x") for number in range(count)]
    last = max(last_witnessed + 2, 2 + count)
    kept = frames[: len(frames) - min(lost, count)]
    found = FORMAT.newest([b"".join(kept)], witnessed=(1, last))
    assert found is not None
    assert found.missing == last - len(kept)
    assert found.next_sequence == last + 1


TEXT = st.text("0123456789ABC*", max_size=12)


@given(st.builds(Transaction, *[TEXT] * 3, st.integers(0, 10**12), *[TEXT] * 12))
def test_a_transaction_reads_back_as_it_was_written(transaction):
    assert Transaction.unpack(transaction.pack()) == transaction


@given(
    TEXT,
    st.integers(0, 999_999),
    st.none() | st.builds(Slip, TEXT, st.builds(BatchTotals), st.booleans(), st.booleans()),
)
def test_a_base_reads_back_as_it_was_written(batch, stan, slip):
    base = Base(batch, stan, 7, 1, False, slip)
    assert Base.unpack(base.pack()) == base


def test_trace_and_batch_numbers_wrap_to_one():
    assert next_stan(999_999) == 1 and next_stan(999_990, 50) == 41
    assert next_batch("999999") == "000001"
