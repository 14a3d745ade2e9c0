"""`streamveil lint`: each warning where it belongs, and silence where all is well."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from registry.devserver import DevRegistry
from tests.unit.commands import CUSTOMER, HMAC, MASK, TRIM, Folder, streamveil

Chain = dict[str, dict[str, str]]
REPLACE = {"type": "ReplaceField"}
TWO_RINGS = {
    "keys": "pseudonyms,other",
    "keys__other__provider": "env",
    "keys__other__variable": "TEST_RING",
}
BY_HEADER = {"predicates": "p", "predicates__p__type": "HasHeaderKey", "predicates__p__name": "h"}
BY_TOMBSTONE = {"predicates": "p", "predicates__p__type": "RecordIsTombstone"}
BY_TOPIC = {"predicates": "p", "predicates__p__type": "TopicNameMatches", "predicates__p__pattern": "a"}
GOOD: Chain = {"pseudonym": HMAC, "mask": MASK, "trim": TRIM}


def field(name: str, *tags: str, type_: Any = "string") -> dict[str, Any]:
    return {"name": name, "type": type_, "confluent:tags": list(tags)} if tags else {"name": name, "type": type_}


class Linted:
    """What linting says of a chain, on its own or with a schema of these fields."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    def __call__(self, chain: Chain, *fields: dict[str, Any], **keys: str) -> dict[str, list[str]]:
        """By code, the keys that are warned about."""
        found: dict[str, list[str]] = {}
        for warning in self.warnings(chain, *fields, **keys):
            found.setdefault(warning["code"], []).append(warning["where"])
        return found

    def warnings(self, chain: Chain, *fields: dict[str, Any], **keys: str) -> list[dict[str, str]]:
        schema = {"type": "record", "name": "R", "fields": list(fields)}
        options = ["--schema", self.folder.write("r.avsc", schema)] if fields else []
        done = streamveil("lint", self.folder.connector(chain, **keys), *options, "--json")
        warnings: list[dict[str, str]] = json.loads(done.stdout)["warnings"]
        assert done.exit_code == (1 if warnings else 0)
        return warnings

    def messages(self, chain: Chain, *fields: dict[str, Any], **keys: str) -> str:
        return "\n".join(warning["message"] for warning in self.warnings(chain, *fields, **keys))


@pytest.fixture
def linted(folder: Folder) -> Linted:
    return Linted(folder)


def hmac(**options: str) -> dict[str, str]:
    return {"type": "Hmac", "key": "pseudonyms", **options}


def fpe(**options: str) -> dict[str, str]:
    return {"type": "Fpe", "key": "pseudonyms", **{k.replace("_", "."): v for k, v in options.items()}}


def mask(**options: str) -> dict[str, str]:
    return {"type": "MaskField", **options}


