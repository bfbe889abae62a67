"""The name server that a device asks, by every way that programs have."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.network import Condition, HalfOpen, NameFailure, Partition, WrongAddress
from harness.sut.supervisor import names
from tests.sut.supervisor.network_rig import Supervised, built, run

__all__ = ["built"]
HOST = "acquirer.example"


def test_the_name_is_found_by_every_way_that_programs_have(built: Callable[..., Path]) -> None:
    found = run(built("names", "-lresolv"), HOST)
    assert found.text.splitlines() == [
        "getaddrinfo acquirer.example: ok after 0 s 192.0.2.10",
        "getaddrinfo nobody.example: Name or service not known after 0 s",
        "res_query acquirer.example 1: size 50 h_errno 0 late 0 192.0.2.10 ttl 300",
        "res_query acquirer.example 28: size -1 h_errno 4 late 0",
        "res_query ACQUIRER.example. 1: size 50 h_errno 0 late 0 192.0.2.10 ttl 300",
        "res_query nobody.example 1: size -1 h_errno 1 late 0",
        "nowhere: -1 EDESTADDRREQ",
        "sent 1",
        "early: -1 EAGAIN",
        "epoll 1 late 1",
        "waiting 50",
        "peek 50 got 50 from 192.0.2.53:53, 1",
        "poll 1 read 20",
        "from 10.0.0.2, port 1",
        "elsewhere 48",
        "poll 0",
    ]
    assert found.refused == ["a datagram to 192.0.2.53:123 was lost; only the name server answers those"]


@pytest.mark.parametrize(
    ("condition", "by_file", "by_question"),
    [
        (NameFailure(), "Temporary failure in name resolution after 5 s", "size -1 h_errno 2 late 1"),
        (Partition(), "ok after 0 s 192.0.2.10", "size -1 h_errno 2 late 1"),
        (HalfOpen(), "ok after 0 s 192.0.2.10", "size 50 h_errno 0 late 0 192.0.2.10 ttl 300"),
        (WrongAddress(), "ok after 0 s 192.0.2.10", "size 50 h_errno 0 late 0 192.0.2.10 ttl 300"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Condition) else "",
)
def test_nothing_answers_while_the_way_is_gone(
    condition: Condition, by_file: str, by_question: str, built: Callable[..., Path]
) -> None:
    run_ = Supervised(str(built("names", "-lresolv")), (HOST,))
    run_.link.conditions.add(condition)
    lines = run_.start().finish().text.splitlines()
    assert lines[0] == f"getaddrinfo {HOST}: {by_file}"
    assert lines[2] == f"res_query {HOST} 1: {by_question}"
    assert (condition.bites > 0) == ("late 1" in by_question)


@given(st.binary(max_size=80))
def test_whatever_is_asked_is_answered_in_form_or_not_at_all(query: bytes) -> None:
    reply = names.answer(query, HOST, "192.0.2.10")
    if reply is not None:
        number, flags, questions, answers = struct.unpack_from(">HHHH", reply)
        assert reply[:2] == query[:2] and number >= 0
        assert flags & 0x8000
        assert questions <= 1 and answers == 0
