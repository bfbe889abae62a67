"""A small terminal, complete and naive: it appends each approved sale to a file, and settles what is in it.

The tutorial (`harness docs tutorial`) finds out what is wrong with it.
"""

import json
import os
import socket

from harness.contract import Approved, Declined, Done, Failed, Manifest, Refused, Terminal, Unknown
from harness.iso8583 import Message, unionpay
from harness.iso8583.keys import WorkingKeys
from harness.iso8583.unionpay import Reserved60, Settlement48, SettlementTotals


class MyTerminal(Terminal):
    manifest = Manifest(name="mine", actions=frozenset({"sale", "settle"}), reversal="none")

    def boot(self):  # power came on
        self.log = self.device.volumes["data"] + "/log.jsonl"
        self.state = self.device.volumes["data"] + "/state.json"
        self.stan, self.batch = 0, ""
        if os.path.exists(self.state):
            with open(self.state) as file:
                self.stan, self.batch = json.load(file)

    def sale(self, request):
        if not self.batch and not self.sign_on():
            return Refused("no_sign_on")
        card = self.device.card.read(timeout_s=60)  # waits for the customer
        stan = self.next_stan()
        reply = self.exchange(
            "0200",
            stan,
            {
                2: card.pan,
                3: "000000",
                4: f"{request.amount_fen:012d}",
                22: "052",
                25: "00",
                35: card.track2,
                49: "156",
                60: "22" + self.batch,
            },
        )
        if reply is None:
            return Unknown("no_reply", stan=stan)
        if reply.text(39) != "00":
            return Declined("host_" + reply.text(39), stan=stan)
        with open(self.log, "a") as file:
            file.write(json.dumps([stan, request.amount_fen]) + "\n")
        return Approved(stan, self.batch)  # the screen says approved from here on

    def settle(self, request):
        sales = []
        if os.path.exists(self.log):
            with open(self.log) as file:
                sales = [json.loads(line) for line in file]
        totals = SettlementTotals(debit_fen=sum(fen for _, fen in sales), debit_count=len(sales))
        fields = {48: str(Settlement48(totals)), 60: f"00{self.batch}201"}
        reply = self.exchange("0500", self.next_stan(), fields, signed=False)
        if reply is None or Settlement48.parse(reply.text(48)).domestic_code != "1":
            return Failed("not_balanced")
        open(self.log, "w").close()
        self.batch = f"{int(self.batch) + 1:06d}"
        return Done("settled")

    def sign_on(self):  # working keys for the message authentication code
        fields = {60: "00" + (self.batch or "000001") + "003"}
        reply = self.exchange("0800", self.next_stan(), fields, signed=False)
        if reply is None or reply.text(39) != "00":
            return False
        keys = WorkingKeys.parse(reply.binary(62))
        self.device.pin_pad.load_key("mac", keys.mac_key.cryptogram, keys.mac_key.check)
        self.batch = Reserved60.parse(reply.text(60)).batch
        return True

    def next_stan(self):
        self.stan += 1
        with open(self.state, "w") as file:
            json.dump([self.stan, self.batch], file)
        return f"{self.stan:06d}"

    def exchange(self, mti, stan, fields, signed=True):
        """The host's reply, or None when there was none in time."""
        request = Message(mti, {**fields, 11: stan, 41: self.device.tid, 42: self.device.mid})
        frame = unionpay.pack(request, self.device.pin_pad.mac if signed else None)
        try:
            with socket.create_connection(self.device.host_address, timeout=30) as line:
                line.sendall(frame)
                received = b""
                while data := line.recv(4096):
                    frames, received = unionpay.split_frames(received + data)
                    if frames:
                        return unionpay.unpack(frames[0]).message
        except OSError:
            pass
        return None
