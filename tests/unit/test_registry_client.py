"""Our registry client: what it returns and remembers, and which error stands for which failure."""

import json
import socket
import threading
import time
import traceback
from uuid import UUID

import pytest

from registry.client import RegistryClient
from registry.devserver import DevRegistry, Fault
from registry.errors import (
    GuidsNotServed,
    RegistryError,
    RegistryProtocolError,
    RegistryRefused,
    RegistryRejected,
    SchemaNotFound,
)
from registry.registered import Reference, Registration, SubjectVersion
from registry.settings import RegistrySettings

CUSTOMER = '{"type":"record","name":"Customer","namespace":"demo","fields":[{"name":"id","type":"string"}]}'
NEWER = (
    '{"type":"record","name":"Customer","namespace":"demo","fields":'
    '[{"name":"id","type":"string"},{"name":"n","type":"int","default":0}]}'
)


@pytest.fixture
def registry():
    with DevRegistry() as registry:
        yield registry


@pytest.fixture
def client(registry):
    with RegistryClient(RegistrySettings(url=registry.url)) as client:
        yield client


class TestReading:
    def test_a_schema_comes_with_its_type_text_and_subjects(self, client):
        schema_id = client.register("orders-value", CUSTOMER)
        client.register("copies-value", CUSTOMER)
        schema = client.schema(schema_id)
        assert (schema.id, schema.schema_type, schema.text) == (schema_id, "AVRO", CUSTOMER)
        assert set(schema.subjects) == {SubjectVersion("orders-value", 1), SubjectVersion("copies-value", 1)}
        assert (schema.references, schema.metadata, schema.rule_set) == ((), None, None)

    def test_references_are_resolved_through_all_levels_each_before_what_needs_it(self, client):
        inner = '{"type":"fixed","name":"demo.Inner","size":1}'
        middle = '{"type":"record","name":"demo.Middle","fields":[{"name":"i","type":"demo.Inner"}]}'
        outer = (
            '{"type":"record","name":"demo.Outer","fields":'
            '[{"name":"m","type":"demo.Middle"},{"name":"i","type":"demo.Inner"}]}'
        )
        to_inner, to_middle = Reference("demo.Inner", "inner", 1), Reference("demo.Middle", "middle", 1)
        client.register("inner", inner, metadata={"tags": {"demo.Inner": ["PII"]}})
        client.register("middle", middle, [to_inner])
        schema = client.schema(client.register("outer", outer, [to_middle, to_inner]))
        assert [each.reference for each in schema.references] == [to_inner, to_middle]
        assert [each.text for each in schema.references] == [inner, middle]
        assert schema.references[0].metadata == {"tags": {"demo.Inner": ["PII"]}}

    def test_metadata_is_untouched(self, client):
        metadata = {"tags": {"demo.Customer.id": ["PII", "GDPR"]}, "properties": {"a": "b"}, "sensitive": ["a"]}
        assert client.schema(client.register("s", CUSTOMER, metadata=metadata)).metadata == metadata

    def test_latest_gives_the_number_and_the_schema_of_the_last_version(self, client):
        client.register("s", CUSTOMER)
        client.register("s", NEWER)
        number, schema = client.latest("s")
        assert (number, schema.text) == (2, NEWER)

    def test_an_earlier_version_can_be_had_even_when_it_was_soft_deleted(self, client, registry):
        client.register("s", CUSTOMER)
        client.register("s", NEWER)
        registry.serve("DELETE", "/subjects/s/versions/1", b"")
        assert client.version("s", 1).text == CUSTOMER
        assert client.versions("s") == [2]

    def test_soft_deleted_versions_are_listed_if_asked_for(self, client, registry):
        first = client.register("s", CUSTOMER)
        client.register("s", NEWER)
        registry.serve("DELETE", "/subjects/s/versions/1", b"")
        assert client.versions("s", deleted=True) == [1, 2]
        assert client.carriers(first) == [SubjectVersion("s", 1)]

    def test_a_soft_deleted_schema_is_still_found_by_its_id_and_has_no_live_subject(self, client, registry):
        schema_id = client.register("s", CUSTOMER)
        registry.serve("DELETE", "/subjects/s", b"")
        assert client.schema(schema_id).subjects == ()

    def test_lookup_says_where_a_schema_is_registered(self, client):
        schema_id = client.register("s", CUSTOMER)
        assert client.lookup("s", CUSTOMER) == Registration(schema_id, 1)

    def test_subjects_may_hold_any_character(self, client):
        client.register("a/b ?#%é", CUSTOMER)
        assert client.versions("a/b ?#%é") == [1]

    def test_other_schema_types_are_told_apart(self, client, registry):
        body = json.dumps({"schema": "{}", "schemaType": "JSON"}).encode()
        schema_id = json.loads(registry.serve("POST", "/subjects/s/versions", body)[1])["id"]
        assert client.schema(schema_id).schema_type == "JSON"

    def test_nulls_and_unknown_attributes_in_an_answer_are_tolerated(self, client, registry):
        stored = {"schema": "1", "schemaType": None, "references": None, "metadata": None, "guid": "x", "ts": 1}
        registry.faults.append(Fault(status=200, body=json.dumps(stored).encode()))
        schema = client.schema(1)
        assert (schema.schema_type, schema.references, schema.metadata) == ("AVRO", (), None)


