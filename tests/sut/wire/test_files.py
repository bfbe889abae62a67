"""Manifests and inspections from outside Python: what they say, and what is told of mistakes."""

import json
from dataclasses import asdict, fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.contract import Inspection, Manifest, Record, TextPattern
from harness.core.documents.problems import DocumentErrors
from harness.core.errors import SoftwareError
from harness.sut.wire.inspection_file import read_inspection
from harness.sut.wire.manifest_file import read_manifest


def test_a_manifest_says_what_a_class_would_say():
    content = b"""\
name: corner shop
version: 1.10
actions: [sale, settle]
reversal: background
max_transactions: 500
reply_timeout_s: 30
encoding: gbk
screens:
  - {pattern: 'ok (?P<amount>[0-9]+)', kind: approved}
"""
    assert read_manifest(content, "shop.manifest.yaml").manifest == Manifest(
        "corner shop", "1.10", reversal="background", max_transactions=500, reply_timeout_s=30.0, encoding="gbk",
        screens=(TextPattern("ok (?P<amount>[0-9]+)", "approved"),),
    )  # fmt: skip


def test_every_field_can_be_said_in_json():
    manifest = Manifest(
        "all", "2", "old:Old", "international", "terminal", "automatic", "none", "new", frozenset({"sale"}), 1, 2, 3, 4, "record",
        5, 6, 7.5, 8.5, 9.5, 10, "gbk", (TextPattern("a", "idle"),), (TextPattern("b", "sale"),), 11.5,
    )  # fmt: skip
    assert all(getattr(manifest, each.name) != each.default for each in fields(Manifest))
    content = json.dumps(asdict(manifest) | {"actions": ["sale"]}, indent="\t").encode()
    assert read_manifest(content, "all --manifest", json=True).manifest == manifest


TEXT = "screens: [{pattern: x, kind: idle}]\ntext: {events: {sale: S, settle: T%s}}"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "m:1:1: the file is empty"),
        ("[1]", "m:1:1: expected a manifest: keys such as 'name:'"),
        ("nam: x", "m:1:1: nam: unknown key 'nam'; did you mean 'name'?"),
        ("version: '1'", "m:1:1: missing key 'name'"),
        ("name: ''", "m:1:7: name: the name is empty"),
        ("name: x\nname: y", "m:2:1: key 'name' stands here for the second time"),
        ("name: x\nactions: [sale, sael]", "m:2:17: actions[1]: expected one of sale, refund"),
        ("name: x\nactions: sale", "m:2:10: actions: expected a list"),
        ("name: x\ntls: please", "m:2:6: tls: expected true or false, found 'please'"),
        ("name: x\nreversal: later", "m:2:11: reversal: expected one of before_next, background, none"),
        ("name: x\nreply_timeout_s: 0", "m:2:18: reply_timeout_s: it must be above 0 seconds"),
        ("name: x\nreply_timeout_s: 30s", "expected a number from 0 up, found '30s'"),
        ("name: x\nmax_transactions: -1", "expected a whole number from 0 up, found -1"),
        ("name: x\nmax_transactions: true", "expected a whole number from 0 up, found true"),
        ("name: x\nencoding: klingon", "m:2:11: encoding: Python knows no encoding 'klingon'"),
        ("name: x\nscreens: [{pattern: '(', kind: idle}]", "m:2:21: screens[0].pattern: it is no regular expression"),
        ("name: x\nscreens: [{pattern: a, kind: idel}]", "m:2:30: screens[0].kind: expected one of idle"),
        ("name: x\nreceipts: [{pattern: '(?P<amont>a)', kind: sale}]", "no group is called 'amont'"),
        ("name: x\nscreens: [" + "{pattern: a, kind: idle}, " * 101 + "]", "more than 100 patterns"),
        ("name: !!python/name:os.system x", "expected plain data"),
        ("name: x\ntext: {events: {sale: S, settle: T}}", "m:2:1: text: no pattern in `screens` is of the kind idle"),
        ("name: x\n" + TEXT[: TEXT.index(", settle")] + "}}", "settle is one of the actions and has no line"),
        ("name: x\n" + TEXT % ", kye: K", "text.events.kye: no event is called 'kye'; did you mean 'key'?"),
        ("name: x\n" + TEXT % ", key: 'K {kye}'", "key has no {kye}; did you mean 'key'?"),
        ("name: x\n" + TEXT % ", key: ''", "expected a line of 1 to 200 characters"),
        ("name: x\n" + TEXT % ", key: \"a\\nb\"", "expected a line of 1 to 200 characters"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_manifest_is_told_with_its_place(content, told):
    with pytest.raises(DocumentErrors) as problems:
        read_manifest(content.encode(), "m")
    assert told in str(problems.value)


def test_a_sound_manifest_of_text_is_taken():
    declared = read_manifest(("name: x\n" + TEXT % ", key: 'K {key}'").encode(), "m")
    assert declared.text is not None and declared.text.events["key"] == "K {key}"


def test_tls_is_said_in_the_manifest():
    assert read_manifest(b"name: x\ntls: true", "m").tls
    assert not read_manifest(b"name: x", "m").tls


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80) | st.text(alphabet="nam:e x[]{}'\"!&*-#|>\n\t0", max_size=40).map(str.encode))
def test_any_bytes_are_a_manifest_or_a_list_of_problems(content):
    for json_only in (False, True):
        try:
            read_manifest(content, "m", json=json_only)
        except DocumentErrors as problems:
            assert str(problems)


def test_an_inspection_says_what_a_class_would_say():
    found = Inspection(
        "000001", "000004", (Record("000003", "000001", "sale", 1250, "voided"),), ("000002",), 1, True, (1, 2, 3, 4)
    )
    assert read_inspection(json.dumps(asdict(found)).encode(), "p") == found
    assert read_inspection(b"null\n", "p") is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "p: not a JSON answer"),
        (b"[]", "got `array`"),
        (b'{"bach":"1"}', "unknown key 'bach'; did you mean 'batch'?"),
        (b'{"records":[{"stna":"1"}]}', "unknown key 'stna'; did you mean 'stan'?"),
        (b'{"records":[{"stan":"1"}]}', "missing required field"),
        (b'{"damaged_records":"1"}', "Expected `int`, got `str`"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"batch":"6250941006528599","x":"\xff"}', "Invalid UTF-8"),
    ],
)
def test_what_is_no_inspection_is_told(content, told):
    with pytest.raises(SoftwareError) as problem:
        read_inspection(content, "p")
    assert told in str(problem.value)
