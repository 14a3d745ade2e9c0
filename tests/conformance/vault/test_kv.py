"""What we rely on the KV engine, version 2, for: one document, many versions, and check-and-set between writers."""

import pytest


@pytest.fixture
def path(api):
    return f"rings/{api.name()}"


@pytest.fixture
def write(api, path):
    def write(data, **options):
        return api("POST", f"{api.kv}/data/{path}", {"data": data, "options": options})

    return write


@pytest.fixture
def read(api, path):
    def read(**query):
        return api("GET", f"{api.kv}/data/{path}", **query)

    return read


def test_what_was_written_is_read_with_its_version(write, read):
    assert write({"a": 1, "b": {"c": [True, None]}}).data["version"] == 1
    found = read().data
    assert found["data"] == {"a": 1, "b": {"c": [True, None]}}
    assert found["metadata"]["version"] == 1
    assert found["metadata"]["destroyed"] is False


def test_each_write_is_the_next_version_and_older_ones_stay_readable(write, read):
    write({"n": 1})
    assert write({"n": 2}).data["version"] == 2
    assert read().data["data"] == {"n": 2}
    assert read(version="1").data["data"] == {"n": 1}
    assert read(version="3").status == 404


def test_what_was_never_written_is_a_404_without_words(read):
    assert (read().status, read().errors) == (404, [])


def test_check_and_set_of_0_writes_only_where_nothing_is(write):
    assert write({"n": 1}, cas=0).status == 200
    refused = write({"n": 2}, cas=0)
    assert refused.status == 400
    assert refused.errors == ["check-and-set parameter did not match the current version"]


def test_check_and_set_writes_only_over_the_version_it_names(write, read):
    write({"n": 1})
    assert write({"n": 2}, cas=1).data["version"] == 2
    assert write({"n": 3}, cas=1).status == 400
    assert read().data["data"] == {"n": 2}


def test_check_and_set_must_be_a_number(write):
    assert write({"n": 1}, cas="first").status == 400


def test_a_write_without_data_is_a_400(api, path):
    assert api("POST", f"{api.kv}/data/{path}", {}).status == 400


def test_a_list_has_names_and_folders(api):
    folder = api.name()
    for name in ("one", "two/deep", "two/deeper"):
        api.did("POST", f"{api.kv}/data/{folder}/{name}", {"data": {}})
    assert api.did("LIST", f"{api.kv}/metadata/{folder}").data["keys"] == ["one", "two/"]
    assert api.did("LIST", f"{api.kv}/metadata/{folder}/two").data["keys"] == ["deep", "deeper"]
    assert api("GET", f"{api.kv}/metadata/{folder}", list="true").data["keys"] == ["one", "two/"]


def test_a_list_of_nothing_is_a_404_without_words(api):
    nothing = api("LIST", f"{api.kv}/metadata/{api.name()}")
    assert (nothing.status, nothing.errors) == (404, [])


def test_a_deleted_version_is_a_404_that_says_when_and_can_come_back(api, path, write, read):
    write({"n": 1})
    assert api("DELETE", f"{api.kv}/data/{path}").status == 204
    gone = read()
    assert gone.status == 404
    assert gone.data["data"] is None
    assert gone.data["metadata"]["deletion_time"]
    api.did("POST", f"{api.kv}/undelete/{path}", {"versions": [1]})
    assert read().data["data"] == {"n": 1}


def test_over_a_deleted_version_check_and_set_names_its_number(api, path, write):
    write({"n": 1})
    api.did("DELETE", f"{api.kv}/data/{path}")
    assert write({"n": 2}, cas=0).status == 400
    assert write({"n": 2}, cas=1).data["version"] == 2


def test_a_destroyed_version_is_gone_for_good(api, path, write, read):
    write({"n": 1})
    write({"n": 2})
    api.did("POST", f"{api.kv}/destroy/{path}", {"versions": [1]})
    gone = read(version="1")
    assert gone.status == 404
    assert gone.data["metadata"]["destroyed"] is True
    assert read().data["data"] == {"n": 2}


def test_metadata_tell_the_versions(api, path, write):
    write({"n": 1})
    write({"n": 2})
    found = api.did("GET", f"{api.kv}/metadata/{path}").data
    assert found["current_version"] == 2
    assert set(found["versions"]) == {"1", "2"}


def test_without_metadata_nothing_was_ever_there(api, path, write, read):
    write({"n": 1})
    api.did("DELETE", f"{api.kv}/metadata/{path}")
    assert read().status == 404
    assert write({"n": 1}, cas=0).data["version"] == 1


def test_a_first_write_needs_create_and_the_next_update(api, path):
    creator = api.token_for((f"{api.kv}/data/*", ["create"]))
    updater = api.token_for((f"{api.kv}/data/*", ["update"]))
    body = {"data": {}}
    assert api("POST", f"{api.kv}/data/{path}", body, updater).status == 403
    assert api("POST", f"{api.kv}/data/{path}", body, creator).status == 200
    assert api("POST", f"{api.kv}/data/{path}", body, creator).status == 403
    assert api("POST", f"{api.kv}/data/{path}", body, updater).status == 200
