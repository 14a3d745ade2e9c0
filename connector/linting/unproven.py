"""What coverage would not catch: protection that a slip could switch off without any refusal."""

from __future__ import annotations

from collections.abc import Iterator

from connector.linting.overlap import cover
from connector.linting.remark import Remark, Subject, key_of
from transforms.mask_field import MaskField
from transforms.selecting import Selecting


def not_demanded(subject: Subject) -> Iterator[Remark]:
    """`tag-not-sensitive`: a transform protects a tag that `tags.sensitive` does not ask to be protected."""
    for link in subject.links:
        transform = link.transform
        if isinstance(transform, Selecting) and transform.protecting:
            for glob in transform.tags:
                if not any(cover(glob, demanded) for demanded in subject.protection.rules.sensitive):
                    message = f"{glob} is not among tags.sensitive, so that nothing demands its protection"
                    yield Remark("tag-not-sensitive", key_of(link, "tags"), message, f"Add {glob} to tags.sensitive")


def may_stay(subject: Subject) -> Iterator[Remark]:
    """`mask-keeps-unmatched`: a mask that lets values through does not count as protection."""
    for link in subject.links:
        if isinstance(link.transform, MaskField) and link.transform.pattern_unmatched == "keep":
            message = "what the pattern does not match stays as it is, so the mask does not count as protection"
            advice = "Use mask (the default) or reject"
            yield Remark("mask-keeps-unmatched", key_of(link, "pattern.unmatched"), message, advice)
