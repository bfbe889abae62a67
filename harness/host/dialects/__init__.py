"""Dialects: how terminals and the host talk. Each is one file and one class, registered by the name scenarios use."""

from harness.host.dialects import international, unionpay
from harness.host.dialects.base import DIALECTS, Dialect, DialectChoice, MessageHeader
from harness.host.dialects.rules import DialectRules

__all__ = ["DIALECTS", "Dialect", "DialectChoice", "DialectRules", "MessageHeader", "international", "unionpay"]
