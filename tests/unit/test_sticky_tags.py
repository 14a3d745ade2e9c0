"""Tags outlive the version that declared them: a producer that registers its schema again does not switch them off."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from connector.tagging import TaggedRoot, Tagging, facts_of
from registry.client import RegistryClient
from registry.devserver import DevRegistry
from registry.errors import RegistryUnavailable
from registry.registered import Reference
from registry.schema.avro import BadSchema
from registry.schema.tags import TagRules
from registry.schema.tree import leaves
from registry.settings import RegistrySettings
from tests.unit.test_tags import PII, field, record

SUBJECT = "customers-value"
DEFAULT = {"default": "x"}


class Subjects:
    """A registry, and what a connector makes of the schemas that are registered there."""

    def __init__(self, server: DevRegistry, client: RegistryClient) -> None:
        self.server = server
        self.client = client
        server.serve("PUT", "/config", json.dumps({"compatibility": "NONE"}).encode())

    def register(self, *fields: Mapping[str, Any], subject: str = SUBJECT, **more: Any) -> int:
        """A version of the customer with these fields; gives its id."""
        schema = record(*fields, **{key: more.pop(key) for key in ("name",) if key in more})
        return self.client.register(subject, json.dumps(schema), **more)

    def read(self, schema_id: int, **rules: Any) -> TaggedRoot:
        return Tagging(TagRules(**rules)).root("value", facts_of(self.client, self.client.schema(schema_id), None))

    def tags(self, schema_id: int, **rules: Any) -> dict[str, list[str]]:
        """Path to tags, of the leaves that carry any."""
        root = self.read(schema_id, **rules).root
        return {path: sorted(leaf.tags) for path, leaf in leaves(root) if leaf.tags}

    def sources(self, schema_id: int, path: str) -> list[tuple[str, str, str]]:
        return [
            tuple(source) for at, leaf in leaves(self.read(schema_id).root) if at == path for source in leaf.tag_sources
        ]


@pytest.fixture
def subjects() -> Iterator[Subjects]:
    with DevRegistry() as server, RegistryClient(RegistrySettings(url=server.url)) as client:
        yield Subjects(server, client)


def tagged(name: str, type_: Any = "string", tags: Sequence[str] = ("PII",), **more: Any) -> dict[str, Any]:
    return field(name, type_, **{"confluent:tags": list(tags)}, **more)


class TestKept:
    def test_a_version_without_tags_has_those_of_the_version_before(self, subjects: Subjects) -> None:
        subjects.register(tagged("ssn"))
        assert subjects.tags(subjects.register(field("ssn"), field("id", **DEFAULT))) == {"ssn": ["PII"]}

    def test_a_version_has_no_tags_of_a_later_one(self, subjects: Subjects) -> None:
        first = subjects.register(field("ssn"))
        subjects.register(tagged("ssn"))
        assert subjects.tags(first) == {}

    def test_a_tag_outlives_any_number_of_versions_and_the_absence_of_its_field(self, subjects: Subjects) -> None:
        subjects.register(tagged("ssn"))
        subjects.register(field("id"))
        subjects.register(field("name"))
        assert subjects.tags(subjects.register(field("ssn"))) == {"ssn": ["PII"]}

    def test_where_it_came_from_is_told(self, subjects: Subjects) -> None:
        subjects.register(tagged("ssn"))
        last = subjects.register(field("ssn"), field("id"))
        where = "confluent:tags at ssn, customers-value version 1"
        assert subjects.sources(last, "ssn") == [("PII", "earlier version", where)]

    def test_what_the_version_says_itself_is_not_said_again_by_the_earlier_ones(self, subjects: Subjects) -> None:
        subjects.register(tagged("ssn"))
        last = subjects.register(tagged("ssn"), field("id"))
        assert subjects.sources(last, "ssn") == [("PII", "inline", "confluent:tags at ssn")]

    def test_a_soft_deleted_version_still_counts(self, subjects: Subjects) -> None:
        subjects.register(tagged("ssn"))
        last = subjects.register(field("ssn"), field("id"))
        subjects.server.serve("DELETE", f"/subjects/{SUBJECT}/versions/1", b"")
        assert subjects.tags(last) == {"ssn": ["PII"]}

    def test_records_of_a_soft_deleted_subject_keep_the_tags_too(self, subjects: Subjects) -> None:
        subjects.register(tagged("ssn"))
        last = subjects.register(field("ssn"), field("id"))
        subjects.server.serve("DELETE", f"/subjects/{SUBJECT}", b"")
        assert subjects.tags(last) == {"ssn": ["PII"]}

    def test_a_version_that_is_gone_for_good_is_left_out(self, subjects: Subjects) -> None:
        subjects.register(tagged("ssn"))
        subjects.register(field("ssn"), tagged("mail"))
        last = subjects.register(field("ssn"), field("mail"), field("id"))
        subjects.server.serve("DELETE", f"/subjects/{SUBJECT}/versions/1", b"")
        subjects.server.serve("DELETE", f"/subjects/{SUBJECT}/versions/1?permanent=true", b"")
        assert subjects.tags(last) == {"mail": ["PII"]}

    def test_every_subject_that_has_the_schema_counts(self, subjects: Subjects) -> None:
        subjects.register(tagged("ssn"), subject="a")
        subjects.register(field("ssn"), tagged("mail"), subject="b")
        subjects.register(field("ssn"), field("mail"), field("id"), subject="a")
        shared = subjects.register(field("ssn"), field("mail"), field("id"), subject="b")
        assert subjects.tags(shared) == {"ssn": ["PII"], "mail": ["PII"]}

    def test_metadata_of_an_earlier_version_counts(self, subjects: Subjects) -> None:
        subjects.register(field("ssn"), metadata={"tags": {"demo.Customer.ssn": ["PII"]}})
        last = subjects.register(field("ssn"), field("id"), metadata={"tags": {}})
        assert subjects.tags(last) == {"ssn": ["PII"]}

    def test_an_edit_of_the_metadata_holds_for_the_schema_before_it_too(self, subjects: Subjects) -> None:
        first = subjects.register(field("ssn"))
        subjects.register(field("ssn"), metadata={"tags": {"demo.Customer.ssn": ["PII"]}})
        assert subjects.tags(first) == {"ssn": ["PII"]}

    def test_references_of_an_earlier_version_count(self, subjects: Subjects) -> None:
        address = json.dumps(record(field("street", **PII), name="demo.Address"))
        subjects.client.register("address", address)
        subjects.register(field("home", "demo.Address"), references=[Reference("demo.Address", "address", 1)])
        plain = record(field("street"), name="Address")
        assert subjects.tags(subjects.register(field("home", plain))) == {"home.street": ["PII"]}

    def test_an_earlier_version_with_malformed_tags_is_an_error_that_names_it(self, subjects: Subjects) -> None:
        subjects.register(field("ssn", **{"confluent:tags": 7}))
        last = subjects.register(field("ssn"))
        with pytest.raises(BadSchema, match=r"customers-value version 1.*confluent:tags at ssn is malformed"):
            subjects.tags(last)

    def test_an_outage_is_not_taken_for_no_tags(self, subjects: Subjects) -> None:
        subjects.register(tagged("ssn"))
        schema = subjects.client.schema(subjects.register(field("ssn")))
        subjects.server.stop()
        with pytest.raises(RegistryUnavailable):
            facts_of(subjects.client, schema, None)

    def test_each_earlier_version_is_read_once(self, subjects: Subjects) -> None:
        for number in range(5):
            last = subjects.register(field("ssn"), field(f"f{number}"))
        subjects.tags(last)
        asked = len(subjects.server.requests)
        subjects.tags(last)
        assert [r.split("?")[0] for r in list(subjects.server.requests)[asked:]] == [
            f"GET /schemas/ids/{last}/versions",
            f"GET /subjects/{SUBJECT}/versions",
        ]


class TestFoundAgain:
    """By path, name or alias."""

    def test_a_rename_with_an_alias_keeps_the_tag(self, subjects: Subjects) -> None:
        subjects.register(tagged("ssn"))
        renamed = subjects.register(field("social", aliases=["ssn"]))
        assert subjects.tags(renamed) == {"social": ["PII"]}

    def test_and_so_do_the_versions_after_the_rename_that_lack_the_alias(self, subjects: Subjects) -> None:
        subjects.register(tagged("ssn"))
        subjects.register(field("social", aliases=["ssn"]))
        assert subjects.tags(subjects.register(field("social"), field("id"))) == {"social": ["PII"]}

    def test_a_rename_back_to_an_alias_of_then_keeps_the_tag(self, subjects: Subjects) -> None:
        subjects.register(tagged("social", aliases=["ssn"]))
        assert subjects.tags(subjects.register(field("ssn"))) == {"ssn": ["PII"]}

    def test_a_field_that_took_an_old_alias_for_its_name_gives_nothing_back(self, subjects: Subjects) -> None:
        subjects.register(field("social", aliases=["ssn"]))
        subjects.register(field("social"), tagged("ssn"))
        assert subjects.tags(subjects.register(field("social"), field("ssn"))) == {"ssn": ["PII"]}

    def test_a_rename_without_an_alias_is_another_field(self, subjects: Subjects) -> None:
        subjects.register(tagged("ssn"))
        assert subjects.tags(subjects.register(field("social"))) == {}

    def test_another_field_of_the_same_name_elsewhere_is_not_meant(self, subjects: Subjects) -> None:
        inner = record(field("ssn"), name="Inner")
        subjects.register(tagged("ssn"))
        assert subjects.tags(subjects.register(field("inner", inner))) == {}

    def test_a_field_inside_a_renamed_record_keeps_the_tag(self, subjects: Subjects) -> None:
        subjects.register(field("home", record(tagged("street"), name="Address")))
        renamed = field("residence", record(field("road", aliases=["street"]), name="Place"), aliases=["home"])
        assert subjects.tags(subjects.register(renamed)) == {"residence.road": ["PII"]}

    def test_a_new_field_in_a_record_that_was_tagged_is_tagged(self, subjects: Subjects) -> None:
        subjects.register(tagged("home", record(field("street"), name="Address")))
        wider = record(field("street"), field("door"), name="Address")
        assert subjects.tags(subjects.register(field("home", wider))) == {"home.street": ["PII"], "home.door": ["PII"]}

    @pytest.mark.parametrize(
        ("before", "after", "path"),
        [
            ("string", ["null", "string"], "x"),
            ("string", "bytes", "x"),
            ("string", {"type": "array", "items": "string"}, "x[*]"),
            (record(tagged("y"), name="R"), "string", "x"),
            ({"type": "array", "items": record(tagged("y"), name="R")}, record(field("z"), name="S"), "x.z"),
            ({"type": "array", "items": {"type": "string", **PII}}, {"type": "array", "items": "int"}, "x[*]"),
            (record(tagged("y"), name="R"), ["null", "long", record(field("y"), name="R2")], "x.y"),
            (["null", {"type": "string", **PII}, "long"], "string", "x"),
        ],
    )
    def test_a_place_of_another_type_keeps_the_tag(
        self, subjects: Subjects, before: Any, after: Any, path: str
    ) -> None:
        subjects.register(tagged("x", before) if before == "string" else field("x", before))
        assert subjects.tags(subjects.register(field("x", after)))[path] == ["PII"]

    def test_branches_of_a_union_are_told_apart(self, subjects: Subjects) -> None:
        one, two = record(tagged("ssn"), name="One"), record(field("ssn"), name="Two")
        subjects.register(field("x", [one, two]))
        plain = [record(field("ssn"), name="One"), two, "string"]
        root = subjects.read(subjects.register(field("x", plain))).root
        of_one, of_two, of_string = (branch.type for branch in root.type.fields[0].type.fields)
        assert [sorted(place.tags) for type_ in (of_one, of_two) for place in type_.fields] == [["PII"], []]
        assert of_string.kind == "string"

    def test_a_recursive_type_keeps_its_tags_at_every_depth(self, subjects: Subjects) -> None:
        many = {"type": "array", "items": "demo.Customer"}
        subjects.register(tagged("ssn"), field("children", many))
        root = subjects.read(subjects.register(field("ssn"), field("children", many), field("id"))).root
        child = root.type.fields[1].type.fields[0]
        assert child.type.fields[0].tags == {"PII"}


class TestNamedTypes:
    """What a named type's own definition said holds for uses that are new."""

    PLAIN = record(field("street"), field("zip"), name="Address")

    def test_a_new_use_of_a_type_has_the_tags_of_its_fields(self, subjects: Subjects) -> None:
        subjects.register(field("home", record(tagged("street"), field("zip"), name="Address")))
        last = subjects.register(field("home", self.PLAIN), field("work", ["null", "demo.Address"]))
        assert subjects.tags(last) == {"home.street": ["PII"], "work.street": ["PII"]}
        where = "confluent:tags at home.street, customers-value version 1"
        assert subjects.sources(last, "work.street") == [("PII", "earlier version", where)]

    @pytest.mark.parametrize(
        "type_",
        [
            {"type": "enum", "name": "Kind", "symbols": ["A"]},
            {"type": "fixed", "name": "Kind", "size": 4},
            record(field("a"), name="Kind"),
        ],
        ids=lambda type_: type_["type"],
    )
    def test_a_new_use_of_a_tagged_type_is_tagged(self, subjects: Subjects, type_: Any) -> None:
        subjects.register(field("one", {**type_, **PII}))
        found = subjects.tags(subjects.register(field("one", type_), field("two", "demo.Kind")))
        assert list(found.values()) == [["PII"], ["PII"]]

    def test_a_recursive_type_that_goes_on_at_another_place_keeps_its_tags_there(self, subjects: Subjects) -> None:
        subjects.register(tagged("ssn"), field("child", ["null", "demo.Customer"]))
        last = subjects.register(field("ssn"), field("children", {"type": "map", "values": "demo.Customer"}))
        assert subjects.tags(last) == {"ssn": ["PII"], "children{*}.ssn": ["PII"]}

    def test_metadata_that_named_the_type_counts(self, subjects: Subjects) -> None:
        subjects.register(field("home", self.PLAIN), metadata={"tags": {"demo.Address.street": ["PII"]}})
        last = subjects.register(field("home", self.PLAIN), field("work", "demo.Address"), metadata={"tags": {}})
        assert subjects.tags(last) == {"home.street": ["PII"], "work.street": ["PII"]}

    def test_a_type_and_its_fields_are_found_by_their_aliases(self, subjects: Subjects) -> None:
        subjects.register(field("home", record(tagged("street"), name="Address")))
        place = record(field("road", aliases=["street"]), name="Place", aliases=["Address"])
        assert subjects.tags(subjects.register(field("work", place))) == {"work.road": ["PII"]}

    def test_it_counts_once_a_version_between_had_no_such_place(self, subjects: Subjects) -> None:
        subjects.register(field("home", self.PLAIN))
        subjects.register(field("work", record(tagged("street"), field("zip"), name="Address")))
        last = subjects.register(field("home", self.PLAIN), field("id"))
        assert subjects.tags(last) == {"home.street": ["PII"]}

    def test_tags_of_one_use_alone_stay_with_that_use(self, subjects: Subjects) -> None:
        paths = {"tags": {"home.zip": ["PII.ZIP"]}}
        subjects.register(tagged("home", self.PLAIN), metadata=paths)
        last = subjects.register(field("home", self.PLAIN), field("work", "demo.Address"))
        assert subjects.tags(last) == {"home.street": ["PII"], "home.zip": ["PII", "PII.ZIP"]}

    def test_they_can_be_released(self, subjects: Subjects) -> None:
        subjects.register(field("home", record(tagged("street"), field("zip"), name="Address")))
        last = subjects.register(field("home", self.PLAIN), field("work", "demo.Address"))
        assert subjects.tags(last, released={"PII": ["work.street"]}) == {"home.street": ["PII"]}


