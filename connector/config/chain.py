"""`transforms`, `transforms.<alias>.*`, `predicates`, `predicates.<alias>.*`, as in Kafka Connect."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from connector.config.errors import shown
from connector.config.options import Model
from connector.config.reading import Reading
from connector.config.types import read_types, type_name
from connector.plan import Link, undoing
from transforms.predicate import Predicate
from transforms.table import PREDICATES
from transforms.transform import Transform, split_list

Types = Mapping[str, type[Transform] | None]

_KAFKA = "org.apache.kafka.connect.transforms."
_SIDES = {"Key": "key", "Value": "value"}
_OF_EVERY_TRANSFORM = ("type", "predicate", "negate")


def read_chain(reading: Reading) -> tuple[Link, ...]:
    """The links in order, as far as they can be read."""
    reading.know("transforms.<alias>.*", "predicates.<alias>.*")
    transforms, predicates = read_aliases(reading, "transforms"), read_aliases(reading, "predicates")
    named = {alias: predicate for alias in predicates if (predicate := _predicate(reading, alias, predicates))}
    texts = {alias: reading.plain(f"transforms.{alias}.type") or "" for alias in transforms}
    types = read_types(reading, {alias: type_name(text)[0] for alias, text in texts.items()})
    links = [_link(reading, alias, transforms, types, named, predicates) for alias in transforms]
    chain = tuple(link for link in links if link is not None)
    if (pair := undoing(chain)) is not None:
        later, earlier = pair
        expected = (
            f"a key ring, domain or key.version other than transforms.{earlier.alias} has: it may give back what that "
            "was given"
        )
        reading.wrong(f"transforms.{later.alias}", expected)
    reading.unlisted("transforms")
    reading.unlisted("predicates")
    return chain


def read_aliases(reading: Reading, key: str) -> tuple[str, ...]:
    """A list of aliases. Options of aliases that are not in it are unknown keys."""
    aliases = tuple(split_list(reading.plain(key) or ""))
    if "" in aliases:
        reading.wrong(key, "a comma separated list of aliases without blank entries", reading.shown(key))
    elif len(set(aliases)) != len(aliases):
        reading.wrong(key, "a comma separated list that has no alias twice", reading.shown(key))
    return tuple(dict.fromkeys(alias for alias in aliases if alias))


def options_of(reading: Reading, family: str, alias: str, aliases: Collection[str]) -> list[str]:
    """The option names under an alias; an alias may have dots in it, and then the longer one owns the key."""
    prefix = f"{family}.{alias}."
    longer = tuple(f"{family}.{other}." for other in aliases if other.startswith(f"{alias}."))
    return [name for name in reading.names_under(prefix) if not (prefix + name).startswith(longer)]


def _link(
    reading: Reading,
    alias: str,
    aliases: Collection[str],
    types: Types,
    named: Mapping[str, Predicate],
    declared: Collection[str],
) -> Link | None:
    prefix = f"transforms.{alias}."
    options = _texts(reading, prefix, options_of(reading, "transforms", alias, aliases))
    predicate = options.pop("predicate", "").strip()
    negate = _negate(reading, prefix, options.pop("negate", None), has_predicate=bool(predicate))
    if predicate and predicate not in declared:
        reading.wrong(f"{prefix}predicate", _among("predicates", declared), shown(predicate))
    transform = _transform(reading, alias, options, types)
    if transform is None:
        return None
    return Link(alias, transform, named.get(predicate), negate)


def _texts(reading: Reading, prefix: str, names: Collection[str]) -> dict[str, str]:
    return {name: text for name in names if (text := reading.plain(prefix + name)) is not None}


def _negate(reading: Reading, prefix: str, text: str | None, *, has_predicate: bool) -> bool:
    key = f"{prefix}negate"
    if text is None:
        return False
    if not has_predicate:
        reading.wrong(key, f"{prefix}predicate to be given, which it would negate")
    if text.strip().lower() not in ("true", "false"):
        reading.wrong(key, "true or false", shown(text))
    # Kafka allows blanks around it, and then does not see that it is true.
    return text.lower() == "true"


def _transform(reading: Reading, alias: str, options: dict[str, str], types: Types) -> Transform | None:
    key = f"transforms.{alias}.type"
    name = options.pop("type", None)
    if name is None:
        if not reading.has(key):
            reading.wrong(key, _a_type("", types), "nothing")
        return None
    last, dollar, side = type_name(name)
    if last not in types:
        reading.wrong(key, _a_type(last, types), shown(name))
    model = types.get(last)
    if model is None:
        return None
    if dollar and (side not in _SIDES or not model.sides):
        reading.wrong(key, f"{last}$Key or {last}$Value" if model.sides else last, shown(name))
        return None
    if model.sides and not dollar and name.startswith(_KAFKA):
        reading.wrong(key, f"{name}$Key or {name}$Value: in Kafka the class without a side is abstract", shown(name))
        return None
    fixed = {"$side": _SIDES[side]} if dollar else {}
    return _model(reading, model, f"transforms.{alias}", options, fixed)


def _predicate(reading: Reading, alias: str, aliases: Collection[str]) -> Predicate | None:
    prefix = f"predicates.{alias}."
    options = _texts(reading, prefix, options_of(reading, "predicates", alias, aliases))
    name = options.pop("type", None)
    if name is None:
        if not reading.has(f"{prefix}type"):
            reading.wrong(f"{prefix}type", _a_type("", PREDICATES), "nothing")
        return None
    last = name.rpartition(".")[2]
    if last not in PREDICATES:
        reading.wrong(f"{prefix}type", _a_type(last, PREDICATES), shown(name))
        return None
    return _model(reading, PREDICATES[last], f"predicates.{alias}", options, {})


def _model(
    reading: Reading, model: type[Model], at: str, options: Mapping[str, str], fixed: Mapping[str, str]
) -> Model | None:
    others = [f"{at}.{name}" for name in _OF_EVERY_TRANSFORM]
    return reading.options(model, options, at=at, prefix=f"{at}.", fixed=fixed, also_known=others)


def _a_type(name: str, table: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, table, n=1, cutoff=0.75)
    return close[0] if close else f"one of the known types ({', '.join(sorted(table))})"


def _among(key: str, names: Collection[str]) -> str:
    return f"one of those under {key}: {', '.join(names)}" if names else f"an alias under {key}, which has none"
