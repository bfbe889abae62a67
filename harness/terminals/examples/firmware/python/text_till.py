#!/usr/bin/env python3
"""The same shop on hardware that knows text alone: GBK lines on its display and slips, keys and cards as lines of text.

What its texts mean, and how it is told of keys and cards, is in ``text_till.py.manifest.yaml``; it never says how an action ends
but on its screen. Only the PIN pad is asked by requests, as it has no display. Flows and records are ``shop_terminal``'s.
"""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from itertools import count

import shop_terminal
from shop_terminal import NotDone, Shop, Words

SCREENS = {
    "prompt": "请刷卡",
    "processing": "请稍候",
    "unknown": "结果未知",
    "declined": "交易拒绝",
    "storage_full": "存储满",
}
numbers = count(1)
kept: deque[str] = deque()
"""Lines of text that came while an answer was waited for."""


def say(text: str) -> None:
    os.write(1, text.encode("gbk") + b"\n")


def heard() -> str:
    """The next line."""
    line = sys.stdin.buffer.readline().decode("gbk")
    if not line:
        sys.exit(0)
    return line.rstrip("\n")


def ask(call: str, **words: object) -> Words:
    """What ``shop_terminal`` asks for: shown, printed or read as text; the PIN pad's part as a request."""
    if call == "show":
        show(words)
    elif call == "print":
        print_slip(words)
    elif call == "read_card":
        kind, _, track2 = next_text().partition(" ")
        if kind != "CARD":
            raise NotDone("card")
        pan, _, rest = track2.partition("=")
        return {"pan": pan, "expiry": rest[:4], "entry_mode": "021", "track2": track2}
    else:
        return requested(call, words)
    return {}


def requested(call: str, words: Words) -> Words:
    os.write(1, json.dumps({"id": next(numbers), "call": call, **words}).encode() + b"\n")
    while not (line := heard()).startswith("{"):
        kept.append(line)
    said = json.loads(line)
    if "error" in said:
        raise NotDone(said["error"]["kind"])
    done: Words = said["ok"]
    return done


def next_text() -> str:
    return kept.popleft() if kept else heard()


def show(words: Words) -> None:
    kind = words["screen"]
    if kind == "approved":
        yuan = f"{words['amount_fen'] / 100:.2f}"
        say(f"交易成功 金额{yuan}元 批次{words['batch']} 凭证{words['stan']}")
    elif kind == "settled":
        say(f"批次{words['batch']} 结算成功")
    elif kind == "settle_failed":
        say(f"结算失败 {words['text']}")
    else:
        say(SCREENS.get(kind, f"不能交易 {words['text']}"))


def print_slip(words: Words) -> None:
    if words["receipt"] == "settlement":
        totals = words["totals"]
        say(f"打印 结算单 批次{words['batch']} 消费{totals['debit_count']}笔{totals['debit_fen'] / 100:.2f}元")
    else:
        say(f"打印 消费 {words['amount_fen'] / 100:.2f}元 批次{words['batch']} 凭证{words['stan']}")


def main(directory: str) -> None:
    shop_terminal.ask = ask
    _, tid, mid, host, port = heard().split()
    shop = Shop({"tid": tid, "mid": mid, "host": host, "port": int(port), "volumes": {"data": directory}})
    shop.catch_up()
    while True:
        say("文件错误" if shop.journal.damaged else "欢迎")
        key, _, amount = next_text().partition(" ")
        if key in ("SALE", "SETTLE", "SIGNON"):
            kind = {"SALE": "sale", "SETTLE": "settle", "SIGNON": "sign_on"}[key]
            shop.done({"kind": kind, "amount_fen": int(amount or 0)})
            if kind == "sign_on" and shop.has_keys:
                say("签到成功")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inspect"]:
        print(json.dumps(shop_terminal.inspect(sys.argv[2])))
    else:
        main(sys.argv[1] if len(sys.argv) > 1 else "/data")
