"""As day.c, in Python: day.py ROUNDS SLEEP_S FILE IP PORT."""

import os
import socket
import sys
import time

rounds, sleep_s, path, ip, port = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:5], int(sys.argv[5])
for number in range(rounds):
    if sleep_s:
        time.sleep(sleep_s)
    with open(path, "ab") as file:
        file.write(b"%06d%121s\n" % (number, b""))
        file.flush()
        os.fsync(file.fileno())
    with socket.create_connection((ip, port)) as line:
        line.sendall(b"\0\x3e%062d" % number)
        left = 64
        while left:
            left -= len(line.recv(left))
