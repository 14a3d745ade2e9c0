"""The JSON that the registry answers with, checked before it is used."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from registry.errors import RegistryProtocolError
from registry.registered import AVRO

_Answer = TypeVar("_Answer")


class _Lenient(BaseModel):
    """Registries of several vendors and ages answer: what we do not know is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class ReferenceAnswer(_Lenient):
    name: str
    subject: str
    version: int


class SchemaAnswer(_Lenient):
    """``GET /schemas/ids/{id}``. What is left out or null stands for Avro, and for none."""

    text: str = Field(alias="schema")
    schema_type: Annotated[str, BeforeValidator(lambda given: given or AVRO)] = Field(AVRO, alias="schemaType")
    references: Annotated[list[ReferenceAnswer], BeforeValidator(lambda given: given or [])] = []
    metadata: dict[str, Any] | None = None
    rule_set: dict[str, Any] | None = Field(None, alias="ruleSet")


class GuidAnswer(SchemaAnswer):
    """``GET /schemas/guids/{guid}``. Most registries leave the id out."""

    id: int | None = None


class ContextIdAnswer(_Lenient):
    """One of ``GET /schemas/guids/{guid}/ids``: the id that a GUID has in a context; ``.`` is the default one."""

    context: str = "."
    id: int


class VersionAnswer(SchemaAnswer):
    """``GET /subjects/{subject}/versions/{version}`` and ``POST /subjects/{subject}``."""

    id: int
    version: int


class SubjectVersionAnswer(_Lenient):
    subject: str
    version: int


class RegisteredAnswer(_Lenient):
    id: int


SCHEMA: Final = TypeAdapter(SchemaAnswer)
VERSION: Final = TypeAdapter(VersionAnswer)
BY_GUID: Final = TypeAdapter(GuidAnswer)
CONTEXT_IDS: Final = TypeAdapter(list[ContextIdAnswer])
VERSION_NUMBERS: Final = TypeAdapter(list[int])
SUBJECT_NAMES: Final = TypeAdapter(list[str])
SUBJECT_VERSIONS: Final = TypeAdapter(list[SubjectVersionAnswer])
REGISTERED: Final = TypeAdapter(RegisteredAnswer)


def checked(shape: TypeAdapter[_Answer], answer: Any) -> _Answer:
    """The answer in its shape. Raises `RegistryProtocolError`, which names the places that do not fit."""
    try:
        return shape.validate_python(answer)
    except ValidationError as failure:  # holds the answer: it must not become a context
        places = ", ".join(".".join(map(str, error["loc"])) or "the answer" for error in failure.errors())
    raise RegistryProtocolError(f"the schema registry's answer has an unexpected shape at: {places}")
