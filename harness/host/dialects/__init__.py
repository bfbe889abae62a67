"""Dialects: how terminals and the host talk. Each is one file and one class, registered by the name scenarios use."""

from harness.host.dialects import unionpay
from harness.host.dialects.base import DIALECTS, Dialect, MessageHeader

__all__ = ["DIALECTS", "Dialect", "MessageHeader", "unionpay"]
