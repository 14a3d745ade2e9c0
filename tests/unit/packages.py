"""Packages with plugins, installed in a folder: what an installer would write there."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "streamveil-ip-prefix"


class Packages:
    """A folder to install in, which the caller puts on the path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._modules: list[str] = []

    def install(
        self, source: str, types: Mapping[str, str], module: str = "acme_plugin", package: str = "acme-plugin"
    ) -> None:
        """One module; `types` are its transforms: the attribute of each type."""
        self._modules.append(module)
        (self._folder / f"{module}.py").write_text(source)
        info = self._folder / f"{package.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        points = "".join(f"{name} = {module}:{attribute}\n" for name, attribute in types.items())
        (info / "entry_points.txt").write_text(f"[streamveil.transforms]\n{points}")

    def forget(self) -> None:
        """Leave nothing of the packages in this process."""
        for module in self._modules:
            sys.modules.pop(module, None)


def example_package() -> tuple[str, Mapping[str, str], str, str]:
    """The example, as `Packages.install` takes it, with the entry point that its own pyproject.toml declares."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    [(name, target)] = project["entry-points"]["streamveil.transforms"].items()
    module, _, attribute = target.partition(":")
    return (EXAMPLE / f"{module}.py").read_text(), {name: attribute}, module, project["name"]
