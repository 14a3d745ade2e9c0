"""The transit engine of the development Vault: named keys, and what can be asked of them one by one or in batches."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from vault.devmodel import (
    DONE,
    Answer,
    Operation,
    Refusal,
    Request,
    base64_text,
    no_such_path,
    nothing_there,
    unbase64,
)
from vault.devtransitkeys import HMAC_ALGORITHMS, TYPE, TransitKey

_SIZES: Final = (128, 256, 512)

Item = Mapping[str, Any]
Work = Callable[[TransitKey, Item], dict[str, Any]]


class Transit:
    """One mount of the engine."""

    type: Final = "transit"

    def __init__(self) -> None:
        self._keys: dict[str, TransitKey] = {}

    def exists(self, path: tuple[str, ...]) -> bool:
        """Only encryption may create what it names: a key that is missing."""
        return len(path) != 2 or path[0] != "encrypt" or path[1] in self._keys

    def answer(self, request: Request) -> Answer:
        match request.operation, request.path:
            case Operation.LIST, ("keys",):
                return self._list()
            case Operation.READ, ("keys", name):
                return Answer(self._key(name, nothing_there()).facts())
            case Operation.UPDATE, ("keys", name):
                return self._create(name, request)
            case Operation.DELETE, ("keys", name):
                return self._delete(name)
            case Operation.UPDATE, ("keys", name, "config"):
                self._key(name, Refusal(400, f"no existing key named {name} could be found")).configure(request.body)
                return DONE
            case Operation.UPDATE, ("keys", name, "rotate"):
                self._key(name, Refusal(400, "key not found")).rotate()
                return DONE
            case Operation.CREATE, ("encrypt", name):
                self._mint(name, request)
                return self._work(name, request, _encrypt, needs="plaintext")
            case Operation.UPDATE, ("encrypt", name):
                return self._work(name, request, _encrypt, needs="plaintext")
            case Operation.UPDATE, ("decrypt", name):
                return self._work(name, request, _decrypt, needs="ciphertext")
            case Operation.UPDATE, ("rewrap", name):
                return self._work(name, request, _rewrap, partial=200)
            case Operation.UPDATE, ("hmac", name, *algorithm) if len(algorithm) < 2:
                return self._hmac(name, request, *algorithm)
            case Operation.UPDATE, ("datakey", kind, name):
                return self._data_key(kind, name, request)
        raise no_such_path()

    def _key(self, name: str, refusal: Refusal) -> TransitKey:
        key = self._keys.get(name)
        if key is None:
            raise refusal
        return key

    def _list(self) -> Answer:
        if not self._keys:
            raise nothing_there()
        return Answer({"keys": sorted(self._keys)})

    def _create(self, name: str, request: Request) -> Answer:
        """A key that is there stays as it is, and that is no error."""
        derived, convergent = request.flag("derived"), request.flag("convergent_encryption")
        if convergent and not derived:
            raise Refusal(400, "convergent encryption requires derivation to be enabled")
        if request.text("type", TYPE) != TYPE:
            raise Refusal(400, "unknown key type: the development Vault has aes256-gcm96 alone")
        exportable = request.flag("exportable")
        self._keys.setdefault(name, TransitKey(name, derived=derived, convergent=convergent, exportable=exportable))
        return DONE

    def _mint(self, name: str, request: Request) -> None:
        """The key that an encryption with a missing one makes, derived if the items have a context."""
        derived, convergent = bool(_first_context(request.body)), request.flag("convergent_encryption")
        if convergent and not derived:
            raise Refusal(400, "convergent encryption requires derivation to be enabled, so context is required")
        _check_can_encrypt(request.text("type", TYPE))
        self._keys[name] = TransitKey(name, derived=derived, convergent=convergent)

    def _delete(self, name: str) -> Answer:
        key = self._key(name, Refusal(400, f"could not delete key; not found: {name}"))
        if not key.deletion_allowed:
            raise Refusal(400, f"error deleting policy {name}: deletion is not allowed for this policy")
        del self._keys[name]
        return DONE

    def _data_key(self, kind: str, name: str, request: Request) -> Answer:
        if kind not in ("plaintext", "wrapped"):
            raise Refusal(400, "Invalid path, must be 'plaintext' or 'wrapped'")
        key = self._key(name, _no_key())
        bits = request.number("bits", 256)
        if bits not in _SIZES:
            raise Refusal(400, "invalid bit length")
        fresh = secrets.token_bytes(bits // 8)
        version = request.number("key_version")
        wrapped = key.encrypt(fresh, request.decoded("context"), version)
        made = {"ciphertext": wrapped, "key_version": version or key.latest_version}
        return Answer({**made, "plaintext": base64_text(fresh)} if kind == "plaintext" else made)

    def _hmac(self, name: str, request: Request, algorithm: str | None = None) -> Answer:
        chosen = algorithm or request.text("algorithm", "sha2-256")
        version = request.number("key_version")
        if chosen not in HMAC_ALGORITHMS:
            raise Refusal(400, "unsupported algorithm")

        def work(key: TransitKey, item: Item) -> dict[str, Any]:
            if "input" not in item:
                raise Refusal(400, "missing input for HMAC")
            return {"hmac": key.hmac(unbase64(item["input"]), chosen, version)}

        return self._work(name, request, work, partial=200)

    def _work(self, name: str, request: Request, work: Work, *, needs: str = "", partial: int = 400) -> Answer:
        """One item, or a batch in which an item's error stands in its own place and the rest is served.

        A batch with such an error has the status ``partial`` all the same, or the one the request chooses.
        ``needs`` names the text that no item may be without: else the batch is refused, as Vault does with a 500.
        """
        if "batch_input" not in request.body:
            return Answer(work(self._key(name, _no_key()), request.body))
        items = _items(request.body["batch_input"], needs)
        key = self._key(name, _no_key())
        results = [_tried(work, key, item) for item in items]
        failed = sum("error" in result for result in results)
        if not failed:
            return Answer({"batch_results": results})
        chosen = request.number("partial_failure_response_code", partial) if failed < len(results) else partial
        return Answer({"batch_results": results}, status=chosen)


def _items(given: Any, needs: str) -> Sequence[Item]:
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise Refusal(500, "failed to parse batch input")
    if not given:
        raise Refusal(400, "missing batch input to process")
    if needs and not all(isinstance(item.get(needs), str) for item in given):
        raise Refusal(500, f"failed to parse batch input: missing {needs}")
    if len({bool(item.get("context")) for item in given}) > 1:
        raise Refusal(400, "context should be set either in all the request blocks or in none")
    return given


def _tried(work: Work, key: TransitKey, item: Item) -> dict[str, Any]:
    try:
        result = work(key, item)
    except Refusal as refusal:
        result = {"error": ", ".join(refusal.errors)}
    return {**result, "reference": item.get("reference") or ""}


def _check_can_encrypt(kind: str) -> None:
    """Whether a key that is made to encrypt at once may be of this type. Of a key that is there nobody asks."""
    if kind != TYPE:
        known = kind in ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521")
        raise Refusal(400, f"key type {kind} not supported for this operation" if known else f"unknown key type {kind}")


def _encrypt(key: TransitKey, item: Item) -> dict[str, Any]:
    if "plaintext" not in item:
        raise Refusal(400, "missing plaintext to encrypt")
    version = _version_of(item)
    ciphertext = key.encrypt(unbase64(item["plaintext"]), _context_of(item), version)
    return {"ciphertext": ciphertext, "key_version": version or key.latest_version}


def _decrypt(key: TransitKey, item: Item) -> dict[str, Any]:
    return {"plaintext": base64_text(key.decrypt(_ciphertext_of(item), _context_of(item)))}


def _rewrap(key: TransitKey, item: Item) -> dict[str, Any]:
    context, version = _context_of(item), _version_of(item)
    ciphertext = key.encrypt(key.decrypt(_ciphertext_of(item), context), context, version)
    return {"ciphertext": ciphertext, "key_version": version or key.latest_version}


def _ciphertext_of(item: Item) -> str:
    ciphertext = item.get("ciphertext")
    if not ciphertext or not isinstance(ciphertext, str):
        raise Refusal(400, "missing ciphertext to decrypt")
    return ciphertext


def _context_of(item: Item) -> bytes:
    return unbase64(item.get("context") or "")


def _version_of(item: Item) -> int:
    version = item.get("key_version") or 0
    if not isinstance(version, int):
        raise Refusal(400, "key_version must be a number")
    return version


def _first_context(body: Mapping[str, Any]) -> Any:
    batch = body.get("batch_input")
    first = batch[0] if isinstance(batch, list) and batch and isinstance(batch[0], dict) else body
    return first.get("context")


def _no_key() -> Refusal:
    return Refusal(400, "encryption key not found")
