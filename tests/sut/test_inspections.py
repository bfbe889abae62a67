"""Inspections remembered: each distinct image is asked about once, and the answer is that image's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.contract import Inspection, Record
from harness.sut.inspections import Inspections, digest
from harness.sut.software import load

IMAGES = st.dictionaries(st.text(max_size=4), st.binary(max_size=4), max_size=3)

SHOP = """
from harness.contract import Inspection, Manifest, Terminal

class Shop(Terminal):
    manifest = Manifest(name="shop")
    seen = []

    @classmethod
    def inspect(cls, image):
        cls.seen.append(len(image))
        if "/broken" in image:
            raise ValueError("cannot read it")
        return Inspection(batch=str(len(cls.seen)))
"""


@given(IMAGES, IMAGES)
def test_equal_images_and_only_they_have_one_digest(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    first, second = dict(sorted(one.items())), dict(sorted(other.items()))
    assert (digest(first) == digest(second)) == (first == second)


@given(st.lists(IMAGES, max_size=12))
def test_each_distinct_image_is_asked_about_once(images: list[dict[str, bytes]]) -> None:
    asked: list[dict[str, bytes]] = []

    def look(image: Mapping[str, bytes]) -> Inspection:
        asked.append(dict(image))
        return Inspection(records=(Record(repr(sorted(image.items())), "1", "sale", 1),))

    memory = Inspections()
    for image in images:
        found = memory.of(dict(sorted(image.items())), look)
        assert found is not None and found.records[0].stan == repr(sorted(image.items()))
    assert len(asked) == len({repr(each) for each in asked})


def test_software_is_asked_again_unless_it_remembers(tmp_path: Path) -> None:
    file = tmp_path / "shop.py"
    file.write_text(SHOP)
    plain = load(f"{file}:Shop")
    images = ({"/a": b"1"}, {"/a": b"2"}, {"/a": b"1"})
    assert [each.batch for image in images if (each := plain.inspect(image))] == ["1", "2", "3"]
    remembering = plain.remembering()
    assert [each.batch for image in images if (each := remembering.inspect(image))] == ["4", "5", "4"]
    assert plain.remembering().inspections is not remembering.inspections
    # What cannot be read is asked about each time, and says so each time.
    for _ in range(2):
        with pytest.raises(ValueError, match="cannot read"):
            remembering.inspect({"/broken": b""})


def test_what_is_no_answer_or_could_change_afterwards_is_not_kept() -> None:
    memory = Inspections()
    listed: Any = Inspection(batch="1", records=[])  # type: ignore[arg-type]
    garbage: Any = {"batch": "1"}
    good = Inspection(batch="2")
    answers = iter([listed, garbage, None, good])

    def look(_image: Mapping[str, bytes]) -> Inspection | None:
        return next(answers)  # type: ignore[no-any-return]

    assert [memory.of({}, look) for _ in range(5)] == [listed, garbage, None, good, good]