class TestTheCommand:
    def test_a_chain_without_a_flaw_gives_status_0(self, folder: Folder) -> None:
        done = streamveil("lint", folder.connector(GOOD), "--schema", folder.schema())
        assert done.exit_code == 0
        assert done.stdout.endswith("has no warnings\n")

    def test_a_warning_is_a_line_with_code_place_and_advice_and_gives_status_1(self, folder: Folder) -> None:
        connector = folder.connector({**GOOD, "again": mask(tags="EMAIL")})
        done = streamveil("lint", connector, "--schema", folder.schema())
        assert done.exit_code == 1
        (line,) = done.stdout.splitlines()
        assert line.startswith("destroyed-result: transforms.again: ")
        assert "email" in line
        assert line.endswith("out of the selection of transforms.again.")

    def test_the_document_has_the_same(self, folder: Folder) -> None:
        connector = folder.connector({**GOOD, "again": mask(tags="EMAIL")})
        shown = json.loads(streamveil("lint", connector, "--schema", folder.schema(), "--json").stdout)
        (warning,) = shown["warnings"]
        assert list(warning) == ["code", "where", "message", "advice"]
        assert shown["topic"] is None

    def test_the_schemas_of_a_topic_come_from_the_registry(self, folder: Folder) -> None:
        with DevRegistry() as registry:
            body = json.dumps({"schema": json.dumps(CUSTOMER)}).encode()
            registry.serve("POST", "/subjects/crm.customers-value/versions", body)
            connector = folder.connector({**GOOD, "x": mask(fields="nope")}, schema__registry__url=registry.url)
            done = streamveil("lint", connector, "--topic", "crm.customers")
        assert done.exit_code == 1
        assert "matches-nothing: transforms.x.fields: nope" in done.stdout

    def test_a_topic_and_a_schema_exclude_each_other(self, folder: Folder) -> None:
        assert streamveil("lint", folder.connector(GOOD), "--topic", "t", "--schema", folder.schema()).exit_code == 2

    def test_a_schema_that_cannot_be_read_gives_status_1(self, folder: Folder) -> None:
        done = streamveil("lint", folder.connector(GOOD), "--schema", str(folder.path / "none.avsc"))
        assert done.exit_code == 1
        assert "none.avsc" in done.stderr

    def test_values_without_a_schema_are_judged_by_what_is_declared(self, linted: Linted) -> None:
        chain = {"mask": mask(tags="PII")}
        assert linted(chain, value__converter="json", tags__fields__PII="a.b") == {}
        assert linted(chain, value__converter="json", tags__fields__SSN="a.b") == {
            "matches-nothing": ["transforms.mask.tags"]
        }


class TestDoubleProtection:
    def test_a_leaf_that_two_transforms_pseudonymise(self, linted: Linted) -> None:
        chain = {"a": hmac(tags="EMAIL", domain="d"), "b": hmac(tags="PII", domain="d")}
        assert linted(chain, field("email", "EMAIL", "PII")) == {"double-protection": ["transforms.b"]}

    def test_leaves_that_one_transform_each_protects(self, linted: Linted) -> None:
        chain = {"a": hmac(tags="EMAIL", domain="d"), "b": hmac(tags="PII", domain="d")}
        assert linted(chain, field("email", "EMAIL"), field("phone", "PII")) == {}

    def test_two_masks_that_say_the_same_need_no_schema(self, linted: Linted) -> None:
        assert linted({"a": mask(fields="x"), "b": mask(fields="x,y")}) == {"double-protection": ["transforms.b"]}

    def test_a_tag_and_one_below_it_meet(self, linted: Linted) -> None:
        assert "double-protection" in linted({"a": mask(tags="PII.EMAIL"), "b": mask(tags="PII")})

    def test_two_selections_that_need_not_meet_are_silent_without_a_schema(self, linted: Linted) -> None:
        assert linted({"a": mask(tags="EMAIL"), "b": mask(tags="PII", fields="y")}) == {}

    def test_a_key_and_a_value_are_two_places(self, linted: Linted) -> None:
        chain = {"a": {**mask(fields="x"), "type": "MaskField$Key"}, "b": mask(fields="x")}
        assert linted(chain) == {}

    def test_records_that_take_one_or_the_other_are_protected_once(self, linted: Linted) -> None:
        chain = {
            "a": {**mask(tags="PII"), "predicate": "p"},
            "b": {**mask(tags="PII"), "predicate": "p", "negate": "true"},
        }
        assert "double-protection" not in linted(chain, field("x", "PII"), **BY_HEADER)
        assert "double-protection" not in linted(chain, **BY_HEADER)


