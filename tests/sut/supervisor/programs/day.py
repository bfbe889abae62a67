"""As day.c, in Python: sets of strings, temporary files and sqlite3 on top."""

import os
import random
import socket
import sqlite3
import sys
import tempfile
import time
import uuid

store = sqlite3.connect("/store.db")
store.execute("create table sale (number, at, id)")
for number in range(int(sys.argv[1])):
    time.sleep(60)
    with open("/journal", "a") as journal:
        with open("/dev/urandom", "rb") as chance:
            drawn = chance.read(4).hex()
        journal.write(f"{number} {drawn} {id(store)} {time.time()} {random.random()} {set('abcdef')} {os.getpid()}\n")
        journal.flush()
        os.fsync(journal.fileno())
    with tempfile.NamedTemporaryFile(dir="/") as scratch:
        scratch.write(b"x")
    with store:
        store.execute("insert into sale values (?, ?, ?)", (number, time.time(), str(uuid.uuid4())))
    with socket.create_connection(("acquirer.example", 5500), timeout=30) as line:
        line.sendall(b"echo %d\n" % number)
        assert line.recv(100)
print("done")