class TestGuids:
    GUID = UUID("12345678-1234-5678-1234-567812345678")

    def guid_of(self, registry, subject):
        return UUID(json.loads(registry.serve("GET", f"/subjects/{subject}/versions/1", b"")[1])["guid"])

    def test_a_schema_is_the_same_by_id_and_by_guid(self, client, registry):
        schema_id = client.register("s", CUSTOMER)
        assert client.schema_with_guid(self.guid_of(registry, "s")) == client.schema(schema_id)

    def test_it_is_asked_for_once_and_survives_an_outage(self, client, registry):
        client.register("s", CUSTOMER)
        guid = self.guid_of(registry, "s")
        first = client.schema_with_guid(guid)
        registry.stop()
        assert client.schema_with_guid(guid) is first

    def test_an_unknown_guid_is_not_found(self, client):
        with pytest.raises(SchemaNotFound, match="a GUID: the registry has no such schema"):
            client.schema_with_guid(self.GUID)

    def test_a_guid_is_never_shown_because_that_of_a_poison_record_is_its_content(self, client, registry):
        for fault in (Fault(), Fault(status=404), Fault(status=200, body=b"{}"), Fault(status=301)):
            registry.faults.append(fault)
            with pytest.raises(RegistryError) as caught:
                client.schema_with_guid(self.GUID)
            shown = f"{caught.value!r} {vars(caught.value)} {''.join(traceback.format_exception(caught.value))}"
            assert str(self.GUID) not in shown
            assert self.GUID.hex not in shown

    @pytest.mark.parametrize("status", [404, 405])
    def test_a_registry_without_guids_is_told_from_one_that_does_not_know_this_one(self, client, registry, status):
        registry.faults.append(Fault(status=status, body=b'{"error_code": 404, "message": "HTTP 404 Not Found"}'))
        with pytest.raises(GuidsNotServed):
            client.schema_with_guid(self.GUID)

    def test_a_guid_without_an_id_is_of_no_use(self, client, registry):
        stored = json.dumps({"schema": CUSTOMER}).encode()
        registry.faults.extend([Fault(status=200, body=stored), Fault(status=200, body=b"[]")])
        with pytest.raises(GuidsNotServed, match="which schema id"):
            client.schema_with_guid(self.GUID)

    def test_of_the_ids_that_a_guid_has_that_of_the_default_context_counts(self, client, registry):
        client.register("s", CUSTOMER)
        stored = json.dumps({"schema": CUSTOMER}).encode()
        ids = json.dumps([{"context": ".a", "id": 9}, {"context": ".", "id": 1}]).encode()
        registry.faults.extend([Fault(status=200, body=stored), Fault(status=200, body=ids)])
        assert client.schema_with_guid(self.GUID).id == 1


