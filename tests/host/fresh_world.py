"""An acquirer of its own with one client that has signed on, and what is read off a reply and a ledger."""

import pytest

from tests.host.host_client import Client, make_host


@pytest.fixture
def world():
    acquirer, changes, settlements = make_host()
    client = Client(acquirer)
    client.sign_on()
    return client, acquirer, changes, settlements


def code(reply):
    return reply.text(39)


def states(acquirer):
    return [(entry.kind, entry.stan, entry.state) for entry in acquirer.entries()]
