"""What leaves the package when a call fails: an error of `vault.errors` with nothing behind it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from vault.errors import VaultError, VaultProtocolError

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def bare(method: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """A method whose errors leave without context, cause and the frames inside it, which hold tokens and values.

    An exception that is not of `vault.errors` is a fault of ours; as it may hold anything, only its class is named.
    """

    @functools.wraps(method)
    def call(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        error: VaultError
        try:
            return method(*args, **kwargs)
        except VaultError as failure:
            failure.__context__ = failure.__cause__ = None
            error = failure.with_traceback(None)
        except Exception as failure:
            error = VaultProtocolError(f"an unforeseen {type(failure).__name__} in {method.__name__}")
        del args, kwargs
        raise error

    return call
