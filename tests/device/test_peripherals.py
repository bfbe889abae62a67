"""Peripherals: what they do, what they keep, and how they fail."""

import datetime
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.contract import (
    CardReadError,
    CardTimeout,
    PaperOut,
    PinPadError,
    Receipt,
    Screen,
    Totals,
)
from harness.device import (
    Card,
    ClockJump,
    ContractViolation,
    DeadBattery,
    DeviceSpec,
    Leak,
    ReadFailures,
    VolumeSpec,
    card_number,
)
from harness.device.pin_pad import customer_pin
from harness.history.events import ReceiptPrinted, ScreenShown
from harness.iso8583.keys import WrappedKey
from harness.iso8583.mac import UnionPayEcbMac
from harness.iso8583.pinblock import PinBlockCipher
from harness.iso8583.track import Track2, luhn_digit
from harness.storage.disk import Disk
from harness.storage.profiles import registry as profiles

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


# ---------------------------------------------------------------- printer and display


def test_a_receipt_takes_paper_and_time_and_is_recorded(bench) -> None:
    world = bench(paper_slips=2)
    slip = Receipt("settlement", "total", totals=Totals(3, 4500, 1, 100), batch="000001")
    world.run(lambda device: device.printer.print(slip))
    (event,) = world.events(ReceiptPrinted)
    assert (event.debit_count, event.debit_fen, event.credit_count, event.credit_fen) == (3, 4500, 1, 100)
    assert event.at_us == 1_500_000
    assert world.hardware.printer.slips_left == 1


def test_no_paper_no_receipt(bench) -> None:
    world = bench(paper_slips=1)

    def software(device) -> None:
        device.printer.print(Receipt("sale"))
        assert not device.printer.has_paper()
        with pytest.raises(PaperOut):
            device.printer.print(Receipt("sale"))
        world.hardware.printer.load_paper()
        device.printer.print(Receipt("sale"))

    world.run(software)
    assert len(world.events(ReceiptPrinted)) == 2
    assert world.hardware.printer.refusals == 1


def test_a_device_without_a_printer_never_has_paper(bench) -> None:
    world = bench(printer=False)
    world.hardware.printer.load_paper()
    with pytest.raises(PaperOut):
        world.run(lambda device: device.printer.print(Receipt("sale")))


@pytest.mark.parametrize("what", ["power", "paper"])
def test_a_slip_that_is_cut_off_half_way_was_not_printed(bench, what) -> None:
    world = bench()
    caught = []

    def software(device) -> None:
        try:
            device.printer.print(Receipt("sale"))
        except PaperOut as error:
            caught.append(error)

    world.start(software)
    world.env.run(until=700_000)
    if what == "power":
        world.power_cut()
    else:
        world.hardware.printer.remove_paper()
    world.env.run()
    assert world.events(ReceiptPrinted) == []
    assert len(caught) == (1 if what == "paper" else 0)
    assert what == "paper" or world.hardware.printer.slips_left == 150


def test_people_see_the_safe_screen_and_nothing_on_a_dark_one(bench) -> None:
    world = bench()
    screen = Screen("text", "card " + PAN)
    facade = world.start(lambda device: (device.display.show(screen), device.display.current is screen))
    world.env.run()
    assert world.cpu.result[1] is True
    assert facade.display.visible.text == "card 625094******8599"
    world.power_cut()
    assert facade.display.visible is None
    assert len(world.events(ScreenShown)) == 1


# ---------------------------------------------------------------- NVRAM, clock, memory


