"""One conformance suite for Vault, run against the development Vault and a real core on loopback.

With ``STREAMVEIL_EXTERNAL=1``, ``VAULT_ADDR`` and ``VAULT_TOKEN`` it also runs against that Vault. There it works under
mount paths and names of its own, random ones, and removes them. What seals or kills, and what needs the usual mounts,
takes the fixture ``own``: a Vault that the tests have started.
"""

import os
import ssl

import httpx
import pytest

from tests.conformance.vault.vault_api import Api
from tests.realvault.server import RealVault
from vault.devserver import DevVault

OWN = {"dev": DevVault, "real": RealVault}
EXTERNAL = ["external"] if os.environ.get("STREAMVEIL_EXTERNAL") == "1" else []


@pytest.fixture(scope="session", params=[*OWN, *EXTERNAL])
def server(request):
    """Where Vault is, and a token that may mount and write policies."""
    if request.param == "external":
        yield os.environ["VAULT_ADDR"], os.environ["VAULT_TOKEN"]
    else:
        with OWN[request.param]() as started:
            yield started.url, started.root_token


@pytest.fixture(scope="module")
def api(server):
    api = Api(*server)
    api.mount()
    yield api
    api.close()


@pytest.fixture(scope="module", params=OWN)
def own(request):
    """A Vault that only the tests of one module use."""
    with OWN[request.param]() as started:
        yield started


@pytest.fixture(scope="module")
def ask(own):
    """Status and JSON of a request to ``own``, with its root token unless another is given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with httpx.Client(trust_env=False, verify=context, timeout=30) as http:

        def ask(method, path, body=None, token=None):
            headers = {"X-Vault-Token": own.root_token if token is None else token}
            answer = http.request(method, f"{own.url}/v1/{path}", json=body, headers=headers)
            return answer.status_code, answer.json() if answer.content else {}

        yield ask
