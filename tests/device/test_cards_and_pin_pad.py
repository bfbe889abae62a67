"""Test cards, the reader that reads them, and the pad that keeps the keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.contract import (
    CardReadError,
    CardTimeout,
    PinPadError,
    Screen,
)
from harness.device import (
    Card,
    ReadFailures,
    card_number,
)
from harness.device.pin_pad import customer_pin
from harness.iso8583.keys import WrappedKey
from harness.iso8583.mac import UnionPayEcbMac
from harness.iso8583.pinblock import PinBlockCipher
from harness.iso8583.track import Track2, luhn_digit

PAN = "6250941006528599"
MAC_KEY = bytes.fromhex("1122334455667788")
PIN_KEY = bytes.fromhex("0102030405060708090A0B0C0D0E0F10")

# ---------------------------------------------------------------- cards


@given(st.floats(0, 1, exclude_max=True))
def test_card_numbers_are_valid_and_out_of_test_ranges(uniform: float) -> None:
    pan = card_number(uniform)
    assert len(pan) == 16 and luhn_digit(pan[:-1]) == pan[-1]
    assert pan[:6] in {"625094", "411111", "555555"}


@given(st.integers(0, 10**11 - 1), st.floats(0, 1, exclude_max=True))
def test_a_presentation_carries_its_token_in_track_2(token: int, uniform: float) -> None:
    card = Card(card_number(uniform))
    data = card.present(f"{token:011d}")
    track = Track2.parse(data.track2)
    assert len(data.track2) <= 37
    assert (track.pan, track.expiry, track.service_code) == (card.pan, "3012", "201")
    assert track.discretionary == f"{token:011d}"


def test_each_presentation_counts_in_tag_9f36() -> None:
    card = Card(PAN)
    assert [card.present("1" * 11).emv_data.hex() for _ in range(2)] == ["9f36020001", "9f36020002"]


def test_a_card_with_a_wrong_check_digit_does_not_exist() -> None:
    for bad in ("6250941006528598", "abc"):
        with pytest.raises(ValueError):
            Card(bad)
    with pytest.raises(ValueError):
        Card(PAN).present("123")


# ---------------------------------------------------------------- card reader


def test_a_read_tells_the_customer_and_takes_the_card_shown(bench, card) -> None:
    world = bench()
    reader = world.hardware.card_reader
    first = reader.requested
    first.callbacks.append(
        lambda _: world.env.timeout(3_000_000).callbacks.append(lambda _: world.hardware.present_card(card))
    )
    assert world.run(lambda device: (device.card.read(), int(world.env.now))) == (card, 3_500_000)
    assert reader.requested is not first and not reader.requested.triggered


def test_nobody_shows_a_card(bench) -> None:
    world = bench()
    with pytest.raises(CardTimeout):
        world.run(lambda device: device.card.read(timeout_s=30))
    assert world.env.now == 30_000_000
    assert not world.hardware.card_reader.requested.triggered


def test_a_card_stays_in_reach_for_a_moment_and_is_read_once(bench, card) -> None:
    def software(device) -> list[object]:
        found = []
        for _ in range(2):
            try:
                found.append(device.card.read(1))
            except CardTimeout:
                found.append(None)
        return found

    for asked_after_us, expected in ((1_000_000, [card, None]), (2_000_000, [None, None])):
        world = bench()

        def late(device, world=world, asked_after_us=asked_after_us) -> list[object]:
            world.cpu.sleep(asked_after_us)
            return software(device)

        world.start(late)
        world.hardware.present_card(card)
        world.env.run()
        assert world.cpu.result == expected


def test_a_broken_reader_bites_and_can_be_mended(bench, card) -> None:
    world = bench()
    failures = ReadFailures()
    world.hardware.card_reader.conditions.append(failures)

    def software(device) -> object:
        world.hardware.present_card(card)
        with pytest.raises(CardReadError):
            device.card.read()
        world.hardware.card_reader.conditions.remove(failures)
        world.hardware.present_card(card)
        return device.card.read()

    assert world.run(software) == card
    assert failures.bites == 1
    assert "T01/idle/card.read_fails/0\t1" in world.spill.getvalue()


def test_reads_fail_as_often_as_they_should(bench, card) -> None:
    world = bench()
    failures = ReadFailures(probability=0.3)
    world.hardware.card_reader.conditions.append(failures)

    def software(device) -> int:
        failed = 0
        for _ in range(200):
            world.hardware.present_card(card)
            try:
                device.card.read()
            except CardReadError:
                failed += 1
        return failed

    failed = world.run(software)
    assert failed == failures.bites and 35 < failed < 85


# ---------------------------------------------------------------- PIN pad


def wrapped(master_key: bytes, key: bytes) -> tuple[bytes, bytes]:
    travelling = WrappedKey.wrap(master_key, key)
    return travelling.cryptogram, travelling.check


def load_all(device, master_key: bytes) -> None:
    device.pin_pad.load_key("mac", *wrapped(master_key, MAC_KEY))
    device.pin_pad.load_key("pin", *wrapped(master_key, PIN_KEY))


def test_working_keys_load_under_the_master_key_and_do_their_sums(bench, master_key) -> None:
    world = bench()

    def software(device) -> tuple[bytes, bytes]:
        load_all(device, master_key)
        return device.pin_pad.mac(b"0200 message"), device.pin_pad.pin_block(PAN)

    mac, block = world.run(software)
    assert mac == UnionPayEcbMac(MAC_KEY)(b"0200 message")
    assert PinBlockCipher(PIN_KEY).decrypt(block, PAN) == customer_pin(PAN)


@pytest.mark.parametrize(
    "load",
    [
        lambda pad, master: pad.load_key("mac", wrapped(master, MAC_KEY)[0], b"\0\0\0\0"),
        lambda pad, master: pad.load_key("mac", *wrapped(MAC_KEY * 2, MAC_KEY)),
        lambda pad, master: pad.load_key("mac", wrapped(master, MAC_KEY)[0], b""),
        lambda pad, master: pad.load_key("master", *wrapped(master, MAC_KEY)),
        lambda pad, master: pad.load_key("mac", b"short", b"\0\0\0\0"),
        lambda pad, master: pad.mac(b"x"),
        lambda pad, master: pad.pin_block(PAN),
        lambda pad, master: pad.decrypt(b"x" * 40),
        lambda pad, master: pad.decrypt(b""),
    ],
)
def test_the_pin_pad_refuses(bench, master_key, load) -> None:
    with pytest.raises(PinPadError):
        bench().run(lambda device: load(device.pin_pad, master_key))


def test_a_refused_key_leaves_the_old_one_in_place(bench, master_key) -> None:
    def software(device) -> bytes:
        load_all(device, master_key)
        with pytest.raises(PinPadError):
            device.pin_pad.load_key("mac", bytes(8), b"\1\2\3\4")
        return device.pin_pad.mac(b"x")

    assert bench().run(software) == UnionPayEcbMac(MAC_KEY)(b"x")


def test_keys_survive_power_loss_and_what_was_in_ram_does_not(bench, master_key) -> None:
    world = bench()

    def before(device) -> bytes:
        load_all(device, master_key)
        device.display.show(Screen("processing"))
        device.nvram.write(3, b"kept")
        world.hardware.memory.leaked_bytes = 5_000
        return device.pin_pad.encrypt(b"card data")

    sealed = world.run(before)
    world.hardware.link.connect()
    world.env.run()
    assert len(world.hardware.link.connections) == 1
    world.power_cut()
    assert world.hardware.link.connections == ()
    world.hardware.power_on()

    def after(device) -> tuple[object, ...]:
        return (
            device.pin_pad.mac(b"x"), device.pin_pad.decrypt(sealed), device.nvram.read(3, 4), device.display.current,
        )  # fmt: skip

    assert world.run(after) == (UnionPayEcbMac(MAC_KEY)(b"x"), b"card data", b"kept", None)
    assert world.hardware.memory.leaked_bytes == 0


def test_tampering_erases_every_key(bench, master_key) -> None:
    world = bench()

    def software(device) -> None:
        load_all(device, master_key)
        sealed = device.pin_pad.encrypt(b"x")
        world.hardware.pin_pad.tamper()
        assert not any(device.pin_pad.has_key(slot) for slot in ("master", "pin", "mac", "track"))
        for call in (
            lambda: device.pin_pad.mac(b"x"),
            lambda: device.pin_pad.pin_block(PAN),
            lambda: device.pin_pad.encrypt(b"x"),
            lambda: device.pin_pad.decrypt(sealed),
            lambda: load_all(device, master_key),
        ):
            with pytest.raises(PinPadError):
                call()

    world.run(software)
    assert world.hardware.pin_pad.refusals == 5


@given(st.binary(max_size=200), st.data())
def test_what_was_encrypted_comes_back_and_any_change_is_noticed(bench, data: bytes, draw: st.DataObject) -> None:
    pad = bench().hardware.pin_pad
    sealed, again = pad.encrypt(data), pad.encrypt(data)
    assert pad.decrypt(sealed) == data and sealed != again
    assert len(data) < 4 or data not in sealed
    at = draw.draw(st.integers(0, len(sealed) * 8 - 1))
    altered = bytearray(sealed)
    altered[at // 8] ^= 1 << (at % 8)
    with pytest.raises(PinPadError):
        pad.decrypt(bytes(altered))
    assert bench(seed=8).hardware.pin_pad.encrypt(data) != bench().hardware.pin_pad.encrypt(data)
    assert bench().hardware.pin_pad.encrypt(data) == sealed