@given(st.integers(0, 255), st.binary(max_size=40), st.integers(0, 1200))
def test_a_write_that_power_cuts_off_has_landed_up_to_a_byte(
    bench, offset: int, data: bytes, cut_after_us: int
) -> None:
    data = data[: 256 - offset]
    world = bench()
    world.hardware.nvram.content[:] = b"\xee" * 256
    world.start(lambda device: device.nvram.write(offset, data))
    world.env.run(until=cut_after_us + 1)
    done = world.cpu.finished
    world.power_cut()
    world.env.run()
    content = bytes(world.hardware.nvram.content)
    landed = len(data) if done else min(len(data), (cut_after_us + 1) // 23)
    assert content[offset : offset + landed] == data[:landed]
    assert content[:offset] + content[offset + landed :] == b"\xee" * (256 - landed)


@pytest.mark.parametrize(("offset", "data"), [(-1, b"x"), (256, b"x"), (250, b"1234567"), (0, "text"), (1.5, b"x")])
def test_nvram_outside_its_bounds_breaks_the_contract(bench, offset, data) -> None:
    with pytest.raises(ContractViolation):
        bench().run(lambda device: device.nvram.write(offset, data))


def test_the_clock_drifts_jumps_and_forgets(bench) -> None:
    start = 1_790_000_000_000_000
    world = bench(rtc_offset_us=5_000_000, rtc_drift_ppm=20)
    clock = world.hardware.rtc
    hour = 3_600_000_000
    assert clock.wall_us(hour) == start + hour + 5_000_000 + 72_000
    jump = ClockJump(jump_us=-86_400_000_000)
    clock.conditions.append(jump)
    assert clock.wall_us(hour) == start + hour + 5_072_000 - 86_400_000_000
    assert jump.bites == 1
    clock.conditions.remove(jump)
    clock.set(start + hour, hour)
    assert clock.wall_us(hour) == start + hour
    battery = DeadBattery()
    clock.conditions.append(battery)
    assert clock.wall_us(2 * hour) == start + 2 * hour + 72_000
    world.env.run(until=2 * hour)
    world.power_cut()
    world.env.run(until=3 * hour)
    assert battery.bites == 0
    world.hardware.power_on()
    assert battery.bites == 1
    shown = datetime.datetime.fromtimestamp(clock.wall_us(3 * hour) / 1e6, datetime.UTC)
    assert shown.year == 1970
    assert clock.wall_us(4 * hour) == hour + 72_000


def test_a_clock_with_a_battery_keeps_time_without_power(bench) -> None:
    world = bench()
    before = world.hardware.wall_us(0)
    world.power_cut()
    world.env.run(until=1_000_000)
    world.hardware.power_on()
    assert world.hardware.wall_us(1_000_000) == before + 1_000_000


def test_a_leak_grows_with_each_action_until_the_next_boot(bench) -> None:
    world = bench(memory_budget_bytes=100_000)
    memory = world.hardware.memory
    leak = Leak(bytes_per_action=30_000)
    memory.conditions.append(leak)
    world.start(lambda device: [device.next_event() for _ in range(4)])
    for number in range(3):
        world.request(number)
    world.env.run()
    assert memory.leaked_bytes == 90_000 and leak.bites == 3
    assert not memory.exhausted(10_000) and memory.exhausted(10_001)
    memory.conditions.remove(leak)
    world.request(3)
    world.env.run()
    assert memory.leaked_bytes == 90_000
    world.start(lambda device: None)
    assert memory.leaked_bytes == 0


# ---------------------------------------------------------------- the whole


def test_a_snapshot_puts_back_what_outlives_power(bench, master_key) -> None:
    world = bench(paper_slips=5)

    def software(device) -> None:
        load_all(device, master_key)
        device.nvram.write(0, b"one")

    world.run(software)
    state = world.hardware.snapshot()

    def more(device) -> None:
        device.nvram.write(0, b"two")
        device.printer.print(Receipt("sale"))
        device.pin_pad.encrypt(b"x")
        world.hardware.pin_pad.tamper()
        world.hardware.rtc.set(0, 0)

    world.run(more)
    assert world.hardware.snapshot() != state
    world.hardware.restore(state)
    assert world.hardware.snapshot() == state
    assert world.run(lambda device: device.pin_pad.mac(b"x")) == UnionPayEcbMac(MAC_KEY)(b"x")


def test_the_disk_is_the_specs_and_dies_with_the_power(bench) -> None:
    world = bench(volumes=(VolumeSpec("system", "/", 65536), VolumeSpec("data", "/data", 131072, 2048)))
    disk = world.hardware.disk
    with disk.fopen("/data/log", "w") as log:
        log.write("x")
    assert disk.volume("data").block_size_bytes == 2048
    world.power_cut()
    with pytest.raises(OSError):
        disk.fopen("/data/log")


def test_software_that_dies_loses_its_files_sockets_and_ports_and_the_device_lives_on(bench, power_gone) -> None:
    world = bench()
    attempt = world.hardware.link.connect()
    connection = world.env.run(until=attempt)
    facade = world.start(lambda device: None)
    disk = world.hardware.disk
    log = disk.fopen("/data/log", "w")
    log.write("never flushed")
    world.hardware.process_died()
    assert connection.state == "closed"
    with pytest.raises(OSError):
        log.flush()
    with pytest.raises(power_gone):
        facade.probe("x")
    world.hardware.disk = disk.restart()
    assert world.hardware.disk.fopen("/data/log").read() == ""
    assert world.run(lambda device: device.nvram.read(0, 1)) == b"\0"
    world.env.run(until=world.hardware.link.connect())


def test_a_new_battery_keeps_the_clock_at_the_next_power_loss(bench) -> None:
    world = bench()
    clock = world.hardware.rtc
    battery = DeadBattery()
    clock.conditions.append(battery)
    world.power_cut()
    world.hardware.power_on()
    clock.conditions.remove(battery)
    clock.set(1_800_000_000_000_000, 0)
    world.power_cut()
    world.hardware.power_on()
    assert clock.wall_us(0) == 1_800_000_000_000_000
    assert battery.bites == 1


def test_a_volume_has_a_profile_that_exists_and_takes_its_mediums_time() -> None:
    spec = VolumeSpec("data", "/data", 1 << 20)
    assert spec.profile in profiles.names()
    slow, timeless = Disk([spec.build()]), Disk([VolumeSpec("data", "/data", 1 << 20, latency=None).build()])
    for disk in (slow, timeless):
        descriptor = disk.open("/data/log", os.O_CREAT | os.O_WRONLY)
        disk.write(descriptor, b"x" * 4096)
        disk.fsync(descriptor)
    assert slow.accrued_us > 400 and timeless.accrued_us == 0


def test_a_spec_refuses_identifiers_of_the_wrong_length() -> None:
    with pytest.raises(ValueError, match="TID"):
        DeviceSpec("T01", "1", "2")
    with pytest.raises(ValueError, match="names of their own"):
        DeviceSpec("T01", "1" * 8, "2" * 15, (VolumeSpec("a", "/", 4096), VolumeSpec("a", "/b", 4096)))
