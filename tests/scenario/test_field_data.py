"""A directory becomes what a device begins with: by volume or as the data volume, and refused when it is neither."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.device.spec import MIB, DeviceSpec, VolumeSpec
from harness.scenario.field_data import FieldData, going_on, load_images
from harness.scenario.plan import Plan
from harness.storage.profiles import registry

SPEC = DeviceSpec("T01", "10000001", "104110000000001")


def lay(place: Path, **files: str) -> Path:
    place.mkdir(exist_ok=True)
    for path, content in files.items():
        target = place / path.replace("__", "/").replace("snapshot_json", "snapshot.json")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    return place


def refusal(place: Path, spec: DeviceSpec = SPEC) -> str:
    with pytest.raises(UsageError) as raised:
        load_images(place, spec)
    return str(raised.value)


def trees(data: FieldData) -> dict[str, dict[str, bytes | None]]:
    return {name: image.tree() for name, image in data.images.items()}


def test_directories_named_after_volumes_are_the_volumes(tmp_path: Path) -> None:
    data = load_images(lay(tmp_path / "in", data__log="d", cache__x="c"), SPEC)
    assert trees(data) == {"cache": {"/x": b"c"}, "data": {"/log": b"d"}}
    assert data.record is None and data.nvram == bytes(256) and data.source == "field data"


def test_anything_else_is_the_data_volume(tmp_path: Path) -> None:
    data = load_images(lay(tmp_path / "in", log="d", sub__x="c"), SPEC)
    assert trees(data) == {"data": {"/log": b"d", "/sub": None, "/sub/x": b"c"}}
    assert trees(load_images(lay(tmp_path / "empty"), SPEC)) == {"data": {}}
    # A file that is named like a volume is a file.
    assert trees(load_images(lay(tmp_path / "file", data="d"), SPEC)) == {"data": {"/data": b"d"}}


def test_what_belongs_to_no_volume_is_refused(tmp_path: Path) -> None:
    place = lay(tmp_path / "in", data__log="d", readme="x")
    assert refusal(place) == (
        f"{place}/readme: belongs to no volume of the device; it has system, data, cache, "
        "and beside them only snapshot.json is read"
    )
    without = replace(SPEC, volumes=(VolumeSpec("flash", "/", MIB),))
    assert "has no volume 'data', so its files must lie in directories named after its volumes: flash" in refusal(
        place, without
    )


def test_each_volume_has_its_own_room(tmp_path: Path) -> None:
    place = lay(tmp_path / "in", data__log="x" * (MIB + 1))
    assert load_images(place, SPEC)
    (place / "data").rename(place / "cache")
    assert refusal(place).startswith(f"{place}/cache/log: has 1,048,577 bytes, more than the 1,048,576")


@pytest.mark.parametrize("profile", registry.names())
def test_names_that_fat_cannot_hold_are_on_no_volume_with_fat_on_it(tmp_path: Path, profile: str) -> None:
    spec = replace(SPEC, volumes=(VolumeSpec("data", "/data", MIB, profile=profile),))
    place = lay(tmp_path / "in", **{"data__a:b": ""})
    if profile in ("fat", "sd"):
        assert "which FAT cannot hold" in refusal(place, spec)
    else:
        assert trees(load_images(place, spec)) == {"data": {"/a:b": b""}}


def test_a_link_in_a_volume_s_place_is_not_followed(tmp_path: Path) -> None:
    place = lay(tmp_path / "in", cache__x="c")
    (place / "data").symlink_to("/etc")
    assert refusal(place) == f"{place}/data: is a symbolic link; links are not followed"
    (place / "cache/x").unlink()
    (place / "cache").rmdir()
    assert refusal(place).startswith(f"{place}/data: is a symbolic link")


NOTES: dict[str, tuple[str, str]] = {
    "no JSON": ("{", "is not what `harness snapshot` writes"),
    "deep": ("[" * 200_000, "is not what `harness snapshot` writes"),
    "no object": ("[]", "is not what `harness snapshot` writes"),
    "no format": ("{}", "is not what `harness snapshot` writes"),
    "another format": ('{"format": 2}', "is of format 2; this harness reads 1"),
    "another device": ('{"format": 1, "volumes": {"flash": {}}}', "the device has no volume 'flash'"),
    "missing volume": ('{"format": 1, "volumes": {"data": {}, "cache": {}}}', "cache: is missing"),
    "unknown key": ('{"format": 1, "volumes": {"data": {"mode": 1}}}', "is not what `harness snapshot` writes"),
    "nvram": ('{"format": 1, "nvram": "zz"}', "nvram is not hexadecimal"),
    "much nvram": ('{"format": 1, "nvram": "' + "00" * 257 + '"}', "nvram has 257 bytes, more than the device's 256"),
    "long number": ('{"format": 1, "wall_us": 1' + "0" * 5000 + "}", "is not what `harness snapshot` writes"),
    "half a character": (
        '{"format": 1, "sealed": {"seed": 1, "device": "\\ud800", "encryptions": 0}}',
        "is not what `harness snapshot` writes",
    ),
    "acquirer": ('{"format": 1, "acquirer": {"batch": 7}}', "is not what `harness snapshot` writes"),
}


@pytest.mark.parametrize("case", NOTES)
def test_a_note_that_is_none(tmp_path: Path, case: str) -> None:
    text, words = NOTES[case]
    message = refusal(lay(tmp_path / "in", data__log="d", snapshot_json=text))
    assert words in message and str(tmp_path) in message


def test_a_note_that_is_a_link_or_endless(tmp_path: Path) -> None:
    place = lay(tmp_path / "in", data__log="d")
    (place / "snapshot.json").symlink_to("/etc/passwd")
    assert "snapshot.json: is a symbolic link" in refusal(place)
    (place / "snapshot.json").unlink()
    (place / "snapshot.json").touch()
    (place / "snapshot.json").open("r+").truncate(1 << 30)
    assert "more than the 67,108,864 that a note may have" in refusal(place)


def test_the_calendar_goes_on_but_never_back_and_not_for_ever(tmp_path: Path) -> None:
    def started(wall_us: object) -> datetime.date:
        note = json.dumps({"format": 1, "wall_us": wall_us})
        data = load_images(lay(tmp_path / "in", data__log="d", snapshot_json=note), SPEC)
        return going_on(Plan("x"), {"T01": data}).days.start

    own = Plan("x").days.start
    midnight_us = (own.toordinal() - 719_163) * 86_400_000_000 - 8 * 3_600_000_000
    assert started(None) == started(0) == started(-1) == started(1 << 200) == own
    assert started(midnight_us - 1) == own
    assert started(midnight_us) == started(midnight_us + 86_399_999_999) == own + datetime.timedelta(days=1)


@pytest.mark.parametrize("profile", ["fat", "sd"])
def test_names_that_fat_cannot_hold_are_refused_on_a_card_as_well(tmp_path: Path, profile: str) -> None:
    spec = replace(SPEC, volumes=(VolumeSpec("data", "/data", 8 * MIB, profile=profile),))
    assert "which FAT cannot hold" in refusal(lay(tmp_path / "in", **{"a:b": "x"}), spec)
