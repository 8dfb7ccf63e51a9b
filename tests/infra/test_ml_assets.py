"""When the machine learning assets are deployed again, and what their version is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra import ml_assets

DEPLOYED = {
    "subscription_id": "s",
    "resource_group": "g",
    "workspace": "w",
    "endpoint": "e",
    "compute": "c",
    "content_sha256": "0" * 64,
    "component_id": "/components/ingestion/versions/000000000000",
    "deployment": "ingestion",
}


@pytest.mark.parametrize(
    ("change", "changes", "replaces"),
    [
        ({}, False, []),
        ({"component_id": None, "deployment": None}, False, []),  # what the program knows before it deploys
        ({"content_sha256": "1" * 64}, True, []),
        ({"compute": "other"}, True, []),
        ({"endpoint": "other"}, True, ["endpoint"]),
        ({"workspace": "other"}, True, ["workspace"]),
    ],
)
def test_what_changes_deploys_again(change: dict[str, str | None], changes: bool, replaces: list[str]) -> None:
    found = ml_assets.MachineLearningAssetsProvider().diff("id", DEPLOYED, DEPLOYED | change)
    assert (found.changes, found.replaces) == (changes, replaces)


def test_the_version_is_of_what_is_deployed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ml_assets, "FOLDER", tmp_path)

    def with_file(path: str, text: str) -> str:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
        return ml_assets.content_sha256()

    first = with_file("steps/train.py", "1")
    assert with_file("README.md", "words") == first
    assert with_file("steps/__pycache__/train.pyc", "compiled") == first
    assert with_file("environment/requirements.in", "the lock's source") == first
    assert with_file("steps/train.py", "2") != first
    assert with_file("steps/train.py", "1") == first
    assert with_file("components/train.yml", "1") != first


def test_files_that_changed_under_the_program_are_not_deployed() -> None:
    with pytest.raises(ml_assets.MachineLearningAssetsError, match="have changed since the program read them"):
        ml_assets.MachineLearningAssetsProvider().create(DEPLOYED)