class TestDestroyedResult:
    def test_a_mask_after_an_hmac(self, linted: Linted) -> None:
        chain = {"a": hmac(tags="EMAIL", domain="d"), "b": mask(tags="PII")}
        assert linted(chain, field("email", "EMAIL", "PII")) == {"destroyed-result": ["transforms.b"]}

    def test_a_mask_before_an_hmac_destroys_no_result_but_is_one_too_many(self, linted: Linted) -> None:
        chain = {"a": mask(tags="PII"), "b": hmac(tags="EMAIL", domain="d")}
        assert linted(chain, field("email", "EMAIL", "PII")) == {"double-protection": ["transforms.b"]}

    def test_an_hmac_of_what_was_encrypted(self, linted: Linted) -> None:
        chain = {"a": fpe(fields="account", domain="d"), "b": hmac(fields="account", domain="d")}
        assert linted(chain, field("account", "ID")) == {"destroyed-result": ["transforms.b"]}
        assert linted(chain) == {"destroyed-result": ["transforms.b"]}

    def test_an_hmac_of_what_was_encrypted_and_decrypted_again(self, linted: Linted) -> None:
        back = {**fpe(fields="account", domain="d"), "type": "FpeDecrypt"}
        chain = {"a": fpe(fields="account", domain="d"), "back": back, "b": hmac(fields="account", domain="d")}
        assert linted(chain, field("account", "ID")) == {}
        assert linted(chain) == {}

    def test_a_field_that_is_protected_and_then_dropped(self, linted: Linted) -> None:
        chain = {"a": hmac(tags="EMAIL"), "trim": {**REPLACE, "exclude": "email"}}
        assert linted(chain, field("email", "EMAIL"), field("id")) == {"destroyed-result": ["transforms.trim"]}

    def test_a_field_in_a_record_that_is_masked_whole_and_then_dropped(self, linted: Linted) -> None:
        inner = {"type": "record", "name": "A", "fields": [field("street"), field("city")]}
        chain = {"a": hmac(fields="address", domain="d"), "trim": {**REPLACE, "exclude": "address.street"}}
        # Hmac makes a text of the whole record: there is no street to drop any more.
        assert linted(chain, field("address", "PII", type_=inner)) == {
            "shadowed-selection": ["transforms.trim.exclude"]
        }

    def test_a_field_that_is_protected_copied_to_the_key_and_then_dropped(self, linted: Linted) -> None:
        chain = {
            "a": hmac(tags="EMAIL"),
            "key": {"type": "ValueToKey", "fields": "email"},
            "trim": {**REPLACE, "exclude": "email"},
        }
        assert linted(chain, field("email", "EMAIL"), field("id")) == {}


