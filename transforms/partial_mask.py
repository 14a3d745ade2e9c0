"""Masks of texts that leave a part readable: some characters, an e-mail's domain, what a pattern does not match.

Two rules hold for each of them and for every text. At least four characters become others, or the whole text is
masked; a character that is the mask character already hides nothing and does not count. And no text that has any
character comes out as it went in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import re2

from transforms.outcome import Code, Rejected

FEWEST_HIDDEN = 4
EMAIL_LENGTH = 3
"""Mask characters in an e-mail's local part, however long it is: `j***@example.com`."""

TextMask = Callable[[str], str | Rejected]
Unmatched = Literal["mask", "reject", "keep"]

_DOMAIN = re.compile(r"(?:[\w-]+\.)+(?:[^\W\d_]{2,}|xn--[a-z0-9-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cover:
    """How characters are hidden.

    char: what hidden characters become. length: how many of them stand for the hidden part, whatever its own
    length; None for as many as were hidden. first, last: how many characters stay at the ends, those of `stay` not
    counted. stay: characters that are never hidden. replacement: what stands for the hidden part instead.
    """

    char: str = "*"
    length: int | None = None
    first: int = 0
    last: int = 0
    stay: str = ""
    replacement: str | None = None

    def whole(self, text: str) -> str:
        """Nothing of the text, except its length where neither `length` nor `replacement` says otherwise."""
        masked = self._run(len(text)) if self.replacement is None else self.replacement
        return masked + self.char if text and masked == text else masked

    def part(self, text: str) -> tuple[str, int]:
        """The text with all hidden that must not stay, and how many characters have become others."""
        start, end = self._middle(text)
        middle = text[start:end]
        if self.replacement is not None:
            return self.replacement, 0 if text == self.replacement else len(text)
        changed = len(middle) - sum(map(middle.count, {self.char, *self.stay}))
        return text[:start] + self._hidden(middle) + text[end:], changed

    def checked(self, text: str, masked: str, changed: int) -> str:
        """The masked text where it is masked enough, else the whole text masked."""
        return masked if changed >= FEWEST_HIDDEN and masked != text else self.whole(text)

    def _middle(self, text: str) -> tuple[int, int]:
        """Where the part begins and ends that does not stay."""
        if not self.stay:
            return self.first, max(self.first, len(text) - self.last)
        counted = [at for at, character in enumerate(text) if character not in self.stay]
        middle = counted[self.first : max(0, len(counted) - self.last)]
        return (middle[0], middle[-1] + 1) if middle else (0, 0)

    def _hidden(self, middle: str) -> str:
        if not self.stay:
            return self._run(len(middle))
        return re.sub(f"[^{re.escape(self.stay)}]", lambda _: self.char, middle)

    def _run(self, own: int) -> str:
        return self.char * (own if self.length is None else self.length)


def mask_characters(cover: Cover) -> TextMask:
    """Hide all characters that the cover does not let stay."""
    return lambda text: cover.checked(text, *cover.part(text))


def mask_email(cover: Cover) -> TextMask:
    """Leave the first character and the domain. What is not an address with a domain's name is masked whole."""
    run = cover.char * (EMAIL_LENGTH if cover.length is None else cover.length)

    def mask(text: str) -> str:
        local, _, domain = text.rpartition("@")
        hidden = local[1:]
        if not _is_domain(domain):
            return cover.whole(text)
        changed = len(hidden) - hidden.count(cover.char)
        return cover.checked(text, f"{local[:1]}{run}@{domain}", changed)

    return mask


def mask_matches(cover: Cover, pattern: str, unmatched: Unmatched) -> TextMask:
    """Hide what the pattern matches, each match by itself. Matches of nothing are none."""
    compiled: Any = compile_pattern(pattern)

    def mask(text: str) -> str | Rejected:
        try:
            spans = [span for match in compiled.finditer(text) if (span := match.span())[0] < span[1]]
        except UnicodeEncodeError:  # half of a surrogate pair, which JSON can hold and UTF-8 cannot
            return Rejected(Code.NOT_ENCODABLE)
        if spans:
            return cover.checked(text, *_hide_spans(cover, text, spans))
        match unmatched:
            case "mask":
                return cover.whole(text)
            case "reject":
                return Rejected(Code.UNMATCHED_PATTERN)
            case "keep":
                return text

    return mask


def _hide_spans(cover: Cover, text: str, spans: list[tuple[int, int]]) -> tuple[str, int]:
    """The text without its matches, and how many characters have become others."""
    pieces = []
    position = changed = 0
    for start, end in spans:
        match = text[start:end]
        masked, hidden = cover.part(match)
        if hidden < FEWEST_HIDDEN:
            masked, hidden = cover.whole(match), len(match) - match.count(cover.char)
        pieces += [text[position:start], masked]
        position, changed = end, changed + hidden
    return "".join([*pieces, text[position:]]), changed


def compile_pattern(pattern: str) -> Any:
    """A pattern in RE2's syntax, compiled. Raises ValueError, in the words of a configuration error.

    A pattern that matches the empty text would match everywhere and hide nothing; `\\C` would match half a character.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error:
        raise ValueError("expected a regular expression in RE2's syntax, without lookaround and references") from None
    if compiled.fullmatch("") is not None:
        raise ValueError("expected a pattern that does not match the empty text")
    if "\\C" in re.findall(r"\\.", pattern, re.DOTALL):
        raise ValueError(r"expected a pattern without \C, which matches single bytes")
    return compiled


def _is_domain(text: str) -> bool:
    """Whether a text reads as the name of a mail domain, so that nothing else can stand there and be shown."""
    return len(text) <= 253 and _DOMAIN.fullmatch(text) is not None
