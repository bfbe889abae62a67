"""Images: reading them, making new ones from old, and a digest that is the same everywhere."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from harness.storage.draft import Draft, Fate, SectorFates
from harness.storage.image import Image, diff
from harness.storage.oplog import ROOT_INODE, Link, Rename, SetMode, Truncate, Unlink, Write

FILE, DIRECTORY, SYMBOLIC_LINK = stat.S_IFREG | 0o600, stat.S_IFDIR | 0o700, stat.S_IFLNK | 0o777


def sample() -> Image:
    draft = Draft(Image())
    draft.apply(Link(ROOT_INODE, "journal", 2, FILE))
    draft.apply(Write(2, 0, b"one", 0))
    draft.apply(Link(ROOT_INODE, "batch", 3, DIRECTORY))
    draft.apply(Link(3, "old", 4, FILE))
    draft.apply(Link(3, "latest", 5, SYMBOLIC_LINK, "old"))
    return draft.freeze()


def test_tree_lists_every_path_with_its_content() -> None:
    assert sample().tree() == {"/journal": b"one", "/batch": None, "/batch/old": b"", "/batch/latest": b"old"}


def test_reading_follows_paths_and_fails_as_a_mount_would() -> None:
    image = sample()
    assert image.read("/journal") == b"one" and image.exists("batch/old") and not image.exists("/batch/new")
    assert image.listdir("/") == ["batch", "journal"]
    for call, error in (
        (lambda: image.read("/none"), FileNotFoundError),
        (lambda: image.read("/batch"), IsADirectoryError),
        (lambda: image.listdir("/journal"), NotADirectoryError),
        (lambda: image.listdir("/none"), FileNotFoundError),
    ):
        with pytest.raises(error):
            call()


def test_apply_leaves_the_old_image_as_it_was_and_shares_what_did_not_change() -> None:
    before = sample()
    after = before.apply(Write(2, 3, b" two", 3))
    assert before.read("/journal") == b"one" and after.read("/journal") == b"one two"
    assert after.directories[3] is before.directories[3] and after.files.get(4) is before.files.get(4)


def test_apply_of_every_kind_of_operation() -> None:
    image = sample()
    image = image.apply(Write(2, 6, b"gap", 3))
    assert image.read("/journal") == b"one\0\0\0gap"
    image = image.apply(Truncate(2, 2, 9))
    assert image.read("/journal") == b"on"
    image = image.apply(Truncate(2, 4, 2))
    assert image.read("/journal") == b"on\0\0"
    image = image.apply(Rename(ROOT_INODE, "journal", 3, "old", 2, 4))
    assert image.tree()["/batch/old"] == b"on\0\0" and not image.exists("/journal")
    image = image.apply(SetMode(2, stat.S_IFREG | 0o644))
    assert image.modes[2] == stat.S_IFREG | 0o644
    image = image.apply(Unlink(3, "latest", 5))
    assert image.listdir("/batch") == ["old"]


def test_apply_of_a_part_of_a_write() -> None:
    write = Write(2, 0, b"x" * 1200, 3)
    image = sample().apply(write, SectorFates(bytes([Fate.LOST, Fate.KEPT, Fate.ZEROS])))
    assert image.read("/journal") == b"one" + bytes(509) + b"x" * 512 + bytes(176)


def test_mount_drops_what_no_name_leads_to() -> None:
    draft = Draft(sample())
    draft.apply(Unlink(ROOT_INODE, "journal", 2))
    draft.apply(Unlink(ROOT_INODE, "batch", 3))
    image = draft.mount()
    assert image.tree() == {} and set(image.modes) == {ROOT_INODE} and not image.files and not image.links


def test_a_name_whose_inode_never_landed_mounts_as_an_empty_file() -> None:
    draft = Draft(Image())
    draft.register(Link(ROOT_INODE, "tmp", 2, FILE))
    draft.apply(Rename(ROOT_INODE, "tmp", ROOT_INODE, "state", 2, None))
    assert draft.mount().tree() == {"/state": b""}


def test_a_directory_found_under_two_names_keeps_one() -> None:
    draft = Draft(sample())
    draft.apply(Link(ROOT_INODE, "copy", 3, DIRECTORY, created=False))
    assert [path for path in draft.mount().tree() if path.count("/") == 1] == ["/batch", "/journal"]


def test_without_hard_links_a_second_name_becomes_a_file_of_its_own() -> None:
    draft = Draft(sample())
    draft.apply(Link(ROOT_INODE, "twin", 2, FILE, created=False))
    image = draft.mount(hard_links=False)
    assert image.read("/journal") == image.read("/twin") == b"one"
    assert image.inode_of("/journal") != image.inode_of("/twin")
    assert image.apply(Write(2, 0, b"X", 3)).read("/twin") == b"one"


def test_content_that_no_name_leads_to_may_count_as_lost_space() -> None:
    draft = Draft(sample())
    draft.apply(Unlink(ROOT_INODE, "journal", 2))
    assert draft.mount(leak_orphans=True).lost_bytes == 3


def test_digest_is_about_names_modes_and_contents_and_not_about_inode_numbers() -> None:
    def made(inode: int, name: str, content: bytes, mode: int = FILE) -> str:
        image = Image().apply(Link(ROOT_INODE, name, inode, mode))
        return image.apply(Write(inode, 0, content, 0)).digest()

    assert made(2, "a", b"x") == made(9, "a", b"x")
    others = [made(2, "b", b"x"), made(2, "a", b"y"), made(2, "a", b"x", stat.S_IFREG | 0o644), Image().digest()]
    assert len({made(2, "a", b"x"), *others}) == 5


def test_digest_after_a_change_is_that_of_an_image_made_afresh() -> None:
    """Known digests are inherited only for contents that did not change."""
    image = sample()
    image.digest()
    changed = image.apply(Write(2, 0, b"ONE", 3))
    rebuilt = Image(dict(changed.files), dict(changed.directories), dict(changed.modes), dict(changed.links))
    assert changed.digest() == rebuilt.digest() != image.digest()


def test_digest_is_the_same_in_every_process() -> None:
    program = "from tests.storage.test_image import sample; print(sample().digest())"
    root = Path(__file__).parents[2]
    for hash_seed in ("0", "12345"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)}
        result = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
        assert result.stdout.decode().strip() == sample().digest()


def test_diff_names_what_came_went_and_changed() -> None:
    before = sample()
    after = before.apply(Write(2, 0, b"ONE", 3)).apply(Link(ROOT_INODE, "new", 9, FILE)).apply(Unlink(3, "old", 4))
    difference = diff(before, after)
    assert (difference.only_before, difference.only_after, difference.changed) == (
        ("/batch/old",),
        ("/new",),
        ("/journal",),
    )
    assert difference and not diff(before, sample())


def test_write_to_lays_the_image_out_as_files(tmp_path: Path) -> None:
    sample().write_to(tmp_path)
    assert (tmp_path / "journal").read_bytes() == b"one"
    assert os.readlink(tmp_path / "batch" / "latest") == "old"


def test_write_to_cannot_be_led_out_of_its_directory(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "inside").mkdir()
    image = Image(directories={ROOT_INODE: {"..": 2}, 2: {"outside": 3}, 3: {"stolen": 4}}, files={4: b"x"})
    with pytest.raises((ValueError, FileExistsError)):
        image.write_to(tmp_path / "inside")
    assert not list(outside.iterdir())


def test_two_names_of_one_file_are_not_two_files_alike() -> None:
    """Who writes to one of the names changes the other; which inode numbers there are says nothing."""
    modes = {ROOT_INODE: 0o040755, 2: 0o100600, 3: 0o100600, 7: 0o100600}
    linked, renumbered, alike = (
        Image(dict.fromkeys(inodes, b"x"), {ROOT_INODE: dict(zip("ab", inodes, strict=True))}, modes)
        for inodes in ((2, 2), (7, 7), (2, 3))
    )
    assert linked.tree() == alike.tree()
    assert linked.digest() == renumbered.digest() != alike.digest()
