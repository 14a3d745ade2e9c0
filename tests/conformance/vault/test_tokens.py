"""What we rely on Vault's tokens and policies for: lives that end, and a 403 for all that is not allowed."""

import time

import pytest

WAY_OFF = "hvs.notatokenthatanyvaulthasmade"


@pytest.fixture
def issue(api):
    """A new token with the default policy, as its creation tells it."""

    def issue(**settings):
        return api.did("POST", "auth/token/create", {"policies": ["default"], "ttl": "10m", **settings}).auth

    return issue


class TestTokens:
    def test_a_token_knows_itself(self, api, issue):
        made = issue(ttl="60s", meta={"who": "tests"}, display_name="seen")
        found = api.did("GET", "auth/token/lookup-self", token=made["client_token"]).data
        expected = {
            "accessor": made["accessor"],
            "creation_ttl": 60,
            "display_name": "token-seen",
            "entity_id": "",
            "explicit_max_ttl": 0,
            "id": made["client_token"],
            "meta": {"who": "tests"},
            "num_uses": 0,
            "path": "auth/token/create",
            "policies": ["default"],
            "renewable": True,
            "type": "service",
        }
        assert {name: found[name] for name in expected} == expected
        assert 55 <= found["ttl"] <= 60

    def test_a_creation_tells_how_long_the_token_lives(self, issue):
        made = issue(ttl="90s")
        assert (made["lease_duration"], made["renewable"], made["token_type"]) == (90, True, "service")

    def test_without_a_ttl_a_token_lives_at_most_as_the_system_allows(self, api, issue):
        assert issue(ttl="0")["lease_duration"] > 24 * 3600

    @pytest.mark.parametrize("token", [WAY_OFF, ""])
    def test_an_unknown_token_is_a_403(self, api, token):
        assert api("GET", "auth/token/lookup-self", token=token).status in (400, 403)  # 400: older, without any
        assert api("GET", f"{api.kv}/data/x", token=token).status in (400, 403)

    def test_an_expired_token_is_a_403(self, api, issue):
        made = issue(ttl="1s")
        time.sleep(1.3)
        assert api("GET", "auth/token/lookup-self", token=made["client_token"]).status == 403

    def test_a_revoked_token_is_a_403(self, api, issue):
        made = issue()
        api.did("POST", "auth/token/revoke-self", {}, made["client_token"])
        assert api("GET", "auth/token/lookup-self", token=made["client_token"]).status == 403

    def test_a_token_is_found_and_revoked_by_its_accessor(self, api, issue):
        made = issue()
        found = api.did("POST", "auth/token/lookup-accessor", {"accessor": made["accessor"]}).data
        assert (found["accessor"], found["id"]) == (made["accessor"], "")
        api.did("POST", "auth/token/revoke-accessor", {"accessor": made["accessor"]})
        assert api("GET", "auth/token/lookup-self", token=made["client_token"]).status == 403

    def test_the_children_of_a_revoked_token_go_with_it(self, api):
        parent = api.token_for(("auth/token/create", ["update"]))
        child = api.did("POST", "auth/token/create", {"ttl": "5m"}, parent).auth["client_token"]
        api.did("POST", "auth/token/revoke", {"token": parent})
        assert api("GET", "auth/token/lookup-self", token=child).status == 403

    def test_a_token_with_numbered_uses_ends_with_the_last(self, api, issue):
        token = issue(num_uses=2)["client_token"]
        statuses = [api("GET", "auth/token/lookup-self", token=token).status for _ in range(3)]
        assert statuses == [200, 200, 403]

    def test_a_child_may_not_have_more_than_its_parent(self, api):
        parent = api.token_for(("auth/token/create", ["update"]))
        assert api("POST", "auth/token/create", {"policies": ["root"]}, parent).status in (400, 403)


class TestRenewal:
    def renew(self, api, made, **body):
        return api("POST", "auth/token/renew-self", body, made["client_token"])

    def test_a_renewal_gives_the_first_ttl_again(self, api, issue):
        made = issue(ttl="60s")
        assert self.renew(api, made).auth["lease_duration"] == 60

    def test_a_renewal_may_ask_for_more(self, api, issue):
        made = issue(ttl="60s")
        assert self.renew(api, made, increment="5m").auth["lease_duration"] == 300

    def test_no_renewal_goes_beyond_the_explicit_max_ttl(self, api, issue):
        made = issue(ttl="20s", explicit_max_ttl="30s")
        assert 20 < self.renew(api, made, increment="1h").auth["lease_duration"] <= 30

    def test_a_period_is_what_each_renewal_gives(self, api, issue):
        made = issue(ttl="0", period="45s")
        assert made["lease_duration"] == 45
        assert self.renew(api, made, increment="1h").auth["lease_duration"] == 45

    def test_a_token_that_is_not_renewable_is_refused(self, api, issue):
        made = issue(renewable=False)
        assert made["renewable"] is False
        assert self.renew(api, made).status == 400

    def test_a_renewed_token_is_the_same_token(self, api, issue):
        made = issue()
        renewed = self.renew(api, made).auth
        assert (renewed["client_token"], renewed["accessor"]) == (made["client_token"], made["accessor"])


