"""Options as pydantic models, with errors in the user's words.

Pydantic's own errors hold the input and speak of Python: they end here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from connector.config.errors import ConfigError, shown

Model = TypeVar("Model", bound=BaseModel)

_SECRET = re.compile(r"password|passphrase|secret|token|user\.?info|jaas|credential|private|\bpem\b", re.IGNORECASE)


def is_secret(option: str) -> bool:
    """Whether the name of an option says that its value is a secret."""
    return _SECRET.search(option) is not None


def option_names(model: type[BaseModel]) -> frozenset[str]:
    """The options of a model, as a configuration spells them; without those that it cannot set (`$side`)."""
    names = (field.alias or name for name, field in model.model_fields.items())
    return frozenset(name for name in names if not name.startswith("$"))


def read_options(
    model: type[Model],
    options: Mapping[str, str],
    *,
    at: str,
    prefix: str,
    fixed: Mapping[str, Any] | None = None,
    also_known: Collection[str] = (),
    plain: bool = True,
) -> Model | list[ConfigError]:
    """A model of these options, or what is wrong with them.

    `prefix` is what stands before an option in the configuration, `at` the key for errors of several options
    together; `fixed` are options that the configuration cannot set, `also_known` keys that may have been meant by a
    misspelt option. Values of options are shown only if `plain`.
    """
    settable = {name: text for name, text in options.items() if not name.startswith("$")}
    errors = [unknown_key(prefix + name, ()) for name in options if name.startswith("$")]
    try:
        result = model.model_validate({**settable, **(fixed or {})})
    except ValidationError as failure:
        details = failure.errors(include_url=False, include_input=False)
    else:
        return errors or result

    def error(detail: ErrorDetails) -> ConfigError:
        if not detail["loc"]:
            return ConfigError(at, _together(detail))
        option = str(detail["loc"][0])
        if detail["type"] == "extra_forbidden":
            return unknown_key(prefix + option, [*also_known, *(prefix + name for name in option_names(model))])
        return ConfigError(prefix + option, _expected(detail), _found(option, settable, plain))

    return errors + [error(detail) for detail in details]


def unknown_key(key: str, known: Iterable[str]) -> ConfigError:
    """The error at a key that nothing knows. Its value is not shown: it may be a secret with a misspelt name."""
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.75)
    suggestion = f", perhaps {close[0]}" if close else ""
    return ConfigError(key, f"a key that Streamveil knows{suggestion}", "an unknown key")


def _found(option: str, options: Mapping[str, str], plain: bool) -> str | None:
    if option not in options:
        return "nothing"
    return shown(options[option]) if plain and not is_secret(option) else None


def _together(detail: ErrorDetails) -> str:
    text = _message(detail)
    return text.removeprefix("expected ") if text.startswith("expected ") else f"options that fit together: {text}"


def _expected(detail: ErrorDetails) -> str:
    words = _WORDS.get(detail["type"])
    if words is not None:
        return words(detail.get("ctx", {}))
    text = _message(detail)
    return text.removeprefix("expected ") if text.startswith("expected ") else f"another value: {text}"


def _message(detail: ErrorDetails) -> str:
    """What a validator of ours says; what pydantic says of anything else."""
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    return detail["msg"]


def _one_of(context: Mapping[str, Any]) -> str:
    choices = str(context["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
    return f'"{choices[0]}"' if len(choices) == 1 else f"one of {', '.join(choices)}"


def _longer(context: Mapping[str, Any]) -> str:
    return "a text that is not empty" if context["min_length"] == 1 else f"{context['min_length']} characters or more"


def _whole_number(_context: Mapping[str, Any]) -> str:
    return "a whole number"


def _true_or_false(_context: Mapping[str, Any]) -> str:
    return "true or false"


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda _: "a value, because it has no default",
    "literal_error": _one_of,
    "enum": _one_of,
    "string_too_short": _longer,
    "string_too_long": lambda context: f"{context['max_length']} characters or fewer",
    "int_type": _whole_number,
    "int_parsing": _whole_number,
    "int_parsing_size": _whole_number,
    "int_from_float": _whole_number,
    "bool_type": _true_or_false,
    "bool_parsing": _true_or_false,
    "greater_than_equal": lambda context: f"{context['ge']} or more",
    "greater_than": lambda context: f"more than {context['gt']}",
    "less_than_equal": lambda context: f"{context['le']} or less",
    "less_than": lambda context: f"less than {context['lt']}",
    "multiple_of": lambda context: f"a multiple of {context['multiple_of']}",
}
