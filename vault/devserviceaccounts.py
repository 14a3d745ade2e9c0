"""Stands for the Kubernetes that gives pods the tokens of their service accounts, and that Vault asks about them."""

from __future__ import annotations

import base64
import json
import secrets
import time
import uuid
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

_AUDIENCE: Final = "https://kubernetes.default.svc"
_SCALAR_BYTES: Final = 32


class ServiceAccounts:
    """Makes tokens (JWT, RFC 7519, signed with ES256 and a key of its own) and knows them again."""

    def __init__(self) -> None:
        self._key = generate_private_key(SECP256R1())

    def token(self, name: str, namespace: str, ttl: float) -> str:
        """A token as it is projected into a pod, alive for ``ttl`` seconds."""
        now = int(time.time())
        uid = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.{namespace}"))
        claims = {
            "aud": [_AUDIENCE],
            "exp": now + int(ttl),
            "iat": now,
            "iss": _AUDIENCE,
            "jti": secrets.token_hex(8),
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name, "uid": uid}},
            "nbf": now,
            "sub": f"system:serviceaccount:{namespace}:{name}",
        }
        signed = ".".join(_base64url(json.dumps(part).encode()) for part in ({"alg": "ES256", "typ": "JWT"}, claims))
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ECDSA(SHA256())))
        return f"{signed}.{_base64url(r.to_bytes(_SCALAR_BYTES, 'big') + s.to_bytes(_SCALAR_BYTES, 'big'))}"

    def claims(self, token: str) -> dict[str, Any] | None:
        """What a token claims; None when it is not one of these, or expired."""
        signed, _, signature = token.rpartition(".")
        try:
            raw = _unbase64url(signature)
            r, s = (int.from_bytes(half, "big") for half in (raw[:_SCALAR_BYTES], raw[_SCALAR_BYTES:]))
            self._key.public_key().verify(encode_dss_signature(r, s), signed.encode(), ECDSA(SHA256()))
        except (InvalidSignature, ValueError):
            return None
        claims: dict[str, Any] = json.loads(_unbase64url(signed.partition(".")[2]))
        return claims if claims["exp"] > time.time() else None


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unbase64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
