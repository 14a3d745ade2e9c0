"""The contract of a transform: options, bind, steps.

A transform's options *are* the transform: a frozen model whose aliases are Kafka Connect's option names. It is
bound once per shape, and binding answers with the shape that comes out and the steps that make it so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from pydantic import Field as Option

from registry.schema.paths import TagGlobs
from registry.schema.tree import Field, Shape
from registry.schema.walk import Walk
from transforms.keys import KeyRing, Transit
from transforms.outcome import Dropped, Rejected, Unbindable

Side = Literal["key", "value"]
Apply = Callable[[list[Any]], list[Any]]
"""Values in, as many values out in the same order; a value that cannot be transformed becomes `Rejected`."""


class Header(NamedTuple):
    """A record header: its bytes as they came, or the text that the chain wrote; `field` is then its place."""

    name: str
    value: bytes | str | None
    field: Field | None = None

    def wire(self) -> bytes | None:
        """What Kafka carries."""
        return self.value.encode() if isinstance(self.value, str) else self.value

    def __repr__(self) -> str:
        return f"<header {self.name}>"


@dataclass(frozen=True, slots=True, repr=False)
class Along:
    """A record of the mapping topic that goes along with a row: produced in the row's transaction, or not at all.

    `subjects` are the keyed digests of whose it is, one for each key that somebody may have forgotten it under.
    """

    key: bytes
    value: bytes
    subjects: tuple[bytes, ...]

    def __repr__(self) -> str:
        return "<record that goes along>"


@dataclass(slots=True)
class Rows:
    """Records of one plan, as lists of the same length. A row step changes the lists in place.

    `offsets` are those of the source; they may be left out where records have none. `along` is what steps have given
    each row to take with it: it ends with the row that is rejected or dropped.
    """

    keys: list[Any]
    values: list[Any]
    headers: list[list[Header]]
    topics: list[str]
    partitions: list[int | None]
    timestamps: list[int | None]
    offsets: list[int | None] = field(default_factory=list)
    along: list[tuple[Along, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.offsets:
            self.offsets = [None] * len(self.values)
        if not self.along:
            self.along = [()] * len(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def side(self, side: str) -> list[Any]:
        return self.keys if side == "key" else self.values

    def take(self, rows: Sequence[int]) -> Rows:
        """These rows alone, sharing their values."""
        return Rows(*([column[row] for row in rows] for column in self._columns()))

    def _columns(self) -> tuple[list[Any], ...]:
        records = (self.keys, self.values, self.headers, self.topics)
        return *records, self.partitions, self.timestamps, self.offsets, self.along

    def __repr__(self) -> str:
        return f"<{len(self)} rows>"


@dataclass(frozen=True, slots=True)
class ColumnStep:
    """Maps the values of one place. Nulls are left out unless `nulls`."""

    side: str
    walk: Walk
    apply: Apply
    nulls: bool = False

    @property
    def walks(self) -> tuple[Walk, ...]:
        """To every place that is looked at."""
        return (self.walk,)


Emit = Callable[[Any, Any], "tuple[Any, Along | None] | Rejected"]
"""What `apply` made of a value, and the value beside it (None where there is none): the value to write, and what goes
along with its row; or why the row is rejected."""


@dataclass(frozen=True, slots=True)
class EmittingStep:
    """Maps the values of one place as a column step does, and gives rows records that go along with them.

    `beside` leads to at most one value in each record, of the same side, which `emit` is shown; no walk: to none.
    """

    side: str
    walk: Walk
    apply: Apply
    emit: Emit
    beside: Walk | None = None

    @property
    def walks(self) -> tuple[Walk, ...]:
        """To every place that is looked at."""
        return (self.walk,) if self.beside is None else (self.walk, self.beside)


@dataclass(frozen=True, slots=True)
class RowStep:
    """Works on whole records. `apply` says which rows are rejected or dropped; the others it changed in place.

    `needs` are the sides whose whole value it reads or replaces.
    """

    apply: Callable[[Rows], Mapping[int, Rejected | Dropped] | None]
    needs: frozenset[str] = frozenset({"value"})


Step = ColumnStep | EmittingStep | RowStep


@dataclass(frozen=True, slots=True)
class Bound:
    """What binding gives: the shape that comes out, and the steps; none for a change of schema alone.

    `shape` None drops every record. `touched` are the origins of the places that the transform changes or drops,
    for explaining; `matched` is False where its selection finds nothing in this schema. `doubted` are sides that
    may hold null now, though the records had values.
    """

    shape: Shape | None
    steps: tuple[Step, ...] = ()
    touched: tuple[str, ...] = ()
    matched: bool = True
    doubted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Context:
    """What a transform may know when it binds, besides the shape.

    `topic` is the source topic; where the records are `routed`, theirs may be another by now. `transit` is None
    where no transform needs it, and where schemas alone are judged.
    """

    alias: str = "x"
    topic: str = ""
    sensitive: TagGlobs = field(default_factory=lambda: TagGlobs(["*"]))
    keys: Mapping[str, KeyRing] = field(default_factory=dict)
    routed: bool = False
    transit: Transit | None = None

    def domain(self, given: str | None, leaf: Field) -> str:
        """The domain of a leaf: the one configured, else its only sensitive tag. Raises `Unbindable`."""
        if given:
            return given
        tags = sorted(tag for tag in leaf.tags if self.sensitive.match([tag]))
        if len(tags) == 1:
            return tags[0]
        found = f"{len(tags)} sensitive tags ({', '.join(tags)})" if tags else "no sensitive tag"
        raise Unbindable(
            f"transforms.{self.alias}.domain: {leaf.origin or leaf.name} has {found}, so the domain must be given",
            path=leaf.origin,
        )


class Transform(BaseModel):
    """Options of one transform in a chain, and how it binds.

    `side` is picked by `$Key` or `$Value` in the type. A transform that reads or replaces whole values sets
    `whole`: it then binds to a shape in which every value lies under its name. `batched` says that one call for
    many values costs much less than many calls, `remote` that each call asks a server. `protecting`: its guards
    count. `sides`: it has a `$Key` and a `$Value` form; one that has not says in `reads` which values it looks at.
    `routes`: it may change the topic. `repeatable`: the same value always becomes the same, without anybody being
    asked, so that a schema's default may be transformed as well.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=False,
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
    )
    whole: ClassVar[bool] = False
    sides: ClassVar[bool] = True
    reads: ClassVar[frozenset[str]] = frozenset()
    routes: ClassVar[bool] = False
    protecting: ClassVar[bool] = False
    batched: ClassVar[bool] = False
    repeatable: ClassVar[bool] = False

    side: Side = Option(default="value", alias="$side", repr=False)

    @property
    def remote(self) -> bool:
        return False

    def bind(self, shape: Shape, context: Context) -> Bound:
        """Bind to a shape. Raises `Unbindable` where the transform cannot work for it."""
        raise NotImplementedError

    def key_ring(self) -> str | None:
        """The name of the key ring that the transform needs, if any."""
        return None

    def transit_key(self) -> str | None:
        """The name of the key that `Context.transit` must have for the transform, if any."""
        return None

    def selects_by_tags(self) -> bool:
        return False

    def routed(self, topic: str) -> str | None:
        """The topic that all records of this topic go to, None where that depends on the record."""
        return None if self.routes else topic

    def undoes(self, earlier: Transform) -> bool:
        """Whether it may give back what an earlier transform of the chain was given, and then protects nothing."""
        del earlier
        return False


