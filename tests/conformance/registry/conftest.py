"""One conformance suite for schema registries, run against the development registry.

With ``STREAMVEIL_EXTERNAL=1`` and ``SCHEMA_REGISTRY_URL`` it also runs against that registry. There it only adds
subjects of its own, under a random name, and changes nothing else: tests that delete, or that set what is global,
take the ``dev`` fixture and meet the development registry alone. What Streamveil can do without is marked as optional
(capabilities.py): whether the other registry has it is told at the end of the run.
"""

import os
import secrets

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient

from registry.client import RegistryClient
from registry.devserver import DevRegistry
from registry.settings import RegistrySettings
from tests.conformance.registry.capabilities import DEVELOPMENT, allow_failures, report
from tests.conformance.registry.registry_api import Api

_URL = os.environ.get("SCHEMA_REGISTRY_URL")
EXTERNAL = [_URL] if _URL and os.environ.get("STREAMVEIL_EXTERNAL") == "1" else []


def pytest_configure(config):
    config.addinivalue_line("markers", "optional(capability): what Streamveil can do without in a registry")


def pytest_collection_modifyitems(items):
    allow_failures(items)


def pytest_terminal_summary(terminalreporter):
    lines = list(report(terminalreporter.getreports("xpassed"), terminalreporter.getreports("xfailed")))
    if lines:
        terminalreporter.section("what the registry can do beyond what is required")
        terminalreporter.write_line("\n".join(lines))


@pytest.fixture(scope="module", params=[DEVELOPMENT, *EXTERNAL])
def url(request):
    if request.param == DEVELOPMENT:
        with DevRegistry() as registry:
            yield registry.url
    else:
        yield request.param


@pytest.fixture(scope="module")
def api(url):
    api = Api(url)
    yield api
    api.close()


@pytest.fixture(scope="module")
def confluent(url):
    with SchemaRegistryClient({"url": url}) as client:
        yield client


@pytest.fixture(scope="module")
def ours(url):
    with RegistryClient(RegistrySettings(url=url)) as client:
        yield client


@pytest.fixture
def dev():
    """A development registry of the test's own, to delete in and to set global things of."""
    with DevRegistry() as registry:
        api = Api(registry.url)
        yield api
        api.close()


@pytest.fixture
def subject():
    return f"streamveil-conformance-{secrets.token_hex(6)}-value"
