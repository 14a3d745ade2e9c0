"""Every failure of Kafka has one remedy, and it is decided here.

librdkafka marks a producer's errors as retriable, as requiring an abort, or as fatal; the marks decide where they can
be trusted, and error codes decide the rest. Two rules come before the marks:

- What `commit_transaction` answers, unless it is retriable, leaves the commit *in doubt*: librdkafka also asks for an
  abort when the answer to a commit that was sent has not come in time. A new producer with the same transactional id
  settles it, because `init_transactions` completes what was prepared (KIP-98), and then the committed offsets tell.
- A consumer's error that is not known to pass by itself costs the consumer, because a new one starts again from the
  committed offsets, which is always right.
"""

from __future__ import annotations

from enum import Enum, auto

from confluent_kafka import KafkaError

from transforms.outcome import Code


class Call(Enum):
    """What was asked of Kafka when it failed."""

    CONSUME = auto()
    SEEK = auto()
    COMMITTED = auto()
    INIT = auto()
    BEGIN = auto()
    PRODUCE = auto()
    SEND_OFFSETS = auto()
    COMMIT = auto()
    ABORT = auto()
    ADMIN = auto()
    SCAN = auto()


class Remedy(Enum):
    """What to do about a failure of Kafka."""

    RETRY = auto()
    """Call the same function again; a consumer: go on polling."""
    ABORT = auto()
    """Abort the transaction and rewind to the first offsets of the batch."""
    NEW_PRODUCER = auto()
    """A new producer with the same transactional id; then the committed offsets say whether the batch went through."""
    NEW_CONSUMER = auto()
    """Abort, drop the batch, and join the group anew from the committed offsets."""
    STOP = auto()
    """Exit with a status that is not 0: nothing that this process can do helps."""


class Setback(Exception):
    """A call to Kafka failed for good, and what to do about it. Holds the error's code, never its text.

    `passing`: an outage or a rebalance, which is waited for without limit and never counted as an attempt. `fenced`:
    another member took over this one's place in the group.
    """

    def __init__(self, remedy: Remedy, error: KafkaError, call: Call) -> None:
        super().__init__(f"{call.name.lower()}: {error.name()}")
        self.remedy = remedy
        self.code = error.code()
        self.name = error.name()
        self.passing = error.code() in _OUTAGES or error.code() in _REBALANCES
        self.fenced = call in _MEMBER_CALLS and error.code() in _FENCED_MEMBER


# Waiting helps: a broker, a coordinator or the network is away, or is busy with a change of leader.
_OUTAGES = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._MSG_TIMED_OUT,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._TRANSPORT,
        KafkaError._WAIT_CACHE,
        KafkaError._WAIT_COORD,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.CONCURRENT_TRANSACTIONS,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.NOT_COORDINATOR,
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.THROTTLING_QUOTA_EXCEEDED,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.UNSTABLE_OFFSET_COMMIT,
    }
)
# What a consumer also reports and gets over by itself while it is polled.
_PASSING = _OUTAGES | {
    KafkaError._PARTITION_EOF,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
}
# Another member took this one's instance id. After an outage it may have been this same member, which librdkafka lets
# join anew without its old id: so it is worth one more try. A consumer says no more than that its error is fatal.
_FENCED_MEMBER = frozenset({KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID, KafkaError.UNRELEASED_INSTANCE_ID})
# The group is changing: the next poll takes part in it.
_REBALANCES = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.STALE_MEMBER_EPOCH,
        KafkaError.UNKNOWN_MEMBER_ID,
    }
)
_MEMBERSHIP_GONE = frozenset({KafkaError._MAX_POLL_EXCEEDED, KafkaError.UNKNOWN_MEMBER_ID}) | _FENCED_MEMBER
_USELESS_TO_REPEAT = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError._INVALID_ARG,
        KafkaError._SSL,
        KafkaError._UNSUPPORTED_FEATURE,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.GROUP_MAX_SIZE_REACHED,
        KafkaError.INCONSISTENT_GROUP_PROTOCOL,
        KafkaError.INVALID_SESSION_TIMEOUT,
        KafkaError.INVALID_TRANSACTION_TIMEOUT,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT,
        KafkaError.UNSUPPORTED_VERSION,
    }
)
# Going on would skip records: librdkafka passes over what it cannot read.
_UNREADABLE = frozenset(
    {
        KafkaError._AUTO_OFFSET_RESET,
        KafkaError._BAD_COMPRESSION,
        KafkaError._BAD_MSG,
        KafkaError._LOG_TRUNCATION,
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.OFFSET_OUT_OF_RANGE,
    }
)
# A broker refuses a whole batch of records for the sake of one.
_REFUSALS = {
    KafkaError.INVALID_RECORD: Code.SINK_REFUSED,
    KafkaError.INVALID_TIMESTAMP: Code.BAD_TIMESTAMP,
    KafkaError.MSG_SIZE_TOO_LARGE: Code.TOO_LARGE,
    KafkaError.POLICY_VIOLATION: Code.SINK_REFUSED,
    KafkaError.RECORD_LIST_TOO_LARGE: Code.TOO_LARGE,
}
_CONSUMER_CALLS = frozenset({Call.CONSUME, Call.SEEK, Call.COMMITTED})
_MEMBER_CALLS = _CONSUMER_CALLS | {Call.SEND_OFFSETS}
_BEFORE_COMMIT = frozenset({Call.PRODUCE, Call.SEND_OFFSETS, Call.SCAN})