def split_list(value: Any) -> Any:
    """Kafka's ConfigDef list: comma separated, blanks around entries left out, an empty text no entry."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",")] if value.strip() else []


def _some(values: Sequence[str]) -> Sequence[str]:
    if not values:
        raise ValueError("expected at least one entry")
    return values


def _not_empty(value: str) -> str:
    if not value:
        raise ValueError("expected a text that is not empty")
    return value


def _distinct(values: Sequence[str]) -> Sequence[str]:
    if any(not value for value in values):
        raise ValueError("has a blank entry")
    if len(set(values)) != len(values):
        raise ValueError("has the same entry twice")
    return values


def _boolean(value: Any) -> Any:
    """Kafka's ConfigDef boolean: `true` or `false`, case ignored, blanks around left out."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower(), value)
    return value


def trimmed(value: Any) -> Any:
    """Kafka's ConfigDef string: blanks around it are left out."""
    return value.strip() if isinstance(value, str) else value


def _integer(value: Any) -> Any:
    """Kafka's ConfigDef int: decimal text, blanks around left out."""
    return int(value) if isinstance(value, str) and value.strip().lstrip("+-").isdigit() else value


Text = Annotated[str, BeforeValidator(trimmed)]
NonEmptyText = Annotated[Text, AfterValidator(_not_empty)]
TextList = Annotated[tuple[str, ...], BeforeValidator(split_list)]
DistinctList = Annotated[tuple[str, ...], BeforeValidator(lambda v: _distinct(split_list(v)))]
Boolean = Annotated[bool, BeforeValidator(_boolean)]
NonEmptyList = Annotated[TextList, AfterValidator(_some)]
NonEmptyDistinctList = Annotated[DistinctList, AfterValidator(_some)]
Integer = Annotated[int, BeforeValidator(_integer)]
Int32 = Annotated[Integer, Option(ge=-(2**31), le=2**31 - 1)]
