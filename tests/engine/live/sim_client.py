"""A terminal on PyPI's iso8583sim, which writes, sends, reads and matches every message: python sim_client.py PORT TID MID

Sales, three of them at once, of which one is taken back and one voided, and the settlement. Lengths are four digits of text
before a TPDU, the bitmap and binary fields are hexadecimal text. Prints what it saw as one JSON object.
"""

import asyncio
import json
import sys

from iso8583sim.core.types import ISO8583Message
from iso8583sim.net.client import ISO8583Client
from iso8583sim.net.framing import Framing
from iso8583sim.wire import WireFormat

BATCH = "000007"


async def day(port: int, tid: str, mid: str) -> dict[str, object]:
    """What the client saw."""
    framing = Framing("4a", bytes.fromhex("6000010000"))
    text = WireFormat(bitmap="hex", binary_fields="hex")
    async with ISO8583Client("127.0.0.1", port, text, framing) as client:
        stan = 0

        async def ask(mti: str, **fields: str) -> dict[int, str]:
            nonlocal stan
            stan += 1
            own = {11: f"{stan:06d}", 41: tid, 42: mid, 60: BATCH}
            own |= {int(number[1:]): value for number, value in fields.items()}
            return dict((await client.send(ISO8583Message(mti, own))).fields)

        def sale(fen: int) -> "asyncio.Task[dict[int, str]]":
            track = f"6222020000000000008=28122201234{fen:06d}"
            told = ask("0200", f3="000000", f4=f"{fen:012d}", f22="021", f25="00", f35=track, f49="156")
            return asyncio.create_task(told)

        sales = await asyncio.gather(*[sale(fen) for fen in (1250, 990, 4200)])
        doubtful = sales[2]
        undone = await ask("0400", f3="000000", f4=doubtful[4], f11=doubtful[11])
        last = await sale(330)
        voided = await ask("0200", f3="020000", f4=last[4], f62=last[11])
        settled = await ask("0500", f3="920000", f63=f"002{2240:012d}".ljust(90, "0"))
    return {"batch": BATCH, "sales": [*sales, last], "undone": undone, "voided": voided, "settled": settled}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(day(int(sys.argv[1]), *sys.argv[2:4]))))
