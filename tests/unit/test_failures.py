"""The table of failures: each error of Kafka has one remedy, which depends on what was asked."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from connector.failures import Call, Remedy, Setback, advice, refusal, remedy_for
from transforms.outcome import Code

ABORTABLE = {"txn_requires_abort": True}
RETRIABLE = {"retriable": True}
FATAL = {"fatal": True}


@pytest.mark.parametrize(
    ("call", "code", "marks", "remedy"),
    [
        # The transaction: retriable is called again, abortable is aborted and rewound, fatal costs the producer.
        (Call.INIT, KafkaError._TIMED_OUT, RETRIABLE, Remedy.RETRY),
        (Call.INIT, KafkaError._TRANSPORT, {}, Remedy.RETRY),
        (Call.INIT, KafkaError.COORDINATOR_NOT_AVAILABLE, {}, Remedy.RETRY),
        (Call.INIT, KafkaError._FENCED, FATAL, Remedy.NEW_PRODUCER),
        (Call.BEGIN, KafkaError._STATE, {}, Remedy.NEW_PRODUCER),
        (Call.PRODUCE, KafkaError._STATE, {}, Remedy.ABORT),
        (Call.PRODUCE, KafkaError._FENCED, FATAL, Remedy.NEW_PRODUCER),
        (Call.SEND_OFFSETS, KafkaError._TRANSPORT, RETRIABLE, Remedy.RETRY),
        (Call.SEND_OFFSETS, KafkaError.ILLEGAL_GENERATION, ABORTABLE, Remedy.ABORT),
        (Call.SEND_OFFSETS, KafkaError.REBALANCE_IN_PROGRESS, ABORTABLE, Remedy.ABORT),
        (Call.SEND_OFFSETS, KafkaError.INVALID_TXN_STATE, FATAL, Remedy.NEW_PRODUCER),
        (Call.SEND_OFFSETS, KafkaError._TIMED_OUT, {}, Remedy.NEW_PRODUCER),
        (Call.COMMIT, KafkaError._TIMED_OUT, RETRIABLE, Remedy.RETRY),
        (Call.ABORT, KafkaError._TIMED_OUT, RETRIABLE, Remedy.RETRY),
        (Call.ABORT, KafkaError.INVALID_TXN_STATE, FATAL, Remedy.NEW_PRODUCER),
        # A commit whose answer is anything but retriable is in doubt, also when librdkafka asks for an abort.
        (Call.COMMIT, KafkaError._TIMED_OUT, ABORTABLE, Remedy.NEW_PRODUCER),
        (Call.COMMIT, KafkaError._INCONSISTENT, ABORTABLE, Remedy.NEW_PRODUCER),
        (Call.COMMIT, KafkaError._STATE, {}, Remedy.NEW_PRODUCER),
        (Call.COMMIT, KafkaError._FENCED, FATAL, Remedy.NEW_PRODUCER),
        # A member that was thrown out starts again from the committed offsets.
        (Call.SEND_OFFSETS, KafkaError.UNKNOWN_MEMBER_ID, ABORTABLE, Remedy.NEW_CONSUMER),
        (Call.SEND_OFFSETS, KafkaError.FENCED_INSTANCE_ID, ABORTABLE, Remedy.NEW_CONSUMER),
        (Call.CONSUME, KafkaError._MAX_POLL_EXCEEDED, {}, Remedy.NEW_CONSUMER),
        (Call.CONSUME, KafkaError._FATAL, FATAL, Remedy.NEW_CONSUMER),
        (Call.SEEK, KafkaError._STATE, {}, Remedy.NEW_CONSUMER),
        # What a consumer gets over while it is polled, and what it does not.
        (Call.CONSUME, KafkaError._TRANSPORT, {}, Remedy.RETRY),
        (Call.CONSUME, KafkaError._ALL_BROKERS_DOWN, {}, Remedy.RETRY),
        (Call.CONSUME, KafkaError.UNKNOWN_TOPIC_OR_PART, {}, Remedy.RETRY),
        (Call.CONSUME, KafkaError.UNKNOWN, {}, Remedy.NEW_CONSUMER),
        (Call.COMMITTED, KafkaError.UNSTABLE_OFFSET_COMMIT, {}, Remedy.RETRY),
        # Going on would skip records.
        (Call.CONSUME, KafkaError._AUTO_OFFSET_RESET, {}, Remedy.STOP),
        (Call.CONSUME, KafkaError.OFFSET_OUT_OF_RANGE, {}, Remedy.STOP),
        (Call.CONSUME, KafkaError._BAD_MSG, {}, Remedy.STOP),
        (Call.CONSUME, KafkaError._BAD_COMPRESSION, {}, Remedy.STOP),
        # Nothing that this process can do helps.
        (Call.CONSUME, KafkaError.TOPIC_AUTHORIZATION_FAILED, {}, Remedy.STOP),
        (Call.SEND_OFFSETS, KafkaError.GROUP_AUTHORIZATION_FAILED, ABORTABLE, Remedy.STOP),
        (Call.INIT, KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, FATAL, Remedy.STOP),
        (Call.ADMIN, KafkaError.CLUSTER_AUTHORIZATION_FAILED, {}, Remedy.STOP),
        (Call.ADMIN, KafkaError.INVALID_REPLICATION_FACTOR, {}, Remedy.STOP),
        (Call.ADMIN, KafkaError._TIMED_OUT, {}, Remedy.RETRY),
    ],
)
def test_each_failure_has_one_remedy(call: Call, code: int, marks: dict[str, bool], remedy: Remedy) -> None:
    assert remedy_for(KafkaError(code, "", **marks), call) is remedy


@pytest.mark.parametrize(
    ("code", "passing"),
    [
        (KafkaError._MSG_TIMED_OUT, True),
        (KafkaError.NOT_ENOUGH_REPLICAS, True),
        # A leader that has just become one.
        (KafkaError.OFFSET_NOT_AVAILABLE, True),
        (KafkaError.FENCED_LEADER_EPOCH, True),
        (KafkaError.UNKNOWN_LEADER_EPOCH, True),
        (KafkaError.ILLEGAL_GENERATION, True),
        (KafkaError._FENCED, False),
        (KafkaError.INVALID_TXN_STATE, False),
    ],
)
def test_outages_and_rebalances_are_waited_for_and_never_counted_as_attempts(code: int, passing: bool) -> None:
    assert Setback(Remedy.NEW_PRODUCER, KafkaError(code), Call.COMMIT).passing is passing


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        (KafkaError.MSG_SIZE_TOO_LARGE, Code.TOO_LARGE),
        (KafkaError.INVALID_TIMESTAMP, Code.BAD_TIMESTAMP),
        (KafkaError.INVALID_RECORD, Code.SINK_REFUSED),
        (KafkaError.POLICY_VIOLATION, Code.SINK_REFUSED),
        (KafkaError._MSG_TIMED_OUT, None),
        (KafkaError.NOT_LEADER_FOR_PARTITION, None),
    ],
)
def test_a_refused_record_is_told_from_an_outage(code: int, refused: Code | None) -> None:
    assert refusal(KafkaError(code)) is refused


def test_a_setback_says_the_name_of_the_error_and_nothing_of_its_text() -> None:
    setback = Setback(Remedy.STOP, KafkaError(KafkaError._BAD_MSG, "of 4111111111111111"), Call.CONSUME)

    assert str(setback) == "consume: _BAD_MSG"
    assert "4111" not in repr(setback) + str(vars(setback))


def test_a_stop_says_what_the_user_can_do_about_it() -> None:
    assert "--reset-offsets" in advice(KafkaError._AUTO_OFFSET_RESET, "_AUTO_OFFSET_RESET")
    assert "worker.id" in advice(KafkaError.FENCED_INSTANCE_ID, "FENCED_INSTANCE_ID")
