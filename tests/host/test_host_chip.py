"""Sales by chip at the host: advices of offline sales, and certificates at settlement."""

from harness.iso8583.icc import icc_data
from tests.host.host_client import PAN, TID, Client, make_host


def signed_on():
    acquirer, changes, settlements = make_host()
    client = Client(acquirer)
    client.sign_on()
    return acquirer, client, changes, settlements


def advice(client, stan, token, kind="TC"):
    message = client.sale_message(700, stan=stan, mti="0220", f60=f"36{client.batch}000")
    fields = {number: value for number, value in message.fields.items() if number != 35}
    return client.exchange(client.message("0220", {**fields, 55: icc_data(kind, bytes(8), token)})).text(39)


def certificate(client, stan, batch, amount_fen=700, kind="TC"):
    fields = {2: PAN, 3: "000000", 4: f"{amount_fen:012d}", 11: stan, 60: f"00{batch}203"}
    return client.exchange(client.message("0320", {**fields, 55: icc_data(kind, bytes(8), "00000000042")})).text(39)


def test_an_advice_without_a_track_names_its_presentation_by_the_chip():
    acquirer, client, changes, _ = signed_on()
    assert [advice(client, "000050", "00000000042") for _ in range(2)] == ["00", "94"]
    (entry,) = acquirer.entries(TID)
    assert (entry.token, entry.chip, entry.state) == ("00000000042", True, "APPROVED")
    assert [(change.token, change.chip, change.reason) for change in changes] == [("00000000042", True, "offline")]


def test_an_advice_that_a_fault_has_answered_otherwise_is_taken_when_it_comes_again():
    acquirer, client, _, _ = signed_on()
    knobs = acquirer.knobs(TID)
    for forced in ("96", "51"):
        knobs.respond_code, knobs.respond_count = forced, 1
        assert advice(client, "000050", "00000000042") == forced
    assert advice(client, "000050", "00000000042") == "00"
    assert [entry.state for entry in acquirer.entries(TID)] == ["APPROVED"]


def test_certificates_come_after_a_balanced_close_and_the_host_knows_which():
    acquirer, client, _, settlements = signed_on()
    batch = client.batch
    assert [advice(client, f"{50 + number:06d}", f"{number:011d}") for number in range(2)] == ["00", "00"]
    client.settle(2, 1400)
    assert settlements[-1].balanced
    assert [certificate(client, "000050", batch) for _ in range(2)] == ["00", "00"]
    assert certificate(client, "000051", batch, kind="AAC") == "00"  # no proof of anything
    assert acquirer.batches(TID)[0].certificates == {"000050"}


def test_in_an_upload_a_certificate_claims_its_sale():
    _, client, _, settlements = signed_on()
    batch = client.batch
    assert advice(client, "000050", "00000000042") == "00"
    client.settle(2, 1500)
    assert certificate(client, "000050", batch) == "00"
    client.end_upload(1, batch=batch)
    assert settlements[-1].closed and settlements[-1].host_only == ()
