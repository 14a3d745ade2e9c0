"""TimestampRouter: change the topic of records by their timestamp, in UTC. Kafka's own transform."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field as Option

from registry.schema.tree import Shape
from transforms.java_date_format import BadPattern, JavaDateFormat
from transforms.outcome import Code, Rejected, Unbindable
from transforms.transform import Bound, Context, Rows, RowStep, Text, Transform


class TimestampRouter(Transform):
    """Change the topic to one that names a time."""

    sides: ClassVar[bool] = False
    routes: ClassVar[bool] = True

    topic_format: Text = Option(
        default="${topic}-${timestamp}",
        alias="topic.format",
        description="The new topic; `${topic}` and `${timestamp}` stand for the old one and the formatted timestamp.",
    )
    timestamp_format: Text = Option(
        default="yyyyMMdd",
        alias="timestamp.format",
        description="A pattern in the syntax of Java's `SimpleDateFormat`. As in Kafka, one that cannot be read "
        "rejects records and is no configuration error.",
    )

    def bind(self, shape: Shape, context: Context) -> Bound:
        try:
            format_ = JavaDateFormat(self.timestamp_format)
        except BadPattern as problem:
            reason = f"transforms.{context.alias}.timestamp.format: {problem}"
            raise Unbindable(reason, code=Code.BAD_TIMESTAMP) from None

        def route(rows: Rows) -> dict[int, Rejected]:
            gone: dict[int, Rejected] = {}
            for row, timestamp in enumerate(rows.timestamps):
                if timestamp is None:
                    gone[row] = Rejected(Code.BAD_TIMESTAMP)
                else:
                    topic = self.topic_format.replace("${topic}", rows.topics[row])
                    rows.topics[row] = topic.replace("${timestamp}", format_.format(timestamp))
            return gone

        return Bound(shape, (RowStep(route, frozenset()),))