class TestReferences:
    """The tags of a schema that others refer to are as sticky as any."""

    HOME = field("home", "demo.Address")

    def address(self, subjects: Subjects, *fields: Any, metadata: Any = None) -> None:
        subjects.client.register("address", json.dumps(record(*fields, name="demo.Address")), metadata=metadata)

    def test_an_earlier_version_of_what_is_referred_to_counts(self, subjects: Subjects) -> None:
        self.address(subjects, tagged("street"), field("zip"))
        self.address(subjects, field("street"), field("zip"))
        last = subjects.register(self.HOME, references=[Reference("demo.Address", "address", 2)])
        assert subjects.tags(last) == {"home.street": ["PII"]}
        where = "confluent:tags at street, address version 1"
        assert subjects.sources(last, "home.street") == [("PII", "earlier version", where)]

    def test_a_later_one_does_not(self, subjects: Subjects) -> None:
        self.address(subjects, field("street"))
        self.address(subjects, tagged("street"))
        assert subjects.tags(subjects.register(self.HOME, references=[Reference("demo.Address", "address", 1)])) == {}

    def test_but_an_edit_of_its_metadata_does(self, subjects: Subjects) -> None:
        self.address(subjects, field("street"), field("zip"))
        self.address(subjects, field("street"), field("zip"), metadata={"tags": {"zip": ["PII"]}})
        last = subjects.register(self.HOME, references=[Reference("demo.Address", "address", 1)])
        assert subjects.tags(last) == {"home.zip": ["PII"]}
        assert subjects.sources(last, "home.zip") == [("PII", "reference", "zip, address version 2")]

    def test_and_so_it_is_two_deep(self, subjects: Subjects) -> None:
        self.address(subjects, tagged("street"))
        self.address(subjects, field("street"))
        person = record(self.HOME, name="demo.Person")
        subjects.client.register("person", json.dumps(person), [Reference("demo.Address", "address", 2)])
        last = subjects.register(field("who", "demo.Person"), references=[Reference("demo.Person", "person", 1)])
        assert subjects.tags(last) == {"who.home.street": ["PII"]}