class TestSelections:
    def test_a_path_that_was_dropped_before(self, linted: Linted) -> None:
        chain = {"trim": {**REPLACE, "exclude": "x"}, "mask": mask(fields="x,y")}
        assert linted(chain, field("x", "PII"), field("y", "PII")) == {"shadowed-selection": ["transforms.mask.fields"]}
        assert linted(chain) == {"shadowed-selection": ["transforms.mask.fields"]}

    def test_a_path_below_one_that_was_dropped_before(self, linted: Linted) -> None:
        chain = {"trim": {**REPLACE, "exclude": "address"}, "mask": mask(fields="address.street")}
        assert linted(chain) == {"shadowed-selection": ["transforms.mask.fields"]}

    def test_a_path_that_is_not_among_those_that_were_kept(self, linted: Linted) -> None:
        chain = {"trim": {**REPLACE, "include": "id,address"}, "mask": mask(fields="address.street,x")}
        (warning,) = linted.warnings(chain)
        assert warning["message"].startswith("x is not there any more after transforms.trim")

    def test_a_tag_whose_leaves_were_dropped_before(self, linted: Linted) -> None:
        chain = {"trim": {**REPLACE, "exclude.tags": "PII"}, "mask": mask(tags="PII.EMAIL")}
        assert linted(chain) == {"shadowed-selection": ["transforms.mask.tags"]}
        assert linted(chain, field("x", "PII.EMAIL"), field("id")) == {"shadowed-selection": ["transforms.mask.tags"]}

    def test_a_drop_for_some_records_shadows_nothing(self, linted: Linted) -> None:
        chain = {"trim": {**REPLACE, "exclude": "x", "predicate": "p"}, "mask": mask(fields="x")}
        assert linted(chain, field("x", "PII"), **BY_HEADER) == {}
        assert linted(chain, **BY_HEADER) == {}

    def test_a_path_that_was_renamed_before_is_told_from_one_that_never_was(self, linted: Linted) -> None:
        chain = {"rename": {**REPLACE, "renames": "x:y"}, "mask": mask(fields="x,y,z")}
        assert linted(chain, field("x", "PII")) == {
            "shadowed-selection": ["transforms.mask.fields"],
            "matches-nothing": ["transforms.mask.fields"],
        }

    def test_a_path_into_what_an_earlier_transform_made(self, linted: Linted) -> None:
        chain = {
            "wrap": {"type": "HoistField", "field": "all"},
            "flat": {"type": "Flatten", "delimiter": "_"},
            "mask": mask(fields="all_x"),
        }
        assert linted(chain, field("x", "PII")) == {}

    @pytest.mark.parametrize("option", ["include", "exclude", "exclude.tags", "renames"])
    def test_what_is_replaced_must_be_there_too(self, linted: Linted, option: str) -> None:
        chain = {"r": {**REPLACE, option: "nope:n" if option == "renames" else "nope"}}
        found = linted(chain, field("id"), policy__on__untagged="warn")
        assert found == {"matches-nothing": [f"transforms.r.{option}"]}

    def test_a_declared_tag_whose_path_is_not_there(self, linted: Linted) -> None:
        chain = {"mask": mask(tags="PII")}
        assert linted(chain, field("x"), tags__fields__PII="x") == {}
        assert linted(chain, field("x", "PII"), tags__fields__PII="value.nope") == {
            "matches-nothing": ["tags.fields.PII"]
        }

    def test_a_transform_for_another_topic_need_not_match(self, linted: Linted) -> None:
        chain = {"mask": {**mask(fields="nope"), "predicate": "p"}}
        assert linted(chain, field("x"), **BY_TOPIC) == {}


class TestConditions:
    def test_a_mask_for_some_records(self, linted: Linted) -> None:
        chain = {"mask": {**mask(tags="PII"), "predicate": "p"}}
        assert linted(chain, **BY_HEADER) == {"conditional-coverage": ["transforms.mask.predicate"]}
        assert "conditional-coverage" in linted(chain, field("x", "PII"), **BY_HEADER)

    def test_a_mask_for_some_records_of_what_is_not_sensitive(self, linted: Linted) -> None:
        chain = {"mask": {**mask(fields="x"), "predicate": "p"}}
        assert linted(chain, field("x"), **BY_HEADER) == {}
        assert "so that x counts as uncovered" in linted.messages(chain, field("x", "PII"), **BY_HEADER)

    def test_a_mask_for_some_records_of_what_is_dropped_for_all(self, linted: Linted) -> None:
        chain = {"mask": {**mask(fields="x"), "predicate": "p"}, "trim": {**REPLACE, "exclude": "x"}}
        assert "conditional-coverage" not in linted(chain, field("x", "PII"), field("id"), **BY_HEADER)

    def test_a_drop_of_tagged_leaves_for_some_records(self, linted: Linted) -> None:
        chain = {"trim": {**REPLACE, "exclude.tags": "PII", "predicate": "p"}}
        assert "conditional-coverage" in linted(chain, **BY_HEADER)

    def test_a_transform_that_protects_nothing_may_have_any_predicate(self, linted: Linted) -> None:
        assert linted({"trim": {**REPLACE, "exclude": "x", "predicate": "p"}}, **BY_HEADER) == {}

    def test_all_records_but_tombstones_are_all_that_have_a_value(self, linted: Linted) -> None:
        chain = {"mask": {**mask(tags="PII"), "predicate": "p", "negate": "true"}}
        assert linted(chain, **BY_TOMBSTONE) == {}

    def test_tombstones_alone_have_no_value_to_protect(self, linted: Linted) -> None:
        chain = {"mask": {**mask(tags="PII"), "predicate": "p"}}
        assert "conditional-coverage" in linted(chain, **BY_TOMBSTONE)
        assert "conditional-coverage" in linted(chain, field("x", "PII"), **BY_TOMBSTONE)

    def test_tombstones_have_keys(self, linted: Linted) -> None:
        chain = {"mask": {**mask(tags="PII"), "type": "MaskField$Key", "predicate": "p", "negate": "true"}}
        assert "conditional-coverage" in linted(chain, **BY_TOMBSTONE)

    def test_a_topic_is_known_before_its_records_are(self, linted: Linted) -> None:
        assert linted({"mask": {**mask(tags="PII"), "predicate": "p"}}, **BY_TOPIC) == {}

    def test_a_topic_that_a_router_gave_is_not(self, linted: Linted) -> None:
        route = {"type": "RegexRouter", "regex": "a(.*)", "replacement": "b$1"}
        chain = {"route": route, "mask": {**mask(tags="PII"), "predicate": "p"}}
        assert "conditional-coverage" in linted(chain, **BY_TOPIC)


