"""IpPrefix: replace IP addresses by the network that they are in, `203.0.113.77` by `203.0.113.0/24`.

A network is shared by many, so it tells roughly where somebody is and not who.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any, ClassVar

from pydantic import Field as Option

from registry.schema.tree import Field, Guard, Shape
from transforms.outcome import Code, Rejected, Unbindable
from transforms.selecting import Selecting
from transforms.transform import Apply, Bound, Context, Integer


class IpPrefix(Selecting):
    """Replace the selected IP addresses by their networks; null stays null."""

    protecting: ClassVar[bool] = True

    ipv4: Integer = Option(default=24, ge=8, le=24, description="How many bits of an IPv4 address stay.")
    ipv6: Integer = Option(default=48, ge=16, le=64, description="How many bits of an IPv6 address stay.")

    def bind(self, shape: Shape, context: Context) -> Bound:
        def leaf(field: Field) -> tuple[Field, Apply]:
            if field.type.kind not in ("string", "any"):
                reason = f"transforms.{context.alias}: {field.origin} is {field.type.kind}, and addresses are strings"
                raise Unbindable(reason, code=Code.WRONG_TYPE, path=field.origin)
            return field, lambda values: [self._network(value) for value in values]

        return self.over(shape, context, leaf, guard=lambda _: Guard(context.alias, "IpPrefix"))

    def _network(self, value: Any) -> str | Rejected:
        if not isinstance(value, str):
            return Rejected(Code.WRONG_TYPE)
        try:
            address = ip_address(value)
        except ValueError:  # its text holds the value, so it ends here
            return Rejected(Code.WRONG_TYPE)
        bits = self.ipv4 if address.version == 4 else self.ipv6
        return str(ip_network((address.packed, bits), strict=False))
