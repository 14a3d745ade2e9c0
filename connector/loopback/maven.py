"""The Maven settings of this machine: where artifacts come from, and where they already lie.

Of `settings.xml` (the user's in `~/.m2`, then the installation's in `$MAVEN_HOME/conf`) the parts count that
decide where the artifacts of Maven Central are found: `mirrors` and `localRepository`, with `${env.NAME}` and
`${user.home}` filled in. The rest is the HTTP client's: `HTTPS_PROXY` names a proxy, `~/.netrc` holds
credentials for a mirror, `REQUESTS_CA_BUNDLE` a private certificate authority.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from connector.loopback.errors import LoopbackError


@dataclass(frozen=True, slots=True)
class MavenSettings:
    """`central` is None where no mirror stands in for Maven Central."""

    central: str | None
    local_repository: Path


def load_settings() -> MavenSettings:
    """Reads the settings files that exist. Raises `LoopbackError` when one is not XML."""
    roots = [_parse(path) for path in _settings_files() if path.is_file()]
    mirrors = [_mirror_of_central(root) for root in roots]
    return MavenSettings(
        central=next((url for url in mirrors if url), None),
        local_repository=_local_repository(roots),
    )


def _settings_files() -> Iterable[Path]:
    yield Path.home() / ".m2" / "settings.xml"
    home = os.environ.get("MAVEN_HOME") or os.environ.get("M2_HOME")
    if home:
        yield Path(home) / "conf" / "settings.xml"


def _parse(path: Path) -> ElementTree.Element:
    try:
        return ElementTree.parse(path).getroot()  # noqa: S314  the user's own settings
    except ElementTree.ParseError:
        raise LoopbackError(f"{path} is not well-formed XML") from None


def _mirror_of_central(root: ElementTree.Element) -> str | None:
    """Maven's rule: a mirror that names `central` itself goes before one that matches it by a pattern."""
    mirrors = [(_text(mirror, "mirrorOf"), _text(mirror, "url")) for mirror in root.iterfind("{*}mirrors/{*}mirror")]
    named = [url for pattern, url in mirrors if pattern == "central"]
    matched = [url for pattern, url in mirrors if _stands_in_for_central(pattern)]
    return next(iter(named + matched), None)


def _stands_in_for_central(mirror_of: str) -> bool:
    patterns = {pattern.strip() for pattern in mirror_of.split(",")}
    return "!central" not in patterns and not patterns.isdisjoint({"central", "*", "external:*"})


def _local_repository(roots: Iterable[ElementTree.Element]) -> Path:
    configured = [_text(root, "localRepository") for root in roots]
    chosen = os.environ.get("M2_REPO") or next((path for path in configured if path), None)
    return Path(chosen).expanduser() if chosen else Path.home() / ".m2" / "repository"


def _text(parent: ElementTree.Element, tag: str) -> str:
    return _fill_in((parent.findtext(f"{{*}}{tag}") or "").strip())


def _fill_in(text: str) -> str:
    text = text.replace("${user.home}", str(Path.home()))
    return re.sub(r"\$\{env\.(\w+)\}", lambda name: os.environ.get(name[1], ""), text)
