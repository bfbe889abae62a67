"""The software's hold on the device: events, actions, and death."""

import math

import pytest

from harness.contract import (
    Action,
    Approved,
    CardPresented,
    Declined,
    Device,
    Done,
    KeyPressed,
    Outcome,
    PaperChanged,
    Screen,
    Terminal,
    Unsupported,
)
from harness.device import ContractViolation, DeviceFacade
from harness.device.checks import clean_text
from harness.history.events import Event, ProbeReached, ScreenShown
from harness.network import CableUnplugged, Partition


def test_events_come_in_the_order_in_which_they_happened(bench) -> None:
    world = bench()
    facade = world.start(lambda device: [device.next_event() for _ in range(3)])
    facade.post(KeyPressed("a"))
    facade.post(KeyPressed("b"))
    world.env.timeout(5_000_000).callbacks.append(lambda _: facade.post(KeyPressed("c")))
    world.env.run()
    assert [event.key for event in world.cpu.result] == ["a", "b", "c"]
    assert world.env.now == 5_000_000


def test_none_after_a_timeout_without_anything(bench) -> None:
    world = bench()
    assert world.run(lambda device: device.next_event(2.5)) is None
    assert world.env.now == 2_500_000


def test_an_event_that_comes_at_the_very_timeout_is_not_lost(bench) -> None:
    world = bench()
    facade = world.start(lambda device: [device.next_event(1), device.next_event(1)])
    world.env.timeout(1_000_000).callbacks.append(lambda _: facade.post(KeyPressed("a")))
    world.env.run()
    assert KeyPressed("a") in world.cpu.result


def test_ready_is_told_only_between_actions(bench) -> None:
    world = bench()
    ready = []

    def software(device) -> None:
        action = device.next_event().action
        ready.append(world.ready_count)
        device.next_event(1)
        ready.append(world.ready_count)
        device.finish(action, Done())
        device.next_event(1)
        ready.append(world.ready_count)

    world.start(software)
    world.request(1)
    world.env.run()
    assert ready == [1, 1, 2]


@pytest.mark.parametrize(
    "misuse",
    [
        lambda device, action: device.finish(Action(99, "sale"), Done()),
        lambda device, action: (device.finish(action, Done()), device.finish(action, Done())),
        lambda device, action: device.finish(action, "approved"),
        lambda device, action: device.finish(action, Outcome("great")),
        lambda device, action: device.finish(action, Outcome("done", reason=5)),
        lambda device, action: device.finish("sale", Done()),
        lambda device, action: device.display.show("hello"),
        lambda device, action: device.display.show(Screen("huge")),
        lambda device, action: device.display.show(Screen("idle", amount_fen=1.5)),
        lambda device, action: device.display.show(Screen("idle", amount_fen=1 << 70)),
        lambda device, action: device.display.show(Screen("idle", stan=42)),
        lambda device, action: device.printer.print(Screen("idle")),
    ],
)
def test_a_breach_of_the_contract_is_raised_and_told_though_software_swallows_it(bench, misuse) -> None:
    world = bench()

    def software(device) -> None:
        action = device.next_event().action
        with pytest.raises(ContractViolation):
            misuse(device, action)

    world.start(software)
    world.request(1)
    world.env.run()
    assert world.cpu.error is None
    assert len(world.violations) == 1


def test_a_wrong_outcome_does_not_end_the_action(bench) -> None:
    world = bench()

    def software(device) -> None:
        action = device.next_event().action
        try:
            device.finish(action, None)
        except ContractViolation:
            device.finish(action, Declined("host_05"))

    world.start(software)
    world.request(1)
    world.env.run()
    assert [outcome.kind for _, outcome in world.finished] == ["declined"]


