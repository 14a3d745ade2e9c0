"""What protected a leaf, as those who reverse it must know: with which transform, key, version and domain.

A leaf has the guards of its own chain; else the output schema of the chain that wrote it says so in
`streamveil:protected`. The last entry is what was done last, and is all that can be reversed.

Some ciphertexts do not tell a wrong key, which gives a plausible wrong value. The version to reverse those with is
never guessed: it comes from here, from `key.version`, or from a ring that has never had another version than 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field as Option

from registry.schema.tree import LINEAGE, Field, Guard
from transforms.changed import without_lineage
from transforms.keyed import Keyed
from transforms.keys import KeyRing
from transforms.outcome import Unbindable
from transforms.transform import Context

PROTECTED = f"{LINEAGE}protected"
WAS = f"{LINEAGE}was"
"""What a schema says of the tags that a protected leaf had."""

VERSION_TO_REVERSE: Any = Option(
    default=None,
    ge=1,
    alias="key.version",
    description="The version of the ring that the values were written with. Default: the one that this chain or the "
    "source's schema (`streamveil:protected`) names, else 1 for a ring that has never had another.",
)
"""`key.version` of a transform whose input does not carry the version."""

_TEXTS = ("transform", "step", "key", "fingerprint", "domain", "mode", "format")


def last_protection(field: Field, context: Context) -> Guard | None:
    """What protected a leaf last, None where that is not known. Raises `Unbindable` for a schema that says it badly."""
    if field.guards:
        return field.guards[-1]
    entries = _entries(field)
    if entries is None:
        return None
    last = entries[-1] if isinstance(entries, list) and entries else None
    if not isinstance(last, Mapping) or not all(isinstance(last.get(name, ""), str) for name in _TEXTS):
        raise Unbindable(f"transforms.{context.alias}: {PROTECTED} is malformed", path=field.origin)
    version, type_ = last.get("version"), last.get("type")
    if not (version is None or type(version) is int) or not (type_ is None or _is_flat(type_)):
        raise Unbindable(f"transforms.{context.alias}: {PROTECTED} is malformed", path=field.origin)
    texts = {"step": "", "transform": "", **{name: last[name] for name in _TEXTS if name in last}}
    return Guard(**texts, version=version, type=None if type_ is None else tuple(type_.items()))


def without_last(field: Field) -> Field:
    """The place, whose schema no longer claims what has been reversed; what was done before it may be reversed next.

    Which tags it had stays, for whoever writes its schema. Where a step of this chain has been reversed, all claims do.
    """
    if field.guards:
        return field
    entries = _entries(field)
    left = entries[:-1] if isinstance(entries, list) else []
    claims = {PROTECTED: left, WAS: field.attrs.get(WAS)}
    return (new := without_lineage(field)).but(
        attrs={**new.attrs, **{name: said for name, said in claims.items() if said}}
    )


def check_key(keyed: Keyed, field: Field, context: Context, last: Guard | None) -> None:
    """Raise `Unbindable` where the schema names the ring, and a version that it lacks or has another key for."""
    if last is None or field.guards or last.key != keyed.key or last.version is None:
        return
    ring = keyed.ring(context)
    if not ring.has(last.version):
        raise _unbindable(
            field, context, f"the ring {keyed.key} lacks version {last.version}, which it was written with"
        )
    own = ring.fingerprint(last.version)
    if None not in (last.fingerprint, own) and last.fingerprint != own:
        raise _unbindable(
            field, context, f"version {last.version} of the ring {keyed.key} is another key than it was written with"
        )


def version_of(keyed: Keyed, field: Field, context: Context, **made: str) -> int:
    """The version of the ring to reverse a leaf with that was protected by a step with these facts (`transform` ...).

    Raises `Unbindable` where it is not known for sure, where the ring lacks it or has another key under it, and where
    the schema says that something else was done to the leaf last.
    """
    last = last_protection(field, context)
    check_key(keyed, field, context, last)
    known = None if last is None else _version_in(last, keyed, field, context, made)
    if known is not None and keyed.key_version not in (None, known):
        raise _unbindable(field, context, f"key.version is {keyed.key_version}, and it was written with {known}")
    if (version := known or keyed.key_version) is not None:
        return version
    if _is_only_version(keyed.ring(context)):
        return 1
    raise _unbindable(
        field,
        context,
        f"nothing says with which version of the ring {keyed.key} it was written: {PROTECTED} of the source's schema "
        "would, or key.version",
    )


def _version_in(last: Guard, keyed: Keyed, field: Field, context: Context, made: Mapping[str, str]) -> int | None:
    """The version that the last protection tells, None where it is a guard of another key."""
    facts = last.facts()
    agrees = all(facts.get(name) == fact for name, fact in made.items())
    domain = context.domain(keyed.domain, field)
    if field.guards:
        ours = agrees and last.domain == domain and is_of(keyed.ring(context), last)
        return last.version if ours else None
    if not agrees:
        raise _unbindable(field, context, f"what was done to it last is {last.transform or 'not known'}")
    if last.key != keyed.key:
        raise _unbindable(field, context, f"it was written with another ring than {keyed.key}: {last.key}")
    if last.domain != domain:
        raise _unbindable(field, context, f"it was written under another domain than {domain}: {last.domain}")
    return last.version


def is_of(ring: KeyRing, guard: Guard) -> bool:
    """Whether a guard was made with a key of the ring, or may have been where keys are not at hand.

    Names prove nothing, because two rings may hold one key.
    """
    if guard.version is None or not ring.has(guard.version):
        return False
    own = ring.fingerprint(guard.version)
    return None in (own, guard.fingerprint) or own == guard.fingerprint


def _is_only_version(ring: KeyRing) -> bool:
    """Whether 1 is all that the ring has ever had, as far as can be seen where its keys are not at hand."""
    if ring.versions != (1,):
        return False
    # Asking for the next one makes a ring that is kept on a server look there once more.
    return ring.fingerprint(1) is None or (not ring.has(2) and ring.last == 1)


def _is_flat(type_: Any) -> bool:
    return isinstance(type_, Mapping) and all(isinstance(fact, (str, int)) for fact in type_.values())


def _entries(field: Field) -> Any:
    return field.attrs.get(PROTECTED)


def _unbindable(field: Field, context: Context, reason: str) -> Unbindable:
    return Unbindable(f"transforms.{context.alias}: {field.origin or field.name}: {reason}", path=field.origin)
