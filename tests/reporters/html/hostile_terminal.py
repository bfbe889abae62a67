"""Terminal software that writes harm wherever it can write: screens, slips, logs, names of files, records, messages."""

import socket

from harness.contract import Approved, Declined, Done, Manifest, Terminal

HARM = '<img src=x onerror="hacked=1"></template></script><script>hacked=1</script>\u202e\x1b[31m'


class Hostile(Terminal):
    manifest = Manifest(name="h" + HARM, version=HARM, actions=frozenset({"sale", "settle"}), reversal="none")

    def sale(self, request):
        card = self.device.card.read(timeout_s=60)
        print(HARM, card.pan)
        print("0" * 10_000_000)
        name = f"<img src=x onerror='hacked=1'>\u202e{card.pan}\n"
        with open(f"{self.device.volumes['data']}/{name}", "w") as file:
            file.write(HARM + card.track2)
        try:
            with socket.create_connection(self.device.host_address, timeout=5) as line:
                line.sendall(HARM.encode() + card.pan.encode())
                line.recv(100)
        except OSError:
            pass
        if request.amount_fen % 2:
            return Declined("javascript:hacked=1", text=HARM + card.pan)
        return Approved("000001", "000001", text=HARM + card.pan)

    def settle(self, request):
        return Done(HARM)
