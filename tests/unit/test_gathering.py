"""A member that is in no group has nothing to show to the coordinator, and must not commit without it."""

from __future__ import annotations

import threading

import pytest

from connector.clients import consumer_config
from connector.failures import Remedy, Setback
from connector.gathering import Gathering
from connector.logs import LibraryLog
from connector.session_settings import SessionSettings


def test_without_membership_there_is_no_group_metadata_to_commit_with() -> None:
    nowhere = {"bootstrap.servers": "127.0.0.1:1"}
    settings = SessionSettings("c", "g", "w", False, consumer=nowhere, producer=nowhere, admin=nowhere)
    gathering = Gathering(consumer_config(settings, LibraryLog("consumer")), settings, threading.Event())

    with pytest.raises(Setback) as refused:
        gathering.group_metadata()

    gathering.close()
    assert refused.value.remedy is Remedy.NEW_CONSUMER