class TestReleased:
    def test_a_released_tag_of_an_earlier_version_is_gone_and_that_is_told(self, subjects: Subjects) -> None:
        subjects.register(tagged("ssn"), tagged("mail"))
        last = subjects.read(subjects.register(field("ssn"), field("mail")), released={"PII": ["ssn"]})
        assert {path: set(leaf.tags) for path, leaf in leaves(last.root)} == {"ssn": set(), "mail": {"PII"}}
        assert last.warnings == (
            "tags.release.PII: ssn lets PII go at ssn (confluent:tags at ssn, customers-value version 1)",
        )

    def test_what_the_version_says_itself_is_not_released(self, subjects: Subjects) -> None:
        last = subjects.read(subjects.register(tagged("ssn")), released={"PII": ["ssn"]})
        assert last.root.type.fields[0].tags == {"PII"}

    def test_nor_what_the_version_says_after_an_earlier_one(self, subjects: Subjects) -> None:
        subjects.register(tagged("ssn"))
        last = subjects.read(subjects.register(tagged("ssn"), field("id")), released={"PII": ["value"]})
        assert last.root.type.fields[0].tags == {"PII"}
        assert last.warnings == ("tags.release.PII: value finds nothing in this schema",)

    def test_releasing_a_tag_releases_what_is_below_it(self, subjects: Subjects) -> None:
        subjects.register(tagged("mail", tags=["PII.EMAIL"]), tagged("pin", tags=["PIIX"]))
        last = subjects.register(field("mail"), field("pin"))
        assert subjects.tags(last, released={"PII": ["**"]}) == {"pin": ["PIIX"]}

    def test_a_place_inside_a_tagged_one_can_be_released_alone(self, subjects: Subjects) -> None:
        address = record(field("street"), field("country"), name="Address")
        subjects.register(tagged("home", address))
        last = subjects.register(field("home", address))
        assert subjects.tags(last, released={"PII": ["home.country"]}) == {"home.street": ["PII"]}

    def test_a_released_record_is_released_with_all_in_it(self, subjects: Subjects) -> None:
        subjects.register(field("home", record(tagged("street"), name="Address")))
        last = subjects.register(field("home", record(field("street"), name="Address")))
        assert subjects.tags(last, released={"PII": ["home"]}) == {}

    def test_in_a_recursive_type_what_is_tagged_again_further_down_stays(self, subjects: Subjects) -> None:
        subjects.register(tagged("ssn"), field("child", ["null", "demo.Customer"]))
        last = subjects.register(field("ssn"), tagged("child", ["null", "demo.Customer"]))
        root = subjects.read(last, released={"PII": ["**.ssn"]}).root
        ssn, child = root.type.fields
        assert ssn.tags == frozenset()
        assert child.type.fields[0].tags == {"PII"}

    def test_a_later_version_of_which_the_earlier_ones_are_only_read_keeps_all(self, subjects: Subjects) -> None:
        subjects.register(tagged("ssn"))
        subjects.register(field("social", aliases=["ssn"]))
        last = subjects.register(field("social"), field("id"))
        assert subjects.tags(last, released={"PII": ["ssn"]}) == {"social": ["PII"]}


def test_a_pattern_that_finds_nothing_is_reported_once_no_schema_has_it(subjects: Subjects) -> None:
    tagging = Tagging(TagRules(declared={"PII": ["ssn", "nothing"]}))
    first, second = subjects.register(field("ssn")), subjects.register(field("id"))
    warnings = [
        tagging.root("value", facts_of(subjects.client, subjects.client.schema(each), None)).warnings
        for each in (first, second)
    ]
    assert warnings == [("tags.fields.PII: nothing finds nothing in this schema",)] * 2


def test_a_metadata_pattern_that_finds_nothing_names_its_version(subjects: Subjects) -> None:
    found = subjects.read(subjects.register(field("id"), metadata={"tags": {"demo.Customer.ssn": ["PII"]}}))
    assert found.warnings == (
        "metadata.tags: demo.Customer.ssn, customers-value version 1 finds nothing in this schema",
    )