_IN_USE = "another live process uses this worker.id"
_ADVICE = {
    KafkaError._AUTO_OFFSET_RESET: "the offset to go on from is not in the topic: records were deleted before they "
    "were read, or the topic was made anew. Set the group's offsets (kafka-consumer-groups --reset-offsets)",
    KafkaError._FATAL: _IN_USE,
    KafkaError._FENCED: _IN_USE,
    KafkaError.FENCED_INSTANCE_ID: _IN_USE,
    KafkaError.UNRELEASED_INSTANCE_ID: _IN_USE,
}
_ADVICE[KafkaError.OFFSET_OUT_OF_RANGE] = _ADVICE[KafkaError._AUTO_OFFSET_RESET]


def remedy_for(error: KafkaError, call: Call) -> Remedy:
    """What to do when `call` failed with `error`."""
    code = error.code()
    if code in _USELESS_TO_REPEAT:
        return Remedy.STOP
    if call in _MEMBER_CALLS and code in _MEMBERSHIP_GONE:
        return Remedy.NEW_CONSUMER
    if call in _CONSUMER_CALLS:
        return _consumer_remedy(error, call)
    if error.retriable() or (call in (Call.INIT, Call.ADMIN) and is_outage(error)):
        return Remedy.RETRY
    if call in _BEFORE_COMMIT and not error.fatal() and _leaves_abortable(error, call):
        return Remedy.ABORT
    return Remedy.STOP if call is Call.ADMIN else Remedy.NEW_PRODUCER


def _consumer_remedy(error: KafkaError, call: Call) -> Remedy:
    code = error.code()
    if code in _UNREADABLE:
        return Remedy.STOP
    passes = code in _PASSING and call is not Call.SEEK
    return Remedy.RETRY if passes else Remedy.NEW_CONSUMER


def _leaves_abortable(error: KafkaError, call: Call) -> bool:
    # A transaction that failed in the background refuses to take more records, with no mark at all (_STATE).
    # A scan is no part of it.
    return call in (Call.PRODUCE, Call.SCAN) or error.txn_requires_abort()


def is_outage(error: KafkaError) -> bool:
    """Whether Kafka is away for a time, and waiting helps."""
    return error.code() in _OUTAGES


def refusal(error: KafkaError) -> Code | None:
    """The code of the record error when a broker, or librdkafka, takes exception to a record itself."""
    return _REFUSALS.get(error.code())


def advice(code: int, name: str) -> str:
    """What a user can do about an error that stops the connector. No text of the error itself."""
    known = _ADVICE.get(code)
    return f"Kafka says {name}: {known}" if known else f"Kafka says {name}"
