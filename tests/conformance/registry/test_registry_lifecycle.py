"""What only the development registry is asked: deleting, modes, and how it behaves as a server."""

import json

import httpx
import psutil
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from registry.devserver import DevRegistry
from tests.conformance.registry.registry_api import ADDRESS, STREET, Api, avro, optional, record


class TestDeleting:
    @pytest.fixture
    def two_versions(self, dev, subject):
        dev.register(subject, record("id"))
        dev.register(subject, record("id", optional("note")))

    @pytest.mark.usefixtures("two_versions")
    def test_a_soft_deleted_version_is_gone_unless_one_asks_for_deleted_ones(self, dev, subject):
        assert dev("DELETE", f"/subjects/{subject}/versions/1") == (200, 1)
        assert dev("GET", f"/subjects/{subject}/versions") == (200, [2])
        assert dev.refused("GET", f"/subjects/{subject}/versions/1") == (404, 40402)
        assert dev("GET", f"/subjects/{subject}/versions", deleted="true") == (200, [1, 2])
        assert dev("GET", f"/subjects/{subject}/versions", deletedOnly="true") == (200, [1])
        assert dev("GET", f"/subjects/{subject}/versions/1", deleted="true")[0] == 200

    def test_the_id_of_a_soft_deleted_version_still_has_its_schema(self, dev, subject):
        schema_id = dev.register(subject, record("id"))
        dev("DELETE", f"/subjects/{subject}/versions/1")
        assert dev("GET", f"/schemas/ids/{schema_id}")[0] == 200
        assert dev("GET", f"/schemas/ids/{schema_id}/versions") == (200, [])
        assert dev("GET", f"/schemas/ids/{schema_id}/versions", deleted="true")[1] == [
            {"subject": subject, "version": 1}
        ]

    @pytest.mark.usefixtures("two_versions")
    def test_latest_is_the_last_version_that_is_left(self, dev, subject):
        assert dev("DELETE", f"/subjects/{subject}/versions/latest") == (200, 2)
        assert dev("GET", f"/subjects/{subject}/versions/latest")[1]["version"] == 1

    @pytest.mark.usefixtures("two_versions")
    def test_a_version_is_deleted_softly_first_and_only_once(self, dev, subject):
        path = f"/subjects/{subject}/versions/1"
        assert dev.refused("DELETE", path, permanent="true") == (404, 40407)
        dev("DELETE", path)
        assert dev.refused("DELETE", path) == (404, 40406)
        assert dev("DELETE", path, permanent="true") == (200, 1)
        assert dev.refused("DELETE", path, permanent="true") == (404, 40402)

    @pytest.mark.usefixtures("two_versions")
    def test_a_subject_is_deleted_softly_first_and_only_once(self, dev, subject):
        path = f"/subjects/{subject}"
        assert dev.refused("DELETE", path, permanent="true") == (404, 40405)
        assert dev("DELETE", path) == (200, [1, 2])
        assert dev.refused("GET", f"{path}/versions") == (404, 40401)
        assert dev.refused("DELETE", path) == (404, 40404)
        assert dev("GET", "/subjects") == (200, [])
        assert dev("GET", "/subjects", deleted="true") == (200, [subject])
        assert dev("GET", "/subjects", deletedOnly="true") == (200, [subject])
        assert dev("DELETE", path, permanent="true") == (200, [1, 2])
        assert dev("GET", "/subjects", deleted="true") == (200, [])

    def test_an_unknown_subject_is_40401(self, dev, subject):
        assert dev.refused("DELETE", f"/subjects/{subject}") == (404, 40401)
        assert dev.refused("DELETE", f"/subjects/{subject}/versions/1") == (404, 40401)

    def test_an_id_is_gone_with_its_last_version_and_never_given_again(self, dev, subject):
        schema_id = dev.register(subject, record("id"))
        dev("DELETE", f"/subjects/{subject}")
        dev("DELETE", f"/subjects/{subject}", permanent="true")
        assert dev.refused("GET", f"/schemas/ids/{schema_id}") == (404, 40403)
        assert dev.register(subject, record("id")) != schema_id
        assert dev("GET", f"/subjects/{subject}/versions") == (200, [1])

    def test_a_soft_deleted_schema_that_is_registered_again_keeps_its_id_with_a_new_version(self, dev, subject):
        schema_id = dev.register(subject, record("id"))
        dev("DELETE", f"/subjects/{subject}")
        assert dev.register(subject, record("id")) == schema_id
        assert dev("GET", f"/subjects/{subject}/versions", deleted="true") == (200, [2])

    def test_a_deleted_subject_loses_its_level_and_its_past_does_not_bind_it(self, dev, subject):
        dev.register(subject, record("id"))
        dev("PUT", f"/config/{subject}", {"compatibility": "FULL"})
        dev("DELETE", f"/subjects/{subject}")
        assert dev.refused("GET", f"/config/{subject}") == (404, 40408)
        dev.register(subject, "int")

    def test_what_is_referred_to_is_not_deleted(self, dev, subject):
        dev.register(f"{subject}.street", STREET)
        refers = [{"name": "demo.Street", "subject": f"{subject}.street", "version": 1}]
        dev.register(subject, ADDRESS, references=refers)
        assert dev.refused("DELETE", f"/subjects/{subject}.street/versions/1") == (422, 42206)
        assert dev.refused("DELETE", f"/subjects/{subject}.street") == (422, 42206)
        dev("DELETE", f"/subjects/{subject}")
        assert dev("DELETE", f"/subjects/{subject}.street") == (200, [1])


