"""Schemas as trees with tags: parsing, selecting, rewriting, printing, and values as plain JSON."""
