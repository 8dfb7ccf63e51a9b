"""The steps as the cluster imports them: their folder is where Python starts."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

STEPS = Path(__file__).parents[3] / "transforms" / "machine_learning" / "steps"


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The training step's module."""
    monkeypatch.syspath_prepend(str(STEPS))
    return importlib.import_module("train")


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The registering step's module."""
    monkeypatch.syspath_prepend(str(STEPS))
    return importlib.import_module("register")
