"""The locks: every SDK in them imports, no address stands in them, and one version is installed everywhere."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = sorted([*ROOT.glob("requirements*.txt"), *ROOT.glob("transforms/**/requirements*.txt")])
SDKS = (
    "azure.ai.ml",
    "azure.functions",
    "azure.identity",
    "azure.mgmt.authorization",
    "azure.mgmt.datafactory",
    "azure.mgmt.resource",
    "azure.mgmt.storage",
    "azure.storage.blob",
    "narwhals",
    "polars",
    "pulumi",
    "pulumi_azure_native",
)


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", lock.read_text(encoding="utf-8"), flags=re.MULTILINE))


@pytest.mark.slow
@pytest.mark.parametrize("module", SDKS)
@pytest.mark.filterwarnings("ignore")
def test_every_sdk_of_the_lock_imports(module: str) -> None:
    assert import_module(module)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_lock_holds_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|file:", text)
    for block in re.split(r"\n(?=[a-z0-9-]+==)", text):
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_the_development_lock_holds_the_runtime_lock() -> None:
    development = pins(ROOT / "requirements-dev.txt")
    runtime = pins(ROOT / "requirements.txt")
    assert runtime
    assert {name: development.get(name) for name in runtime} == runtime


def test_azure_ai_ml_is_one_that_works_with_the_newest_marshmallow() -> None:
    version = tuple(int(part) for part in pins(ROOT / "requirements.txt")["azure-ai-ml"].split("."))
    assert version >= (1, 35)
