"""Every transform and predicate, by the name that a configuration calls it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from transforms.cast import Cast
from transforms.detokenize import Detokenize
from transforms.drop_headers import DropHeaders
from transforms.extract_field import ExtractField
from transforms.filter import Filter
from transforms.flatten import Flatten
from transforms.fpe import Fpe, FpeDecrypt
from transforms.has_header_key import HasHeaderKey
from transforms.header_from import HeaderFrom
from transforms.hmac import Hmac
from transforms.hoist_field import HoistField
from transforms.insert_field import InsertField
from transforms.insert_header import InsertHeader
from transforms.mask_field import MaskField
from transforms.predicate import Predicate
from transforms.record_is_tombstone import RecordIsTombstone
from transforms.regex_router import RegexRouter
from transforms.replace_field import ReplaceField
from transforms.set_schema_metadata import SetSchemaMetadata
from transforms.timestamp_converter import TimestampConverter
from transforms.timestamp_router import TimestampRouter
from transforms.tokenize import Tokenize
from transforms.topic_name_matches import TopicNameMatches
from transforms.transform import Transform
from transforms.value_to_key import ValueToKey

TRANSFORMS: Mapping[str, type[Transform]] = MappingProxyType(
    {
        "Cast": Cast,
        "Detokenize": Detokenize,
        "DropHeaders": DropHeaders,
        "ExtractField": ExtractField,
        "Filter": Filter,
        "Flatten": Flatten,
        "Fpe": Fpe,
        "FpeDecrypt": FpeDecrypt,
        "HeaderFrom": HeaderFrom,
        "Hmac": Hmac,
        "HoistField": HoistField,
        "InsertField": InsertField,
        "InsertHeader": InsertHeader,
        "MaskField": MaskField,
        "RegexRouter": RegexRouter,
        "ReplaceField": ReplaceField,
        "SetSchemaMetadata": SetSchemaMetadata,
        "TimestampConverter": TimestampConverter,
        "TimestampRouter": TimestampRouter,
        "Tokenize": Tokenize,
        "ValueToKey": ValueToKey,
    }
)

PREDICATES: Mapping[str, type[Predicate]] = MappingProxyType(
    {
        "HasHeaderKey": HasHeaderKey,
        "RecordIsTombstone": RecordIsTombstone,
        "TopicNameMatches": TopicNameMatches,
    }
)
