"""Transit in batches: many items over few requests, a few of these at a time, answers in the order of the items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, NoReturn, TypeVar

AT_A_TIME: Final = 4
"""Requests of one client that are under way together."""

_STRINGS_IN_A_REQUEST: Final = 1000
"""Servers refuse a body with more strings than this, keys among them (`max_request_json_strings` of OpenBao)."""

Item = Mapping[str, str | int]
_Answer = TypeVar("_Answer")


class ItemRefused:
    """Stands for an item that Vault refuses, for itself alone. Says nothing of the item, nor of the reason."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<refused by Vault>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("there is only one of these")


REFUSED: Final = ItemRefused()


def cut(items: Sequence[Item], other_strings: int) -> list[Sequence[Item]]:
    """The items, in order, in as few parts as fit into a request each.

    ``other_strings`` counts the keys and texts that a request has besides its items. The items are all of one form.
    """
    if not items:
        return []
    strings = sum(1 + isinstance(value, str) for value in items[0].values())
    size = (_STRINGS_IN_A_REQUEST - other_strings) // strings
    return [items[start : start + size] for start in range(0, len(items), size)]


class Pool:
    """The threads that send a client's batches. Starts none before there is more than one part to send."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="vault-batch")

    def close(self) -> None:
        """Ends the threads, once they are through."""
        self._threads.shutdown(cancel_futures=True)

    def each(
        self, parts: Sequence[Sequence[Item]], send: Callable[[Sequence[Item]], Sequence[_Answer]]
    ) -> list[_Answer]:
        """What ``send`` gives for each item. The first part that fails makes the whole fail, once all are through."""
        if len(parts) <= 1:
            return [answer for part in parts for answer in send(part)]
        sent: list[Future[Sequence[_Answer]]] = [self._threads.submit(send, part) for part in parts]
        failures = [failure for each in sent if (failure := each.exception()) is not None]
        if failures:
            raise failures[0]
        return [answer for each in sent for answer in each.result()]
