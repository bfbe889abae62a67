"""The host's history does not depend on the order in which Python happens to keep sets and hashes."""

import os
import subprocess
import sys

PROGRAM = """
from harness.history.recorder import Recorder
from harness.host.acquirer import Acquirer
from tests.host.host_client import MASTER, MID, PAN, TID, Client

recorder = Recorder()
acquirer = Acquirer("unionpay", recorder, b"seed")
acquirer.register_terminal(TID, MID, "T01", MASTER)
client = Client(acquirer)
client.sign_on()
for number in range(30):
    client.sale(100 + number, f"{number:011d}", f"{number + 1:06d}")
client.settle(29, 1)
client.upload([(f"{number:06d}", PAN, 100) for number in (90, 3, 70, 1, 50)])
client.end_upload(5)
print(recorder.close(), recorder.count)
"""


def test_histories_are_alike_under_different_hash_seeds():
    def run(hash_seed):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.getcwd()}
        return subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
        ).stdout

    first = run("1")
    assert first == run("2") and first.split()[1] == "33"
