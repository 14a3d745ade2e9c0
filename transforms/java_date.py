"""`java.util.Date` among values without a schema: an instant that is text to everybody who does not ask."""

from __future__ import annotations

from registry.schema.plain import instant_text


class JavaDate(str):
    """The text `2020-01-31T13:01:02.003Z`, which knows its instant in milliseconds."""

    millis: int

    @classmethod
    def at(cls, millis: int) -> JavaDate:
        """The date of an instant; raises `NotPlain` outside the years 1 to 9999."""
        date = cls(instant_text(millis, "millis") + "Z")
        date.millis = millis
        return date