class TestCache:
    def test_a_schema_is_asked_for_once(self, client, registry):
        schema_id = client.register("s", CUSTOMER)
        first = client.schema(schema_id)
        asked = len(registry.requests)
        assert client.schema(schema_id) is first
        assert len(registry.requests) == asked

    def test_what_has_changed_since_a_moment_is_seen_by_who_asks_for_it(self, client, registry):
        schema_id = client.register("a", CUSTOMER)
        client.schema(schema_id)
        client.register("b", CUSTOMER)
        assert client.schema(schema_id).subjects == (SubjectVersion("a", 1),)
        fresh = client.schema(schema_id, since=time.monotonic())
        assert set(fresh.subjects) == {SubjectVersion("a", 1), SubjectVersion("b", 1)}
        assert client.schema(schema_id) is fresh

    def test_a_stored_version_is_asked_for_once_or_once_since_a_moment(self, client, registry):
        client.register("s", CUSTOMER)
        before = time.monotonic()
        client.stored("s", 1)
        asked = len(registry.requests)
        assert client.stored("s", 1, since=before).text == CUSTOMER
        assert len(registry.requests) == asked
        client.stored("s", 1, since=time.monotonic())
        assert len(registry.requests) == asked + 1

    def test_a_refresh_that_fails_leaves_what_was_known(self, client, registry):
        schema_id = client.register("s", CUSTOMER)
        client.schema(schema_id)
        registry.faults.append(Fault(status=401))
        with pytest.raises(RegistryRefused):
            client.schema(schema_id, since=time.monotonic())
        assert client.schema(schema_id).text == CUSTOMER

    def test_a_known_schema_survives_an_outage(self, client, registry):
        schema_id = client.register("s", CUSTOMER)
        client.schema(schema_id)
        registry.stop()
        assert client.schema(schema_id).text == CUSTOMER

    def test_the_schema_that_was_not_used_for_the_longest_time_makes_room(self, registry):
        with RegistryClient(RegistrySettings(url=registry.url), cache_size=2) as client:
            one, two, three = (client.register(f"s{number}", f'"{number}"') for number in ("int", "long", "string"))
            for schema_id in (one, two, one, three):
                client.schema(schema_id)
            registry.requests.clear()
            client.schema(one)
            client.schema(three)
            assert not registry.requests
            client.schema(two)
            assert registry.requests

    def test_an_id_that_is_not_there_yet_is_asked_for_again(self, client):
        with pytest.raises(SchemaNotFound):
            client.schema(1)
        assert client.register("s", CUSTOMER) == 1
        assert client.schema(1).text == CUSTOMER

    def test_latest_is_never_from_the_cache(self, client):
        client.register("s", CUSTOMER)
        client.latest("s")
        client.register("s", NEWER)
        assert client.latest("s")[0] == 2

    def test_connections_are_kept(self, registry):
        with RegistryClient(RegistrySettings(url=registry.url)) as client, pytest.MonkeyPatch.context() as patch:
            opened = []
            connect = socket.create_connection
            patch.setattr(socket, "create_connection", lambda *a, **k: opened.append(a) or connect(*a, **k))
            for number in range(5):
                client.register(f"s{number}", CUSTOMER)
            assert len(opened) == 1


