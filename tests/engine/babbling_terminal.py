"""The reference on a line that damages one in four of its requests: what the host makes of them is the host's affair."""

import random

from harness.iso8583 import Message
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.messages import Messages


class BabblingMessages(Messages):
    draws = random.Random(7)

    def frame(self, request: Message) -> bytes:
        data = bytearray(super().frame(request))
        if self.draws.random() < 0.25:
            at = self.draws.randrange(2, len(data))
            what = self.draws.randrange(4)
            if what == 0:
                data[at] ^= 1 << self.draws.randrange(8)
            elif what == 1:
                del data[at : at + 7]
            elif what == 2:
                data[at:at] = self.draws.randbytes(5)
            if what:
                data[:2] = (len(data) - 2).to_bytes(2, "big")
            else:
                data[:2] = self.draws.randbytes(2) if self.draws.random() < 0.3 else data[:2]
        return bytes(data)


class BabblingTerminal(ReferenceTerminal):
    messages_class = BabblingMessages