class TestSmallDomains:
    def test_a_card_of_which_ten_digits_stay(self, linted: Linted) -> None:
        chain = {"f": fpe(tags="CARD", keep_first="6", keep_last="4")}
        assert linted(chain) == {"small-fpe-domain": ["transforms.f"]}
        assert "1,000,000" in linted.messages(chain, field("card", "CARD"))

    def test_a_card_of_which_four_digits_stay(self, linted: Linted) -> None:
        assert linted({"f": fpe(tags="CARD", keep_last="4")}, field("card", "CARD")) == {}
        assert linted({"f": fpe(tags="CARD", keep_last="4")}) == {}

    def test_an_alphabet_of_letters_makes_a_short_rest_large_enough(self, linted: Linted) -> None:
        assert linted({"f": fpe(tags="CARD", alphabet="alphanumeric", keep_first="6", keep_last="4")}) == {}

    @pytest.mark.parametrize("name", ["zip", "home_zip", "zipCode", "phoneExtension", "birth_date", "date_of_birth"])
    def test_kinds_of_which_there_are_few_values(self, linted: Linted, name: str) -> None:
        chain = {"f": fpe(tags="PII")}
        assert linted(chain, field(name, "PII")) == {"small-fpe-domain": ["transforms.f"]}

    @pytest.mark.parametrize("name", ["code", "zipper", "mileage", "birth_place", "account"])
    def test_kinds_of_which_nothing_is_known(self, linted: Linted, name: str) -> None:
        assert linted({"f": fpe(tags="PII", keep_last="4")}, field(name, "PII")) == {}

    def test_an_int_has_ten_digits_at_most(self, linted: Linted) -> None:
        chain = {"f": fpe(tags="PII", keep_first="2", keep_last="2")}
        assert "small-fpe-domain" in linted(chain, field("account", "PII", type_="int"))
        assert linted(chain, field("account", "PII", type_="long")) == {}
        assert linted(chain, field("account", "PII")) == {}

    def test_what_is_not_encrypted_may_be_small(self, linted: Linted) -> None:
        assert linted({"h": hmac(tags="ZIP")}, field("zip", "ZIP")) == {}


