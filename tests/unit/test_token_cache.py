"""What is remembered of tokens that a server made: which, for how long, and that no value is among it."""

from __future__ import annotations

import copy
import gc
import pickle

import pytest

from transforms.token_cache import TokenCache


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def put(cache: TokenCache, *values: bytes, domain: str = "D", version: int = 1) -> None:
    for value, digest in zip(values, cache.digests(domain, version, list(values)), strict=True):
        cache.put(digest, f"token of {len(value)} bytes")


def known(cache: TokenCache, *values: bytes, domain: str = "D", version: int = 1) -> list[bool]:
    return [cache.get(digest) is not None for digest in cache.digests(domain, version, list(values))]


def test_a_token_is_remembered_for_its_value_domain_and_version_alone() -> None:
    cache = TokenCache(10, 60)
    put(cache, b"a", b"bb")
    assert known(cache, b"a", b"bb", b"ccc") == [True, True, False]
    assert known(cache, b"a", domain="E") == [False]
    assert known(cache, b"a", version=2) == [False]


def test_a_domain_does_not_run_into_the_value() -> None:
    cache = TokenCache(10, 60)
    put(cache, b"c", domain="ab")
    assert known(cache, b"bc", domain="a") == [False]


def test_the_tokens_that_were_used_last_are_kept() -> None:
    cache = TokenCache(2, 60)
    put(cache, b"a", b"bb")
    assert known(cache, b"a") == [True]
    put(cache, b"ccc")
    assert known(cache, b"a", b"bb", b"ccc") == [True, False, True]
    assert len(cache) == 2


def test_a_token_is_forgotten_in_time_however_often_it_is_used() -> None:
    clock = Clock()
    cache = TokenCache(10, 60, clock)
    put(cache, b"a")
    clock.now = 59
    assert known(cache, b"a") == [True]
    clock.now = 60
    assert known(cache, b"a") == [False]


def test_hits_and_misses_are_counted() -> None:
    cache = TokenCache(10, 60)
    put(cache, b"a")
    known(cache, b"a", b"bb", b"a")
    assert (cache.hits, cache.misses) == (2, 1)
    assert repr(cache) == "<cache of 1 token(s), 2 hit(s), 1 miss(es)>"


def test_no_value_is_in_it_and_two_caches_have_nothing_in_common() -> None:
    value = b"planted-4c5fe1@example.com"
    caches = TokenCache(10, 60), TokenCache(10, 60)
    digests = [cache.digests("D", 1, [value])[0] for cache in caches]
    assert digests[0] != digests[1]
    for cache in caches:
        put(cache, value)
        inside = gc.get_referents(cache._tokens)
        assert value not in inside
        assert str(value) not in str(inside)


def test_it_is_neither_pickled_nor_copied() -> None:
    cache = TokenCache(10, 60)
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            attempt(cache)
