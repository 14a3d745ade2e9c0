"""Schemas, tags, wire format, codec, registry client."""