class TestErrors:
    def test_an_unknown_id_is_not_found(self, client):
        with pytest.raises(SchemaNotFound, match="schema id 7") as caught:
            client.schema(7)
        assert caught.value.what == 7

    @pytest.mark.parametrize("schema_id", [2**31, 2**32 - 1])
    def test_an_id_beyond_the_registrys_range_is_not_found_without_asking(self, client, registry, schema_id):
        with pytest.raises(SchemaNotFound):
            client.schema(schema_id)
        assert not registry.requests

    @pytest.mark.parametrize(
        "ask",
        [
            lambda client: client.versions("s"),
            lambda client: client.latest("s"),
            lambda client: client.version("s", 1),
            lambda client: client.lookup("s", CUSTOMER),
        ],
    )
    def test_an_unknown_subject_is_not_found(self, client, ask):
        with pytest.raises(SchemaNotFound, match="subject s") as caught:
            ask(client)
        assert caught.value.what == "s"

    @pytest.mark.parametrize("body", [b"", b"<html>Not Found</html>", b'{"error_code": 404, "message": "HTTP 404"}'])
    def test_a_404_that_is_not_the_registrys_own_is_not_taken_for_a_missing_schema(self, client, registry, body):
        registry.faults.append(Fault(status=404, body=body))
        with pytest.raises(RegistryProtocolError, match="is the URL right"):
            client.schema(7)

    def test_an_incompatible_schema_is_rejected_in_the_registrys_own_words(self, client):
        client.register("s", CUSTOMER)
        with pytest.raises(RegistryRejected, match="incompatible with an earlier schema") as caught:
            client.register("s", '"int"')
        assert caught.value.error_code == 409
        assert "TYPE_MISMATCH" in caught.value.message

    @pytest.mark.parametrize("doc", ["such as 4242", "'}, {compatibility: 4242"])
    def test_an_earlier_schema_that_the_registry_quotes_is_left_out_of_its_words(self, client, doc):
        client.register("s", json.dumps({**json.loads(CUSTOMER), "doc": doc}))
        with pytest.raises(RegistryRejected, match="oldSchema: left out") as caught:
            client.register("s", '"int"')
        assert "4242" not in str(caught.value)

    def test_an_invalid_schema_is_rejected_in_the_registrys_own_words(self, client):
        with pytest.raises(RegistryRejected, match="unknown type nonesuch") as caught:
            client.register("s", '"nonesuch"')
        assert caught.value.error_code == 42201

    def test_a_message_can_not_forge_log_lines_and_is_bounded(self, client, registry):
        message = "bad\nERROR forged\x1b[31m" + "x" * 10_000
        answer = json.dumps({"error_code": 42201, "message": message}).encode()
        registry.faults.append(Fault(status=422, body=answer))
        with pytest.raises(RegistryRejected) as caught:
            client.register("s", CUSTOMER)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 5_000

    @pytest.mark.parametrize("status", [401, 403])
    def test_no_access_is_refused(self, client, registry, status):
        registry.faults.append(Fault(status=status, body=b'{"error_code": 40101, "message": "no"}'))
        with pytest.raises(RegistryRefused, match=str(status)):
            client.schema(7)

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_a_redirect_is_not_followed(self, client, registry, status):
        with DevRegistry() as elsewhere:
            registry.faults.append(Fault(status=status, headers={"Location": f"{elsewhere.url}/schemas/ids/7"}))
            with pytest.raises(RegistryProtocolError, match=str(status)):
                client.schema(7)
            assert not elsewhere.requests

    @pytest.mark.parametrize(
        "body",
        [b"<html>Please log in</html>", b"", b"{}", b"[]", b'{"schema": 7}', b'{"schema": "1", "references": [1]}'],
    )
    def test_a_200_that_no_registry_gives_is_not_believed(self, client, registry, body):
        registry.faults.append(Fault(status=200, body=body))
        with pytest.raises(RegistryProtocolError):
            client.schema(7)

    def test_a_reference_that_the_registry_lost_is_not_found(self, client, registry):
        stored = {"schema": '"x"', "references": [{"name": "x", "subject": "lost", "version": 1}]}
        registry.faults.append(Fault(status=200, body=json.dumps(stored).encode()))
        with pytest.raises(SchemaNotFound, match="lost"):
            client.schema(7)

    def test_references_in_a_circle_do_not_hold_us_up(self, client, registry):
        circle = [{"name": "x", "subject": "x", "version": 1}]
        stored = json.dumps({"id": 7, "version": 1, "schema": '"x"', "references": circle}).encode()
        registry.faults.extend([Fault(status=200, body=stored), Fault(status=200, body=stored)])
        assert len(client.schema(7).references) == 1


class TestThreads:
    def test_a_client_may_be_shared(self, client):
        ids = [client.register(f"s{number}", f'{{"type":"fixed","name":"F{number}","size":1}}') for number in range(8)]
        found = []
        threads = [
            threading.Thread(target=lambda: found.extend(client.schema(schema_id).id for schema_id in ids))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == sorted(ids * 4)
