"""Every transform and predicate, by the name that a configuration calls it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from transforms.hmac import Hmac
from transforms.mask_field import MaskField
from transforms.predicate import Predicate
from transforms.replace_field import ReplaceField
from transforms.transform import Transform

TRANSFORMS: Mapping[str, type[Transform]] = MappingProxyType(
    {
        "Hmac": Hmac,
        "MaskField": MaskField,
        "ReplaceField": ReplaceField,
    }
)

PREDICATES: Mapping[str, type[Predicate]] = MappingProxyType({})
