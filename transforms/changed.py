"""What a schema says of a leaf whose value a transform changes: its default, and how it was protected before."""

from __future__ import annotations

import math
from typing import Any

from registry.schema.defaults import default_value
from registry.schema.tree import LINEAGE, Field
from transforms.outcome import Rejected
from transforms.transform import Apply


def without_default(field: Field) -> Field:
    """A default of the old value is none of the new; null still is."""
    if field.attrs.get("default") is None:
        return field
    if field.null == 0:
        return field.but(attrs={**field.attrs, "default": None}, protected_default=False)
    return field.without_attrs("default").but(protected_default=False)


def with_protected_default(old: Field, new: Field, apply: Apply) -> Field:
    """The new leaf with the old one's default as `apply` transforms it; with none where that is no value any more."""
    default = _transformed(old, apply)
    as_json: str | float
    match new.type.kind, default:
        case (("string" | "int" | "long" | "boolean"), str() | int()):
            as_json = default
        case (("float" | "double"), float()) if math.isfinite(default):  # JSON has no other numbers
            as_json = default
        case (("bytes" | "fixed"), bytes()):
            as_json = default.decode("iso-8859-1")
        case _:
            return without_default(new)
    return new.but(attrs={**new.attrs, "default": as_json}, protected_default=True)


def _transformed(old: Field, apply: Apply) -> Any:
    try:
        before = default_value(old)(old.attrs["default"])
        (default,) = apply([before])
        if before and default == before:
            return None
    except Exception:  # a default that is none of its type; the error's text may hold it
        return None
    return None if isinstance(default, Rejected) else default


def without_lineage(field: Field) -> Field:
    """What was said of the old value does not hold for the new one."""
    if not any(name.startswith(LINEAGE) for name in field.attrs):
        return field
    return field.but(attrs={name: fact for name, fact in field.attrs.items() if not name.startswith(LINEAGE)})
