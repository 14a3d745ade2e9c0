"""Configurations for tests: the least that a service needs, and what `load` says about the rest."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from connector.config import ConfigErrors, Connector, Need, Service, load

LEAST: dict[str, Any] = {
    "name": "orders",
    "bootstrap.servers": "broker:9092",
    "topics": "orders",
    "schema.registry.url": "http://registry:8081",
}
RING = json.dumps({"current": 1, "versions": {"1": base64.b64encode(bytes(range(32))).decode()}})


def loaded(*, need: Need = Need.SERVICE, **keys: Any) -> Connector:
    """The least configuration with some keys added; `__` stands for a dot."""
    return load({**LEAST, **dotted(keys)}, need=need)


def service(**keys: Any) -> Service:
    """What the service needs of a configuration."""
    found = loaded(**keys).service
    assert found is not None
    return found


def chain_of(**keys: Any) -> Connector:
    """A chain alone."""
    return load(dotted(keys), need=Need.CHAIN)


def errors_of(config: dict[str, Any], need: Need = Need.SERVICE) -> list[str]:
    """The errors of a configuration, one text each."""
    with pytest.raises(ConfigErrors) as refused:
        load(config, need=need)
    return [str(error) for error in refused.value.errors]


def errors_with(*, need: Need = Need.SERVICE, **keys: Any) -> list[str]:
    """The errors of the least configuration with some keys added; `__` stands for a dot."""
    return errors_of({**LEAST, **dotted(keys)}, need)


def chain_errors(**keys: Any) -> list[str]:
    """The errors of a chain alone."""
    return errors_of(dotted(keys), Need.CHAIN)


def dotted(keys: dict[str, Any]) -> dict[str, Any]:
    return {key.replace("__", "."): value for key, value in keys.items()}
