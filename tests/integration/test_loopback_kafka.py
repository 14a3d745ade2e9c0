"""The broker on loopback is a real Kafka: transactions hold, and data outlive an outage."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from connector.loopback.errors import LoopbackError
from connector.loopback.kafka import Broker
from tests.integration.clients import commit_values, create_topic, read_committed, transactional_producer
from tests.integration.conftest import TopicFactory


def test_a_committed_transaction_is_read_back_in_order(broker: Broker, topic: TopicFactory) -> None:
    name = topic(partitions=2)
    commit_values(broker.bootstrap_servers, name, [b"a", b"b"], partition=0)
    commit_values(broker.bootstrap_servers, name, [b"c"], partition=1)

    records = read_committed(broker.bootstrap_servers, name)

    assert [r.value() for r in records if r.partition() == 0] == [b"a", b"b"]
    assert [r.value() for r in records if r.partition() == 1] == [b"c"]


def test_an_aborted_transaction_is_never_read(broker: Broker, topic: TopicFactory) -> None:
    name = topic()
    producer = transactional_producer(broker.bootstrap_servers)
    producer.begin_transaction()
    producer.produce(name, value=b"aborted")
    producer.flush()
    producer.abort_transaction()
    commit_values(broker.bootstrap_servers, name, [b"committed"])

    assert [r.value() for r in read_committed(broker.bootstrap_servers, name)] == [b"committed"]


def test_a_second_producer_of_one_transactional_id_fences_the_first(broker: Broker, topic: TopicFactory) -> None:
    name = topic()
    config = {"bootstrap.servers": broker.bootstrap_servers, "transactional.id": f"{name}-writer"}
    first, second = Producer(config), Producer(config)
    first.init_transactions(30)
    second.init_transactions(30)

    first.begin_transaction()
    first.produce(name, value=b"from the fenced one")
    with pytest.raises(KafkaException) as refused:
        first.commit_transaction(30)

    assert refused.value.args[0].fatal()
    assert read_committed(broker.bootstrap_servers, name) == []


def test_a_topic_that_nobody_created_does_not_appear(broker: Broker) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "topic.metadata.propagation.max.ms": 0})
    outcomes: list[KafkaError | None] = []
    producer.produce("never-created", value=b"x", on_delivery=lambda error, _: outcomes.append(error))
    producer.flush(30)

    assert [error is not None for error in outcomes] == [True]
    assert "never-created" not in producer.list_topics(timeout=30).topics


def test_data_and_address_outlive_a_restart_and_a_crash() -> None:
    with Broker() as own:
        address = own.bootstrap_servers
        name = create_topic(address)
        commit_values(address, name, [b"before"])

        own.restart()
        commit_values(address, name, [b"after the restart"])

        own.kill()
        own.start()
        commit_values(address, name, [b"after the crash"])

        assert own.bootstrap_servers == address
        values = [record.value() for record in read_committed(address, name)]
        assert values == [b"before", b"after the restart", b"after the crash"]


def test_a_broker_that_cannot_start_says_why_and_leaves_nothing_running() -> None:
    broken = Broker({"transaction.state.log.num.partitions": "none"})

    with pytest.raises(LoopbackError, match=r"transaction\.state\.log\.num\.partitions"):
        broken.start()

    assert broken._process is None
