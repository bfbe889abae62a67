"""Defect D12: set to "host closes" at a host that leaves it to the terminal: it settles, prints its slip and clears nothing.

Seen in a vendor's support notes as a limit error some days later: each side waits for the other. Must be caught by I11
(cleared without the host's proof: it says settled).
"""

from harness.contract import DeviceError, Done, Outcome, Receipt, Screen
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.settling import contract_totals


class HostCloses(ReferenceTerminal):
    """See the module's first lines."""

    def run_settlement(self) -> Outcome:
        text = f"结算 SETTLEMENT {self.books.batch}: 等待主机清算 HOST WILL CLOSE"
        self.device.display.show(Screen("settled", text, batch=self.books.batch))
        try:
            self.device.printer.print(
                Receipt("settlement", text, batch=self.books.batch, totals=contract_totals(self.books.totals))
            )
        except DeviceError:
            pass
        return Done(text)
