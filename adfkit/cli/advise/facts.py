"""What the documentation says of the techniques, read from techniques.toml: each number with its page."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Fact:
    """One number; an assumption is one that its page does not give."""

    name: str
    value: float
    text: str
    url: str
    assumption: bool = False

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Machine:
    """A size of virtual machine."""

    name: str
    cores: int
    memory_gib: float


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of one technique."""

    technique: str
    pros: tuple[str, ...]
    cons: tuple[str, ...]
    facts: Mapping[str, Fact]

    def __getitem__(self, name: str) -> float:
        """The number of a fact."""
        return self.facts[name].value


@cache
def known() -> dict[str, Known]:
    """Every technique, by its name in the stack file."""
    return {name: _known(name, values) for name, values in _document().items() if name != "machines"}


@cache
def machines() -> tuple[Machine, ...]:
    """The sizes that a pool may be advised to have, the smallest first."""
    sizes = [Machine(name, **values) for name, values in _document()["machines"].items()]
    return tuple(sorted(sizes, key=lambda machine: machine.memory_gib))


def machine(size: str) -> Machine | None:
    """The size of a stack file; None for one that techniques.toml does not list."""
    return next((each for each in machines() if each.name.lower() == size.lower()), None)


def _known(technique: str, values: Mapping[str, Any]) -> Known:
    facts = {name: Fact(name, **fact) for name, fact in values["facts"].items()}
    return Known(technique, tuple(values["pros"]), tuple(values["cons"]), facts)


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("techniques.toml").read_text(encoding="utf-8"))
