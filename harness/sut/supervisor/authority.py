"""A test authority and the acquirer's certificate by it, for programs that speak TLS.

Models: one authority, whose certificate the program is given as a file; a certificate for the host's name and address, valid from
2015 to the end of 2039, so that a clock that has lost its battery, or was set decades ahead, fails as it does in the field.
Does not model: intermediate authorities, revocation, certificates of the terminal's own.
Source: RFC 5280; RFC 6125 (names). The keys in ``data`` are published and protect nothing: TEST MATERIAL.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness.sut.supervisor.fence import AUTHORITY_FILE

_DATA = Path(__file__).parent / "data"
_VALID_FROM, _VALID_TO = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2015, 2040))
_SERIAL = 2

ENVIRON = dict.fromkeys(
    ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"), AUTHORITY_FILE
)
"""By which programs of many kinds are told whom to trust: OpenSSL, Go, Rust; node; curl; requests."""


@cache
def host_certificate(host_name: str, host_ip: str) -> bytes:
    """The acquirer's certificate and key, PEM. The same every time: the authority signs without chance."""
    authority_key = serialization.load_pem_private_key((_DATA / "test_authority_key.pem").read_bytes(), None)
    host_pem = (_DATA / "test_host_key.pem").read_bytes()
    host_key = serialization.load_pem_private_key(host_pem, None)
    authority = x509.load_pem_x509_certificate((_DATA / "test_authority.pem").read_bytes())
    assert isinstance(authority_key, rsa.RSAPrivateKey) and isinstance(host_key, ec.EllipticCurvePrivateKey)
    names: list[x509.GeneralName] = [x509.DNSName(host_name), x509.IPAddress(ipaddress.ip_address(host_ip))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host_name[:64])]))
        .issuer_name(authority.subject)
        .public_key(host_key.public_key())
        .serial_number(_SERIAL)
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_TO)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + host_pem


def server_context(host_name: str, host_ip: str) -> ssl.SSLContext:
    """One for each connection: OpenSSL would resume sessions by real time, and a run would not repeat itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    file = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(file, host_certificate(host_name, host_ip))
        context.load_cert_chain(f"/proc/self/fd/{file}")
    finally:
        os.close(file)
    return context