class TestModes:
    def test_the_global_mode_is_readwrite_until_it_is_set(self, dev):
        assert dev("GET", "/mode") == (200, {"mode": "READWRITE"})

    def test_a_subject_without_a_mode_of_its_own_is_40409(self, dev, subject):
        assert dev.refused("GET", f"/mode/{subject}") == (404, 40409)
        assert dev("GET", f"/mode/{subject}", defaultToGlobal="true") == (200, {"mode": "READWRITE"})

    def test_a_mode_that_does_not_exist_is_42204(self, dev, subject):
        assert dev.refused("PUT", f"/mode/{subject}", {"mode": "SIDEWAYS"}) == (422, 42204)

    def test_a_readonly_subject_takes_and_loses_nothing_but_still_tells_what_it_has(self, dev, subject):
        schema_id = dev.register(subject, record("id"))
        dev("PUT", f"/mode/{subject}", {"mode": "READONLY"})
        body = {"schema": json.dumps(record("id", optional("note")))}
        assert dev.refused("POST", f"/subjects/{subject}/versions", body) == (422, 42205)
        assert dev.refused("DELETE", f"/subjects/{subject}") == (422, 42205)
        assert dev.register(subject, record("id")) == schema_id

    def test_a_deleted_mode_falls_back_to_the_global_one(self, dev, subject):
        dev("PUT", f"/mode/{subject}", {"mode": "READONLY"})
        assert dev("DELETE", f"/mode/{subject}") == (200, {"mode": "READONLY"})
        dev.register(subject, record("id"))

    def test_import_takes_ids_and_versions_as_given_and_checks_no_compatibility(self, dev, subject):
        dev("PUT", f"/mode/{subject}", {"mode": "IMPORT"})
        assert dev.register(subject, record("id"), id=500, version=3) == 500
        assert dev.register(subject, record("id", "email"), id=400, version=7) == 400
        assert dev("GET", f"/subjects/{subject}/versions") == (200, [3, 7])

    def test_ids_go_on_after_the_largest_imported_one(self, dev, subject):
        dev("PUT", f"/mode/{subject}", {"mode": "IMPORT"})
        dev.register(subject, record("id"), id=500)
        assert dev.register(f"{subject}.next", record("email")) == 501

    def test_an_id_that_stands_for_another_schema_is_not_overwritten(self, dev, subject):
        taken = dev.register(subject, record("id"))
        dev("PUT", f"/mode/{subject}.import", {"mode": "IMPORT"})
        body = {"schema": json.dumps(record("email")), "id": taken}
        assert dev.refused("POST", f"/subjects/{subject}.import/versions", body) == (422, 42205)

    def test_an_id_is_only_taken_in_mode_import_and_needed_there(self, dev, subject):
        body = {"schema": json.dumps(record("id"))}
        assert dev.refused("POST", f"/subjects/{subject}/versions", {**body, "id": 9}) == (422, 42205)
        dev("PUT", f"/mode/{subject}", {"mode": "IMPORT"})
        assert dev.refused("POST", f"/subjects/{subject}/versions", body) == (422, 42205)

    def test_import_is_not_switched_on_over_existing_versions_unless_forced(self, dev, subject):
        dev.register(subject, record("id"))
        assert dev.refused("PUT", "/mode", {"mode": "IMPORT"}) == (422, 42205)
        assert dev("PUT", "/mode", {"mode": "IMPORT"}, force="true") == (200, {"mode": "IMPORT"})


class TestDevelopmentRegistry:
    """What holds for the development registry as a server."""

    def test_it_listens_on_loopback_only(self, dev):
        port = httpx.URL(dev.url).port
        listening = [each.laddr for each in psutil.Process().net_connections("inet") if each.status == "LISTEN"]
        assert [address.ip for address in listening if address.port == port] == ["127.0.0.1"]

    def test_a_path_that_does_not_exist_is_404_without_a_code_of_the_registry(self, dev):
        assert dev.refused("GET", "/nothing/here") == (404, 404)

    @pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
    def test_a_body_that_is_no_json_object_is_400(self, dev, subject, body):
        answer = httpx.post(f"{dev.url}/subjects/{subject}/versions", content=body, trust_env=False)
        assert answer.status_code == 400

    def test_confluents_client_gets_the_registrys_error_codes(self, dev, subject):
        with SchemaRegistryClient({"url": dev.url}) as client, pytest.raises(SchemaRegistryError) as caught:
            client.get_latest_version(subject)
        assert (caught.value.http_status_code, caught.value.error_code) == (404, 40401)

    def test_a_subject_may_have_a_slash_and_other_reserved_characters(self, dev, subject):
        odd = f"{subject}/a b?c#d%2F+é"
        with SchemaRegistryClient({"url": dev.url}) as client:
            schema_id = client.register_schema(odd, avro(record("id")))
            assert client.get_latest_version(odd).schema_id == schema_id
        assert dev("GET", "/subjects") == (200, [odd])

    def test_a_restart_keeps_the_address_and_the_schemas(self, subject):
        registry = DevRegistry()
        registry.start()
        api, url = Api(registry.url), registry.url
        schema_id = api.register(subject, record("id"))
        registry.stop()
        with pytest.raises(httpx.TransportError):
            api("GET", "/subjects")
        registry.start()
        assert registry.url == url
        assert api.register(subject, record("id")) == schema_id
        registry.stop()
        api.close()
