"""Images on a shelf come back as they were, and cost what differs between them."""

from __future__ import annotations

import stat

from hypothesis import given
from hypothesis import strategies as st

from harness.storage.image import Image
from harness.storage.oplog import ROOT_INODE, Link, Write
from harness.storage.shelf import BLOCK_BYTES, Shelf

from .test_snapshot import images


@given(st.lists(images(), max_size=4))
def test_what_goes_in_comes_out(many: list[Image]) -> None:
    shelf = Shelf()
    kept = [shelf.put(image) for image in many]
    assert [each.image().digest() for each in kept] == [image.digest() for image in many]
    assert [each.image().tree() for each in kept] == [image.tree() for image in many]
    assert [each.image().lost_chains for each in kept] == [image.lost_chains for image in many]


def test_a_growing_log_costs_its_growth() -> None:
    shelf = Shelf()
    image = Image().apply(Link(ROOT_INODE, "log", 2, stat.S_IFREG | 0o644))
    kept = []
    for number in range(1000):
        image = image.apply(Write(2, number * 100, f"{number:0100d}".encode(), number * 100))
        kept.append(shelf.put(image))
    whole = sum(len(each.image().read("/log")) for each in kept)
    assert whole > 50_000_000 and shelf.held_bytes < 1000 * BLOCK_BYTES
    assert kept[0].modes is kept[-1].modes and kept[0].directories[1] is kept[-1].directories[1]


def test_lost_space_is_kept_with_each_image() -> None:
    shelf = Shelf()
    kept = [shelf.put(Image({2: b"x"}, lost_chains=chains)) for chains in ((), (600,), (600, 1), ())]
    assert [each.image().lost_bytes for each in kept] == [0, 600, 601, 0]