class TestPolicies:
    def may(self, api, token, method, path, body=None):
        return api(method, path, body, token).status != 403

    def test_what_no_policy_allows_is_forbidden(self, api):
        token = api.token_for((f"{api.kv}/data/mine", ["read"]))
        assert self.may(api, token, "GET", f"{api.kv}/data/mine")
        assert not self.may(api, token, "GET", f"{api.kv}/data/yours")
        assert not self.may(api, token, "POST", f"{api.kv}/data/mine", {"data": {}})
        assert not self.may(api, token, "LIST", f"{api.kv}/metadata")
        assert not self.may(api, token, "DELETE", f"{api.kv}/data/mine")
        assert not self.may(api, token, "GET", "auth/token/lookup-self")
        assert not self.may(api, token, "GET", f"{api.name()}/nowhere")

    def test_a_star_at_the_end_stands_for_any_rest(self, api):
        token = api.token_for((f"{api.kv}/data/team-*", ["read"]))
        assert self.may(api, token, "GET", f"{api.kv}/data/team-a/deep")
        assert self.may(api, token, "GET", f"{api.kv}/data/team-")
        assert not self.may(api, token, "GET", f"{api.kv}/data/team")

    def test_a_plus_stands_for_one_segment(self, api):
        token = api.token_for((f"{api.kv}/data/+/ring", ["read"]))
        assert self.may(api, token, "GET", f"{api.kv}/data/a/ring")
        assert not self.may(api, token, "GET", f"{api.kv}/data/a/b/ring")
        assert not self.may(api, token, "GET", f"{api.kv}/data/ring")

    def test_the_more_specific_rule_decides_alone(self, api):
        token = api.token_for((f"{api.kv}/data/*", ["read", "delete"]), (f"{api.kv}/data/a/*", ["read"]))
        assert self.may(api, token, "DELETE", f"{api.kv}/data/b")
        assert self.may(api, token, "GET", f"{api.kv}/data/a/b")
        assert not self.may(api, token, "DELETE", f"{api.kv}/data/a/b")

    def test_a_later_wildcard_is_more_specific(self, api):
        token = api.token_for((f"{api.kv}/data/+/b", ["deny"]), (f"{api.kv}/data/a/*", ["read"]))
        assert self.may(api, token, "GET", f"{api.kv}/data/a/b")
        assert not self.may(api, token, "GET", f"{api.kv}/data/c/b")

    def test_rules_for_the_same_path_add_up_and_deny_wins(self, api):
        path = f"{api.kv}/data/x"
        reader, deleter, denier = (
            api.policy(f'path "{path}" {{ capabilities = ["{capability}"] }}')
            for capability in ("read", "delete", "deny")
        )
        both, none = api.token_with(reader, deleter), api.token_with(reader, deleter, denier)
        assert self.may(api, both, "GET", path)
        assert self.may(api, both, "DELETE", path)
        assert not self.may(api, none, "GET", path)

    def test_a_list_may_be_granted_with_and_without_its_slash(self, api):
        for granted in (f"{api.kv}/metadata/a", f"{api.kv}/metadata/a/"):
            token = api.token_for((granted, ["list"]))
            assert self.may(api, token, "LIST", f"{api.kv}/metadata/a")

    def test_a_policy_is_stored_as_it_was_written(self, api):
        text = f'# whose\npath "{api.kv}/data/x" {{\n  capabilities = ["read", "list"] // why\n}}\n'
        name = api.policy(text)
        assert api.did("GET", f"sys/policies/acl/{name}").data["policy"] == text
        assert name in api.did("LIST", "sys/policies/acl").data["keys"]

    @pytest.mark.parametrize("text", ["nonsense", 'path "a" { capabilities = ["fly"] }', 'path "a" { capabilities = ['])
    def test_a_policy_that_is_none_is_refused(self, api, text):
        name = f"{api.own}-refused"
        assert api("PUT", f"sys/policies/acl/{name}", {"policy": text}).status == 400
        assert api("GET", f"sys/policies/acl/{name}").status == 404

    def test_a_change_of_a_policy_holds_for_tokens_there_are(self, api):
        name = api.policy(f'path "{api.kv}/data/x" {{ capabilities = ["read"] }}')
        token = api.token_with(name)
        assert self.may(api, token, "GET", f"{api.kv}/data/x")
        api.did("PUT", f"sys/policies/acl/{name}", {"policy": f'path "{api.kv}/data/x" {{ capabilities = ["list"] }}'})
        assert not self.may(api, token, "GET", f"{api.kv}/data/x")


class TestRequests:
    def test_an_unknown_path_is_a_404(self, api):
        assert api("GET", f"{api.name()}/nowhere").status == 404
        assert api("POST", f"{api.transit}/nonesuch/key", {}).status == 404

    def test_a_body_that_is_not_json_is_a_400(self, api):
        answer = api.send("POST", f"{api.transit}/keys/{api.name()}", b"{nonsense")
        assert answer.status == 400

    def test_mounts_tell_their_kind(self, api):
        mounts = api.did("GET", "sys/mounts").data
        assert mounts[f"{api.transit}/"]["type"] == "transit"
        assert mounts[f"{api.kv}/"]["type"] == "kv"
        assert mounts[f"{api.kv}/"]["options"] == {"version": "2"}

    def test_a_path_is_mounted_once(self, api):
        assert api("POST", f"sys/mounts/{api.transit}", {"type": "transit"}).status == 400
