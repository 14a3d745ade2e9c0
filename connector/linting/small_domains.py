"""Values that are too few to encrypt well: FF1 needs a million, and near that number everything can be tried out.

How many values there are follows from the alphabet and from how many characters are encrypted: those of the value
without the ones that `keep.first`, `keep.last` and `luhn` take out. The length is known where the type bounds it, or
where the name of a domain, tag or field says what lies there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from connector.explain import Explanation
from connector.linting.remark import Remark, Subject, key_of, listed
from connector.plan import Link
from transforms.ff1 import SMALLEST_DOMAIN
from transforms.fpe import ALPHABETS, Fpe
from transforms.small_domains import words_of

COMFORTABLE = 100_000_000

_LENGTHS: Mapping[str, int] = MappingProxyType(
    {
        "aadhaar": 12,
        "bsn": 9,
        "card": 16,
        "cardnumber": 16,
        "cnpj": 14,
        "cpf": 11,
        "ein": 9,
        "iban": 22,
        "imei": 15,
        "itin": 9,
        "mobile": 10,
        "mobilenumber": 10,
        "nhs": 10,
        "npi": 10,
        "pan": 16,
        "phone": 10,
        "phonenumber": 10,
        "routingnumber": 9,
        "sin": 9,
        "socialsecuritynumber": 9,
        "ssn": 9,
        "zip9": 9,
    }
)
"""How many characters values of a well-known kind have, separators not counted; the shortest usual form."""

_FEW: Mapping[str, str] = MappingProxyType(
    {
        "age": "about a hundred",
        "birthdate": "some 40,000",
        "birthday": "some 40,000",
        "dateofbirth": "some 40,000",
        "dob": "some 40,000",
        "ext": "at most 10,000",
        "extension": "at most 10,000",
        "last4": "10,000",
        "plz": "fewer than 100,000",
        "postalcode": "fewer than two million",
        "postcode": "fewer than two million",
        "sortcode": "fewer than a million",
        "year": "about a hundred",
        "zip": "fewer than 100,000",
        "zipcode": "fewer than 100,000",
    }
)
"""Kinds of which there are few values, however long they are written."""

_MOST_WORDS = 3
_DIGITS_OF = {"int": 10, "long": 19}


def near_the_minimum(subject: Subject) -> Iterator[Remark]:
    """`small-fpe-domain`: with a schema for the leaves that are encrypted, else by what the configuration names."""
    for link in subject.links:
        if isinstance(link.transform, Fpe) and link.transform.protecting:
            fpe = link.transform
            if subject.explanation is None:
                names = [name for name in (fpe.domain, *fpe.tags, *fpe.fields) if name]
                yield from _of_names(link, fpe, names)
            else:
                yield from _of_leaves(link, fpe, subject.explanation)


def _of_names(link: Link, fpe: Fpe, names: Sequence[str]) -> Iterator[Remark]:
    reasons = ((name, _reason(fpe, [name])) for name in names)
    found = next(((name, reason) for name, reason in reasons if reason is not None), None)
    if found is not None:
        yield _remark(link, *found)


def _of_leaves(link: Link, fpe: Fpe, explanation: Explanation) -> Iterator[Remark]:
    found: dict[str, list[str]] = {}
    for finding in explanation.findings:
        guard = next((guard for guard in finding.guards if guard.step == link.alias), None)
        if guard is not None:
            names = [finding.path, guard.domain or "", *sorted(finding.tags)]
            reason = _reason(fpe, names, _DIGITS_OF.get(finding.type.removesuffix("?")))
            if reason is not None:
                found.setdefault(reason, []).append(finding.path)
    yield from (_remark(link, listed(paths), reason) for reason, paths in found.items())


def _remark(link: Link, what: str, reason: str) -> Remark:
    advice = "Keep fewer characters, use a larger alphabet, or protect it by Hmac or MaskField"
    return Remark("small-fpe-domain", key_of(link), f"{what}: {reason}", advice)


def _reason(fpe: Fpe, names: Sequence[str], most_digits: int | None = None) -> str | None:
    """Why there are too few values, None where there are enough or nobody knows. The names tell the kind."""
    kinds = [kind for name in names for kind in _kinds(name)]
    kind = next((kind for kind in kinds if kind in _FEW), None)
    if kind is not None:
        return f"there are {_FEW[kind]} values of the kind {kind}, which can all be tried out"
    kind = next((kind for kind in kinds if kind in _LENGTHS), None)
    length = most_digits if kind is None else _LENGTHS[kind]
    if length is None:
        return None
    encrypted = max(0, length - fpe.keep_first - fpe.keep_last - (fpe.luhn != "false"))
    results = len(ALPHABETS.get(fpe.alphabet, fpe.alphabet)) ** encrypted
    if results >= COMFORTABLE:
        return None
    least = f"at least {SMALLEST_DOMAIN:,} are needed, {COMFORTABLE:,} are comfortable"
    value = "the longest value of the type" if kind is None else f"a value of the kind {kind}"
    return f"{encrypted} of the {length} characters of {value} are encrypted, with {results:,} results; {least}"


def _kinds(name: str) -> Iterator[str]:
    """What a name may say of its values: its last words, as one. `home.zip_code` may be a zipcode, or a code."""
    words = words_of(name)
    for count in range(min(_MOST_WORDS, len(words)), 0, -1):
        yield "".join(words[-count:])
