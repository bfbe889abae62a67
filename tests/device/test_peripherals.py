"""Paper, screens, NVRAM, clock and memory, and the device they make up."""

import datetime
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.contract import (
    PaperOut,
    Receipt,
    Screen,
    Totals,
)
from harness.device import (
    ClockJump,
    ContractViolation,
    DeadBattery,
    DeviceSpec,
    Leak,
    VolumeSpec,
)
from harness.history.events import ReceiptPrinted, ScreenShown
from harness.iso8583.keys import WrappedKey
from harness.iso8583.mac import UnionPayEcbMac
from harness.storage.disk import Disk
from harness.storage.profiles import registry as profiles

PAN = "6250941006528599"
MAC_KEY = bytes.fromhex("1122334455667788")

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
        key = WrappedKey.wrap(master_key, MAC_KEY)
        device.pin_pad.load_key("mac", key.cryptogram, key.check)
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