def test_texts_are_bounded_escaped_and_masked_before_they_are_recorded(bench) -> None:
    world = bench()
    shown = [
        "x" * 10_000, "card 6250941006528599 ok", "a\x00b\x1b[2Jc\ud800", "line\nline", "x" * 495 + "6250941006528599",
        "6250941006528599" * 3,
    ]  # fmt: skip

    def software(device) -> None:
        for text in shown:
            device.display.show(Screen("text", text))

    world.run(software)
    texts = [event.text for event in world.events(ScreenShown)]
    assert all(len(text) <= 500 for text in texts)
    assert texts[0].endswith("…[cut]")
    assert texts[1] == "card 625094******8599 ok"
    assert texts[2] == "a\\x00b\\x1b[2Jc\\ud800"
    assert texts[3] == "line\nline"
    assert "0065" not in texts[4]


@pytest.mark.parametrize("before", range(470, 505))
def test_a_card_number_at_the_cut_shows_six_digits_at_most(before: int) -> None:
    for number in ("6250941006528599", "4111111111119", "6250941006528599123"):
        text = clean_text("x" * before + number + "y" * 40, "test")
        assert len(text) <= 500
        assert number[:7] not in text


def test_the_contracts_own_loop_runs_on_this_device(bench) -> None:
    class Small(Terminal):
        def sale(self, request):
            return Approved(stan="000001", batch="000001")

    world = bench()
    world.start(lambda device: Small(device).run())
    world.request(1)
    world.request(2, "refund")
    world.env.run()
    assert [outcome for _, outcome in world.finished] == [Approved("000001", "000001"), Unsupported()]
    assert [(event.kind, event.action) for event in world.events(ScreenShown)] == [
        ("approved", 1), ("idle", None), ("error", 2), ("idle", None),
    ]  # fmt: skip


def test_the_facade_is_a_contract_device(bench) -> None:
    def takes(device: Device) -> str:
        return device.tid

    world = bench()
    facade: DeviceFacade = world.start(lambda device: None)
    assert takes(facade) == "10000001"
    assert facade.mid == "123456789012345"
    assert facade.volumes == {"data": "/data"}
    assert facade.host_address == ("acquirer.example", 5500)


def test_a_dead_boot_can_do_nothing_and_leaves_no_trace(bench, power_gone) -> None:
    world = bench()
    facade = world.start(lambda device: device.next_event())
    world.request(1)
    world.env.run()
    before = world.recorder.count
    world.power_cut()
    calls = [
        facade.next_event,
        lambda: facade.finish(Action(1, "sale"), Done()),
        lambda: facade.probe("x"),
        facade.reboot,
        lambda: facade.display.show(Screen("approved")),
        lambda: facade.display.current,
        lambda: facade.printer.print(None),
        facade.printer.has_paper,
        facade.card.read,
        lambda: facade.pin_pad.mac(b"x"),
        lambda: facade.pin_pad.encrypt(b"x"),
        lambda: facade.pin_pad.decrypt(b"x"),
        lambda: facade.pin_pad.has_key("mac"),
        lambda: facade.pin_pad.load_key("mac", b"", b""),
        lambda: facade.pin_pad.pin_block("6250941006528599"),
        lambda: facade.nvram.read(0, 1),
        lambda: facade.nvram.write(0, b"x"),
    ]
    for powered in (False, True):
        if powered:
            world.hardware.power_on()
            world.start(lambda device: None)
        for call in calls:
            with pytest.raises(power_gone):
                call()
    assert not facade.post(KeyPressed("a"))
    assert world.recorder.count == before
    assert world.violations == []


def test_software_that_catches_everything_while_it_is_unwound_lands_nothing(bench) -> None:
    world = bench()

    def software(device) -> None:
        device.next_event()
        try:
            device.card.read()
        finally:
            for act in (
                lambda: device.display.show(Screen("approved")),
                lambda: device.nvram.write(0, b"done"),
                lambda: device.probe("late"),
            ):
                try:
                    act()
                except BaseException:
                    pass

    world.start(software)
    world.request(1)
    world.env.run(until=1_000)
    world.power_cut()
    world.hardware.power_on()
    requested = world.hardware.card_reader.requested
    world.env.run()
    assert world.events(ScreenShown) == [] and world.events(ProbeReached) == []
    assert bytes(world.hardware.nvram.content[:4]) == bytes(4)
    assert not requested.triggered


