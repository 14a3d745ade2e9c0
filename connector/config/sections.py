"""The plain keys that need no more than their type checked, each with its default and meaning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Strict
from pydantic import Field as Option

from connector.config.reading import Section
from connector.policy import OnEcho, OnUnclassified, OnUncovered, OnUntagged
from transforms.transform import Boolean as LenientBoolean
from transforms.transform import Integer


def _is_printable(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("expected a text of printable characters that is not blank")
    return text


def _is_replication_factor(number: int) -> int:
    if number != -1 and not 1 <= number <= 32767:
        raise ValueError("expected 1 or more, or -1 for the broker's own default")
    return number


Text = Annotated[str, AfterValidator(_is_printable)]
Boolean = Annotated[LenientBoolean, Strict()]
"""Kafka's boolean: `true` or `false`, case ignored. Without Strict, pydantic would take `yes` and `1` as well."""


class Naming(Section):
    """What the connector is called; the service needs a name of its own."""

    name: Text = Option(default="connector", alias="name")


class Batch(Section):
    """How much is gathered before it is transformed and committed in one transaction; the first limit counts."""

    max_records: Integer = Option(default=10_000, alias="batch.max.records", ge=1)
    max_bytes: Integer = Option(default=16 * 1024 * 1024, alias="batch.max.bytes", ge=1)
    max_wait_ms: Integer = Option(default=100, alias="batch.max.wait.ms", ge=0)


class Refreshing(Section):
    """How often the tags of a bound schema are read again."""

    refresh_ms: Integer = Option(default=60_000, alias="registry.refresh.ms", ge=1)


class PolicyKeys(Section):
    """What follows from what coverage finds."""

    on_uncovered: OnUncovered = Option(default=OnUncovered.FAIL, alias="policy.on.uncovered")
    on_unclassified: OnUnclassified = Option(default=OnUnclassified.WARN, alias="policy.on.unclassified")
    on_untagged: OnUntagged = Option(default=OnUntagged.FAIL, alias="policy.on.untagged")
    on_echo: OnEcho = Option(default=OnEcho.REJECT, alias="policy.on.echo")


class DeadLetters(Section):
    """Where records go that are in error. Without a topic they are dropped, with a warning, as in Connect."""

    topic: Text | None = Option(default=None, alias="errors.deadletterqueue.topic.name")
    replication_factor: Annotated[Integer, AfterValidator(_is_replication_factor)] = Option(
        default=3, alias="errors.deadletterqueue.topic.replication.factor"
    )
    context_headers: Boolean = Option(default=True, alias="errors.deadletterqueue.context.headers.enable")
    value: Literal["none"] = Option(default="none", alias="errors.deadletterqueue.value")


class MappingKeys(Section):
    """Where the way back of tokens of mode=vault is kept."""

    topic: Text | None = Option(default=None, alias="mapping.topic")
    replication_factor: Annotated[Integer, AfterValidator(_is_replication_factor)] = Option(
        default=3, alias="mapping.topic.replication.factor"
    )


class Audit(Section):
    """Where it is recorded that tokens were resolved or subjects forgotten."""

    topic: Text | None = Option(default=None, alias="audit.topic")
    file: Text | None = Option(default=None, alias="audit.file")


class RecordErrors(Section):
    """What happens when a record is in error."""

    tolerance: Literal["none", "all"] = Option(default="none", alias="errors.tolerance")
    log: Boolean = Option(default=False, alias="errors.log.enable")


class Process(Section):
    """The processes of a connector, and what they are called."""

    group_id: Text | None = Option(default=None, alias="group.id")
    worker_id: Text | None = Option(default=None, alias="worker.id")
    tasks: Integer = Option(default=1, alias="tasks.max", ge=1, le=1000)


class GroupMembership(Section):
    """Consumer settings that the connector reads itself."""

    start_at: Literal["earliest", "latest", "error"] = Option(
        default="earliest", alias="consumer.override.auto.offset.reset"
    )
    protocol: Literal["classic", "consumer"] = Option(default="classic", alias="consumer.override.group.protocol")