class TestDomains:
    def test_one_domain_under_two_keys(self, linted: Linted) -> None:
        chain = {"a": hmac(fields="x", domain="d"), "b": {**hmac(fields="y", domain="d"), "key": "other"}}
        expected = {"domain-under-two-keys": ["transforms.b"]}
        assert linted(chain, **TWO_RINGS) == expected
        assert linted(chain, field("x", "PII"), field("y", "PII"), **TWO_RINGS) == expected

    def test_a_tag_that_is_the_domain_of_two_keys(self, linted: Linted) -> None:
        chain = {"a": hmac(fields="x"), "b": {**hmac(fields="y"), "key": "other"}}
        assert "domain-under-two-keys" in linted(chain, field("x", "PII"), field("y", "PII"), **TWO_RINGS)
        assert linted(chain, field("x", "PII"), field("y", "SSN"), **TWO_RINGS) == {}

    def test_one_domain_under_two_versions_of_a_key(self, linted: Linted, monkeypatch: pytest.MonkeyPatch) -> None:
        keys = {str(number): base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2)}
        monkeypatch.setenv("TEST_RING", json.dumps({"current": 2, "versions": keys}))
        chain = {"a": hmac(fields="x", domain="d"), "b": {**hmac(fields="y", domain="d"), "key.version": "1"}}
        assert linted(chain, field("x", "PII"), field("y", "PII")) == {"domain-under-two-keys": ["transforms.b"]}
        assert linted(chain) == {"domain-under-two-keys": ["transforms.b"]}

    def test_two_kinds_of_results_are_not_comparable_anyway(self, linted: Linted) -> None:
        chain = {"a": hmac(fields="x", domain="d"), "b": {**fpe(fields="y", domain="d"), "key": "other"}}
        assert linted(chain, **TWO_RINGS) == {}

    def test_fields_of_one_name_and_tag_in_two_domains(self, linted: Linted) -> None:
        contact = {"type": "record", "name": "C", "fields": [field("email", "EMAIL")]}
        chain = {"a": hmac(fields="email"), "b": hmac(fields="contact.email", domain="crm")}
        found = linted(chain, field("email", "EMAIL"), field("contact", type_=contact))
        assert found == {"tag-under-two-domains": ["transforms.b"]}

    def test_fields_that_share_a_broad_tag_may_have_domains_of_their_own(self, linted: Linted) -> None:
        chain = {"a": hmac(fields="email", domain="email"), "b": hmac(fields="ssn", domain="ssn")}
        assert linted(chain, field("email", "PII"), field("ssn", "PII")) == {}


class TestProof:
    def test_a_tag_that_nothing_demands(self, linted: Linted) -> None:
        chain = {"mask": mask(tags="EMAIL")}
        assert linted(chain, tags__sensitive="PII") == {"tag-not-sensitive": ["transforms.mask.tags"]}

    @pytest.mark.parametrize("sensitive", ["*", "EMAIL", "E*", "EMAIL.WORK"])
    def test_a_tag_that_is_demanded(self, linted: Linted, sensitive: str) -> None:
        assert linted({"mask": mask(tags="EMAIL")}, tags__sensitive=sensitive) == {}

    def test_a_mask_that_lets_values_through(self, linted: Linted) -> None:
        chain = {"mask": {**mask(fields="x"), "pattern": "[0-9]+", "pattern.unmatched": "keep"}}
        assert linted(chain) == {"mask-keeps-unmatched": ["transforms.mask.pattern.unmatched"]}

    def test_a_mask_that_masks_what_it_does_not_know(self, linted: Linted) -> None:
        assert linted({"mask": {**mask(fields="x"), "pattern": "[0-9]+"}}) == {}


class TestDeadEnds:
    def test_a_filter_for_all_records(self, linted: Linted) -> None:
        assert linted({"f": {"type": "Filter"}}) == {"drops-everything": ["transforms.f"]}

    def test_a_filter_for_some(self, linted: Linted) -> None:
        assert linted({"f": {"type": "Filter", "predicate": "p"}}, **BY_HEADER) == {}

    def test_a_transform_that_can_do_nothing_with_the_schema(self, linted: Linted) -> None:
        chain = {"key": {"type": "ValueToKey", "fields": "nope"}}
        assert linted(chain, field("id")) == {"rejects-schema": ["transforms.key"]}
        assert linted(chain) == {}
