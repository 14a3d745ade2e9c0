"""Certificates for tests of TLS: two authorities that do not know each other."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID


class Pki:
    """Two authorities, `ours` and `other`, a server and a client of each, as PEM files in a folder."""

    def __init__(self, folder):
        self._folder = folder
        self._keys = {}
        for authority in ("ours", "other"):
            issuer = self._issue(f"{authority}.ca")
            for leaf in ("server", "client"):
                self._issue(f"{authority}.{leaf}", issuer)

    def __getitem__(self, name):
        return self._folder / f"{name}.pem"

    def locked(self, name, password):
        """The key of ``name`` in a file of its own, under a password."""
        path = self._folder / f"{name}.locked.pem"
        encryption = BestAvailableEncryption(password.encode())
        path.write_bytes(self._keys[name].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        return path

    def _issue(self, name, issuer=None):
        """A key and a certificate for 127.0.0.1, self-signed without an issuer, both in one file."""
        key = self._keys[name] = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signing_key, signer = issuer or (key, subject)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key())
        usage = x509.KeyUsage(True, False, False, False, False, issuer is None, False, False, False)
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(signer, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(authority, critical=False)
            .add_extension(usage, critical=True)
            .sign(signing_key, SHA256())
        )
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self[name].write_bytes(pem + certificate.public_bytes(Encoding.PEM))
        return key, subject
