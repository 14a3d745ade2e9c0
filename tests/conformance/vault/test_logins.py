"""What we rely on Vault's logins for: AppRole everywhere, Kubernetes where the tests play the Kubernetes."""

import pytest


@pytest.fixture
def role(api):
    """A role with short lives, and how to log in with it."""
    name = api.name()
    settings = {"token_policies": "default", "token_ttl": "60s", "token_max_ttl": "90s"}
    api.did("POST", f"auth/{api.approle}/role/{name}", settings)
    return name


def role_id(api, role):
    return api.did("GET", f"auth/{api.approle}/role/{role}/role-id").data["role_id"]


def secret_id(api, role):
    return api.did("POST", f"auth/{api.approle}/role/{role}/secret-id", {}).data["secret_id"]


def login(api, **ids):
    return api("POST", f"auth/{api.approle}/login", ids, token="")


class TestAppRole:
    def test_a_login_gives_a_token_with_the_roles_policies_and_ttl(self, api, role):
        made = login(api, role_id=role_id(api, role), secret_id=secret_id(api, role)).auth
        assert made["policies"] == ["default"]
        assert (made["lease_duration"], made["renewable"]) == (60, True)
        found = api.did("GET", "auth/token/lookup-self", token=made["client_token"]).data
        assert found["accessor"] == made["accessor"]
        assert found["entity_id"] == made["entity_id"]
        assert made["entity_id"]
        assert found["meta"] == {"role_name": role}
        assert found["path"] == f"auth/{api.approle}/login"

    def test_each_login_gives_another_token_of_the_same_entity(self, api, role):
        ids = {"role_id": role_id(api, role), "secret_id": secret_id(api, role)}
        first, second = login(api, **ids).auth, login(api, **ids).auth
        assert first["client_token"] != second["client_token"]
        assert first["entity_id"] == second["entity_id"]

    def test_no_renewal_goes_beyond_the_roles_max_ttl(self, api, role):
        made = login(api, role_id=role_id(api, role), secret_id=secret_id(api, role)).auth
        renewed = api("POST", "auth/token/renew-self", {"increment": "1h"}, made["client_token"]).auth
        assert 60 < renewed["lease_duration"] <= 90

    def test_a_wrong_role_id_is_a_400(self, api, role):
        assert login(api, role_id="nobody", secret_id=secret_id(api, role)).status == 400

    def test_a_wrong_secret_id_is_refused_and_says_so(self, api, role):
        """Vault 1.13 has the text, but 500 for its status; later versions have 400."""
        refused = login(api, role_id=role_id(api, role), secret_id="11111111-2222-3333-4444-555555555555")
        assert refused.status in (400, 500)
        assert "invalid" in refused.errors[0]

    def test_a_missing_secret_id_is_a_400(self, api, role):
        assert login(api, role_id=role_id(api, role)).status == 400

    def test_a_destroyed_secret_id_is_refused(self, api, role):
        secret = secret_id(api, role)
        api.did("POST", f"auth/{api.approle}/role/{role}/secret-id/destroy", {"secret_id": secret})
        assert login(api, role_id=role_id(api, role), secret_id=secret).status in (400, 500)

    def test_a_secret_id_with_numbered_uses_ends_with_the_last(self, api, role):
        api.did("POST", f"auth/{api.approle}/role/{role}", {"secret_id_num_uses": 1})
        ids = {"role_id": role_id(api, role), "secret_id": secret_id(api, role)}
        assert login(api, **ids).status == 200
        assert login(api, **ids).status in (400, 500)

    def test_roles_are_listed_and_a_missing_one_is_a_404(self, api, role):
        assert role in api.did("LIST", f"auth/{api.approle}/role").data["keys"]
        assert api("GET", f"auth/{api.approle}/role/{api.name()}").status == 404
        assert api("GET", f"auth/{api.approle}/role/{api.name()}/role-id").status == 404


class TestKubernetes:
    @pytest.fixture
    def enter(self, own, ask):
        settings = {
            "bound_service_account_names": "streamveil",
            "bound_service_account_namespaces": "payments",
            "token_policies": "default",
            "token_ttl": "60s",
        }
        assert ask("POST", "auth/kubernetes/role/streamveil", settings) == (204, {})

        def enter(jwt, role="streamveil"):
            return ask("POST", "auth/kubernetes/login", {"role": role, "jwt": jwt}, token="")

        return enter

    def test_the_bound_service_account_gets_a_token_with_the_roles_policies_and_ttl(self, own, enter):
        status, answer = enter(own.service_account_token("streamveil", "payments"))
        assert status == 200
        made = answer["auth"]
        assert (made["policies"], made["lease_duration"], made["renewable"]) == (["default"], 60, True)
        assert made["metadata"]["service_account_name"] == "streamveil"
        assert made["metadata"]["service_account_namespace"] == "payments"
        assert made["entity_id"]

    def test_another_service_account_and_another_namespace_are_a_403(self, own, enter):
        assert enter(own.service_account_token("other", "payments"))[0] == 403
        assert enter(own.service_account_token("streamveil", "other"))[0] == 403

    def test_an_expired_token_is_a_403(self, own, enter):
        assert enter(own.service_account_token("streamveil", "payments", ttl=-60))[0] == 403

    def test_a_spoiled_token_is_a_403(self, own, enter):
        claims, _, _ = own.service_account_token("streamveil", "payments").rpartition(".")
        foreign = own.service_account_token("other", "payments").rpartition(".")[2]
        assert enter(f"{claims}.{foreign}")[0] == 403

    def test_an_unknown_role_is_a_400(self, own, enter):
        assert enter(own.service_account_token("streamveil", "payments"), role="nobody")[0] == 400

    @pytest.mark.parametrize("body", [{"role": "streamveil"}, {"jwt": "x"}])
    def test_role_and_token_must_be_there(self, ask, body):
        assert ask("POST", "auth/kubernetes/login", body, token="")[0] == 400