def test_a_reboot_ends_the_boot_and_does_not_return(bench, power_gone) -> None:
    world = bench()
    with pytest.raises(power_gone):
        world.run(lambda device: device.reboot())
    assert world.reboots == 1


def test_a_probe_is_told_once_a_boot(bench) -> None:
    world = bench()
    world.run(lambda device: [device.probe("rare") for _ in range(3)])
    world.run(lambda device: device.probe("rare"))
    assert len(world.events(ProbeReached)) == 2


def test_paper_and_cable_are_events_and_a_far_partition_is_not(bench) -> None:
    world = bench()
    facade = world.start(lambda device: [device.next_event() for _ in range(4)])
    cable, partition = CableUnplugged(), Partition()
    conditions = world.hardware.link.conditions
    world.hardware.printer.remove_paper()
    world.hardware.printer.load_paper()
    for condition in (partition, cable):
        conditions.add(condition)
        conditions.remove(condition)
    world.env.run()
    assert facade.action is None
    paper_out, paper_in, unplugged, plugged = world.cpu.result
    assert (paper_out, paper_in) == (PaperChanged(False), PaperChanged(True))
    assert (unplugged.connected, plugged.connected) == (False, True)
    assert cable.bites == 1 and partition.bites == 0


def test_a_card_that_nobody_asked_for_is_an_event(bench, card) -> None:
    world = bench()
    world.start(lambda device: device.next_event())
    world.env.run()
    world.hardware.present_card(card)
    world.env.run()
    assert world.cpu.result == CardPresented()


def test_unread_events_do_not_pile_up_for_ever(bench) -> None:
    world = bench()
    facade = world.start(lambda device: None)
    assert sum(facade.post(KeyPressed("x")) for _ in range(5_000)) == 1_000


@pytest.mark.parametrize("timeout", ["soon", math.nan, True, b"1"])
def test_a_timeout_that_is_no_number_breaks_the_contract(bench, timeout) -> None:
    with pytest.raises(ContractViolation):
        bench().run(lambda device: device.next_event(timeout))


def test_an_infinite_timeout_waits_for_ever_and_a_past_one_not_at_all(bench) -> None:
    world = bench()
    assert world.run(lambda device: device.next_event(-5)) is None
    facade = world.start(lambda device: device.next_event(math.inf))
    world.env.timeout(10**12).callbacks.append(lambda _: facade.post(KeyPressed("late")))
    world.env.run()
    assert world.cpu.result == KeyPressed("late")


def test_keys_are_scoped_by_action_and_never_come_back(bench) -> None:
    world = bench()
    scope = world.hardware.scope
    seen = [scope.name]

    def software(device) -> None:
        first = device.next_event().action
        seen.append(scope.name)
        second = device.next_event().action
        seen.append(scope.name)
        device.finish(second, Done())
        seen.append(scope.name)
        device.finish(first, Done())
        seen.append(scope.name)
        device.next_event()
        seen.append(scope.name)

    world.start(software)
    for number in (1, 2, 3):
        world.request(number)
    world.env.run()
    world.power_cut()
    seen.append(scope.name)
    assert seen == ["T01/idle", "T01/a1", "T01/a2", "T01/a1+2", "T01/idle2", "T01/a3", "T01/idle3"]


def test_the_same_seed_gives_the_same_history(bench, card) -> None:
    def play() -> bytes:
        world = bench()
        connections = []

        def software(device) -> None:
            while True:
                action = device.next_event().action
                device.card.read(5)
                connections.append(world.hardware.link.connect())
                device.display.show(Screen("approved", amount_fen=action.amount_fen))
                device.finish(action, Approved("1"))

        facade = world.start(software)
        world.request(1)
        world.env.timeout(1_000_000).callbacks.append(lambda _: world.hardware.present_card(card))
        world.env.run()
        assert facade.waiting
        world.events(Event)
        return world.sink.getvalue() + world.spill.getvalue().encode()

    assert play() == play()
