"""From tokens to values: which ring, domain and mode made a token is found out where it can be told, never guessed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from connector.mapping_scan import Entry
from connector.markers import Forgotten, Marker
from connector.plan import Link
from connector.resolve import Answer, Resolver, domains_of
from registry.schema.tags import TagRules
from tests.unit.chains import KEYS, values
from transforms.token_vault import Mapped, Mapper, Subjects, read_mapping
from transforms.tokenize import Tokenize
from transforms.transform import Along

RING = KEYS["ring"]
RINGS = {name: KEYS[name] for name in ("ring", "other")}


def tokenize(**options: str) -> Tokenize:
    given = {"fields": "x", "key": "ring", "domain": "D", **{k.replace("__", "."): v for k, v in options.items()}}
    return Tokenize.model_validate(given)


def resolved(
    tokens: Sequence[str], *transforms: Tokenize, domains: Sequence[str] | None = None, **given: Any
) -> list[str]:
    """The values, and errors in brackets."""
    links = [Link(f"t{index}", transform) for index, transform in enumerate(transforms)]
    known = domains_of(links, TagRules()) if domains is None else domains
    nothing = {"transit": None, "scan": None, "digits_version": None}
    answers = Resolver(links, RINGS, known, **{**nothing, **given}).resolve(tokens)
    assert [answer.token for answer in answers] == list(tokens)
    return [answer.value.decode() if answer.value is not None else f"[{answer.error}]" for answer in answers]


class Scan:
    """A mapping topic and its markers, in memory."""

    def __init__(self, *records: Along | bytes, forgotten: Sequence[bytes] = ()) -> None:
        self._entries = [
            Entry(0, r, None, None) if isinstance(r, bytes) else Entry(0, r.key, r.value, read_mapping(r.key, r.value))
            for r in records
        ]
        self._forgotten = Forgotten()
        for digest in forgotten:
            self._forgotten.take(digest, Marker("requested", "", {"f": digest}).to_value())

    def forgotten(self) -> Forgotten:
        return self._forgotten

    def committed(self) -> Iterator[Entry]:
        return iter(self._entries)


def mapping(value: str, subject: str, domain: str = "D") -> tuple[str, Along]:
    mapper = Mapper(RING, domain, 1)
    (token,) = mapper.tokens([value.encode()])
    assert isinstance(token, Mapped)
    return str.__str__(token), mapper.mapping(token, Subjects(RING).digests(subject.encode()))


def test_local_tokens_and_addresses_tell_by_themselves_who_made_them() -> None:
    one, other, address = tokenize(), tokenize(domain="E", key="other"), tokenize(domain="E", format="email")
    tokens = [values("string", ["ann"], made)[0] for made in (one, other, address)]

    assert resolved(tokens, one, other, address) == ["ann"] * 3


def test_what_is_no_token_or_of_another_domain_is_said_to_be_none() -> None:
    (token,) = values("string", ["ann"], tokenize(domain="elsewhere"))
    assert resolved([token, "tok_", "ann@example.com"], tokenize()) == ["[not-a-token]"] * 3


def test_a_domain_that_the_chain_does_not_name_can_be_given() -> None:
    (token,) = values("string", ["ann"], tokenize(domain="elsewhere"))
    assert resolved([token], tokenize(), domains=["elsewhere"]) == ["ann"]


def test_the_domains_of_a_chain_are_those_it_names_and_the_tags_that_become_domains() -> None:
    tagged = Tokenize.model_validate({"tags": "EMAIL, PII*", "key": "ring"})
    links = [Link("a", tokenize()), Link("b", tagged)]

    assert domains_of(links, TagRules(declared={"PHONE": ["p"], "EMAIL": ["e"]})) == ["D", "EMAIL", "PHONE"]


def test_digits_are_reversed_with_the_version_that_is_said_and_with_no_other() -> None:
    digits = tokenize(format="digits")
    (token,) = values("string", ["1234567890"], digits)

    assert resolved([token], digits) == ["[needs-domain-and-key-version]"]
    assert resolved([token], digits, domains=["D"], digits_version=1) == ["1234567890"]
    assert resolved([token], digits, domains=["D"], digits_version=2) == ["[needs-domain-and-key-version]"]
    assert resolved([token], digits, domains=["E"], digits_version=1) == ["[needs-domain-and-key-version]"]
    assert resolved(["123"], digits, domains=["D"], digits_version=1) == ["[too-short]"]


def test_tokens_of_vault_are_decrypted_by_it() -> None:
    class Transit:
        def writing_version(self, key: str) -> int:
            raise LookupError

        def encrypt(self, *_: Any, **__: Any) -> Sequence[str]:
            raise AssertionError

        def decrypt(self, key: str, ciphertexts: Sequence[str], *, context: bytes) -> Sequence[bytes | None]:
            assert (key, context) == ("crm", b"D")
            return [b"ann" if text == "vault:v1:YQ==" else None for text in ciphertexts]

    made = Tokenize.model_validate({"fields": "x", "mode": "transit", "vault.transit.key": "crm", "domain": "D"})
    tokens = ["vault:v1:YQ==", "vault:v1:Yg=="]
    assert resolved(tokens, made, transit=Transit()) == ["ann", "[vault-refused]"]


def test_tokens_of_mode_vault_are_looked_up_whatever_their_domain() -> None:
    (one, first), (two, second) = mapping("ann", "1"), mapping("bob", "2", "E")
    unknown, _ = mapping("cyd", "3")

    assert resolved([two, one, unknown, one], scan=Scan(first, second)) == ["bob", "ann", "[unknown-token]", "ann"]


def test_a_token_does_not_resolve_once_its_last_mapping_has_a_tombstone_or_its_subject_a_marker() -> None:
    (token, of_ann), (_, of_bob) = mapping("phone", "ann"), mapping("phone", "bob")
    ann, bob = (Subjects(RING).digests(subject)[1] for subject in (b"ann", b"bob"))

    assert resolved([token], scan=Scan(of_ann, of_bob, of_ann.key)) == ["phone"]
    assert resolved([token], scan=Scan(of_ann, of_bob, of_ann.key, of_bob.key)) == ["[unknown-token]"]
    assert resolved([token], scan=Scan(of_ann, of_bob, forgotten=[ann])) == ["phone"]
    assert resolved([token], scan=Scan(of_ann, of_bob, forgotten=[ann, bob])) == ["[unknown-token]"]
    assert resolved([token], scan=Scan(of_ann.key, of_ann)) == ["phone"]


def test_a_mapping_that_was_changed_or_is_none_resolves_nothing() -> None:
    (token, record), (_, other) = mapping("ann", "1"), mapping("bob", "1")
    for value in (b"", b"\1", other.value, record.value[:-1]):
        assert resolved([token], scan=Scan(Along(record.key, value, ()))) == ["[unknown-token]"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"ann", {"value": "ann"}),
        ("Zoë".encode(), {"value": "Zoë"}),
        (b"\xff", {"base64": "/w=="}),
        (b"", {"value": ""}),
    ],
)
def test_an_answer_is_a_line_of_json(value: bytes, said: dict[str, str]) -> None:
    answer = Answer("tok_", value)
    assert json.loads(answer.line()) == {"token": "tok_", **said}
    assert "ann" not in repr(answer)
