"""One side of a record, key or value: from payloads to what a plan runs on, and back.

What no step touches passes as the bytes that it came in; an Avro payload is still decoded once, so that a
malformed one is found here and not by whoever reads the sink.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.converters import CONVERTERS
from connector.plan import Plan
from connector.publishing import published
from connector.record import Failure, Outcome
from connector.subjects import SinkSchema, Subjects
from connector.typed_payloads import Nothing, Optional, writer_for
from registry.avro_codec import AvroReader, AvroWriter, Opaque, opaque_leaves
from registry.codec import Encoded, Reader, Writer
from registry.registered import Reference
from registry.schema.paths import TagGlobs
from registry.schema.printer import UNNAMED, print_schema
from registry.schema.tree import NAMED, Field
from registry.schema.walk import Walk
from registry.wire import BY_ID, PREFIX_LENGTH, Framing
from transforms.outcome import Code
from transforms.transform import RowStep

_SOME_PREFIX = bytes(PREFIX_LENGTH)


@dataclass(frozen=True, slots=True)
class Original:
    """A source schema as the registry has it, for a sink whose records are not changed, and how its payloads come."""

    text: str
    references: tuple[Reference, ...] = ()
    metadata: Mapping[str, Any] | None = None
    framing: Framing = BY_ID


@dataclass(slots=True)
class Output:
    """How a side leaves at one end of the plan. `schema` None means no schema; `writer` None: as it came."""

    schema: SinkSchema | None
    writer: Writer | None


class Side:
    """Reads and writes one side of the records of a route."""

    def __init__(
        self,
        name: str,
        root: Field,
        converter: str,
        *,
        subjects: Subjects | None,
        sensitive: TagGlobs,
        tags_property: str,
        original: Original | None = None,
    ) -> None:
        self._name = name
        self._root = root
        self._converter = converter
        self._subjects = subjects
        self._sensitive = sensitive
        self._tags_property = tags_property
        self._original = original
        self._decodes = False
        self._touched = False
        self._opaque: Opaque = frozenset()
        self._reader: Reader | None = None
        self._outputs: dict[int, Output] = {}

    def bind(self, plan: Plan, watched: Sequence[Walk]) -> None:
        """Prepare for a plan. `watched` are places that are read besides those of its steps."""
        self._touched = plan.touches(self._name)
        changes = any(not self.passes(end) for end in plan.ends())
        self._decodes = bool(watched) or changes or self._original is not None
        if self._original is None:
            self._reader = CONVERTERS.get(self._converter)
        else:
            steps = [s for s in plan.steps() if not isinstance(s, RowStep) and s.side == self._name]
            walks = [walk for step in steps for walk in step.walks]
            whole = plan.reads_whole(self._name)
            self._opaque = frozenset() if whole else opaque_leaves(self._root, [*walks, *watched])
            self._reader = AvroReader(self._root, self._opaque)

    def passes(self, end: Plan) -> bool:
        """Whether the bytes of this side come out as they went in."""
        return not self._touched and end.shape is not None and end.shape.side(self._name) is self._root

    def decode(self, payloads: Sequence[bytes | None], outcomes: list[Outcome | None]) -> list[Any]:
        """The records of this side; where a payload cannot be read, its outcome is set."""
        if self._root.type.kind == "null" or not self._decodes or self._reader is None:
            return list(payloads)
        payloads = self._framed(payloads)
        if None not in payloads:
            return self._decoded(payloads, range(len(payloads)), outcomes)  # type: ignore[arg-type]  # no None
        present = [row for row, payload in enumerate(payloads) if payload is not None]
        records: list[Any] = [None] * len(payloads)
        some = self._decoded([payloads[row] or b"" for row in present], present, outcomes)
        for row, record in zip(present, some, strict=True):
            records[row] = record
        return records

    def _framed(self, payloads: Sequence[bytes | None]) -> Sequence[bytes | None]:
        """As a reader wants them: with a prefix of five bytes, whatever was there in its place."""
        if self._original is None or self._original.framing == BY_ID:
            return payloads
        body = self._original.framing.body
        return [None if payload is None else _SOME_PREFIX + body(payload) for payload in payloads]

    def _decoded(self, payloads: Sequence[bytes], where: Sequence[int], outcomes: list[Outcome | None]) -> list[Any]:
        assert self._reader is not None  # noqa: S101 - `decode` looked
        records, bad = self._reader.decode(payloads)
        for row, error in bad.items():
            outcomes[where[row]] = Failure(Code.MALFORMED, f"{self._name}.converter", error=error)
        return records

    def encode(
        self, end: Plan, topic: str, records: Sequence[Any], came: Sequence[bytes | None], where: Sequence[int]
    ) -> Encoded:
        """Payloads for records that ended here, bound for one sink topic. `came[where[row]]` is what a row was.

        Raises what `Subjects.prefix` raises where the sink's schema is not known yet.
        """
        prefix = self.prefix(end, topic)
        output = self._outputs[id(end)]
        if output.writer is not None:
            return output.writer.encode(records, prefix)
        payloads = [came[row] for row in where]
        if self._original is None:
            return Encoded(payloads, {})
        body = self._original.framing.body
        return Encoded([None if own is None else prefix + body(own) for own in payloads], {})

    def prefix(self, end: Plan, topic: str) -> bytes:
        """What goes before the payloads that end here: the sink's schema is in the registry by then."""
        if id(end) not in self._outputs:
            self._outputs[id(end)] = self._output(end)
        schema = self._outputs[id(end)].schema
        if schema is None or self._subjects is None:
            return b""
        return self._subjects.prefix(topic, self._name, schema)

    def _output(self, end: Plan) -> Output:
        assert end.shape is not None  # noqa: S101 - records only end in a shape
        root = end.shape.side(self._name)
        if root.type.kind == "null":
            return Output(None, None if self._root.type.kind == "null" else Nothing())
        if self.passes(end):
            return Output(self._unchanged(root), None)
        if self._converter != "avro" or root.type.kind == "any":
            return Output(None, Optional(writer_for(root, self._converter)))
        text = print_schema(published(root, self._sensitive), self._tags_property)
        writer = AvroWriter(root, self._opaque)
        return Output(SinkSchema(text, name=name_of(root)), writer if root.null is None else Optional(writer))

    def _unchanged(self, root: Field) -> SinkSchema | None:
        """The source's schema, with the references that its text makes; a changed one has everything in its text."""
        original = self._original
        if original is None:
            return None
        return SinkSchema(original.text, original.references, original.metadata, name_of(root))


def name_of(root: Field) -> str | None:
    """The full name of a side's type, where it has one and is not a union."""
    if root.type.kind not in NAMED or root.null is not None:
        return None
    return str(root.type.attrs.get("name") or UNNAMED)
