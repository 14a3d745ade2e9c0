"""The registry's REST API called by hand, and the schemas that its conformance tests register."""

import json
import ssl

import httpx
from confluent_kafka.schema_registry import Schema


class Api:
    """The REST API, called by hand."""

    def __init__(self, url):
        self.url = url
        # Development registries speak plain HTTP: loading the public authorities takes longer than a test.
        context = httpx.create_ssl_context() if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.Client(base_url=url, trust_env=False, verify=context)

    def __call__(self, method, path, body=None, **query):
        answer = self._http.request(method, path, json=body, params=query)
        self.content_type = answer.headers["Content-Type"]
        return answer.status_code, json.loads(answer.content)

    def close(self):
        self._http.close()

    def register(self, subject, schema, **more):
        status, answer = self("POST", f"/subjects/{subject}/versions", {"schema": json.dumps(schema), **more})
        assert status == 200, answer
        return answer["id"]

    def set_level(self, subject, level):
        """Asks for a level for one subject, because what holds for all differs from registry to registry."""
        self("PUT", f"/config/{subject}", {"compatibility": level})

    def not_found(self, method, path, body=None):
        """Whether a request is answered as our client takes for "there is none": 404, with a code of the registry's."""
        status, code = self.refused(method, path, body)
        return status == 404 and 40400 <= code < 40500

    def refused(self, method, path, body=None, **query):
        """The HTTP status and the registry's own error code of a request that must fail."""
        status, answer = self(method, path, body, **query)
        assert status >= 400, answer
        assert {"error_code", "message"} <= set(answer)
        assert isinstance(answer["message"], str)
        assert answer["message"]
        return status, answer["error_code"]


def record(*fields, name="Customer", **more):
    """A record schema; a field is a name (then a string) or a pair of name and type, or a whole field."""
    return {"type": "record", "name": name, "namespace": "demo", "fields": [_field(each) for each in fields], **more}


def _field(given):
    if isinstance(given, str):
        return {"name": given, "type": "string"}
    return given if isinstance(given, dict) else {"name": given[0], "type": given[1]}


def optional(name):
    return {"name": name, "type": ["null", "string"], "default": None}


def avro(schema, references=()):
    return Schema(json.dumps(schema), "AVRO", list(references))


STREET = {"type": "record", "name": "Street", "namespace": "demo", "fields": [{"name": "name", "type": "string"}]}
ADDRESS = record(("street", "demo.Street"), name="Address")
