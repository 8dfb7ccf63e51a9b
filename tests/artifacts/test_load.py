"""Folders in the layout of a factory's Git repository: small broken ones, and real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from adfkit.artifacts.errors import ArtifactError, Severity
from adfkit.artifacts.load import load
from adfkit.artifacts.model import Kind
from adfkit.artifacts.validate import validate

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "adf-corpus"
REAL_FACTORIES = {
    "mrpaulandrew+procfwk/DataFactory": 24,
    "Azure-Samples+modern-data-warehouse-dataops/databricks/parking_sensors/adf": 12,
    "Azure-Samples+modern-data-warehouse-dataops/azuredatafactory/adf_cicd_auto_publish/adf": 6,
}
"""Folder to the number of its artifacts."""


def test_a_byte_order_mark_and_another_file_name(tmp_path: Path) -> None:
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "file.json").write_text('{"name": "p", "properties": {}}', "utf-8-sig")
    artifacts, warnings = load(tmp_path)
    assert [(each.kind, each.name, each.source) for each in artifacts] == [(Kind.PIPELINE, "p", "pipeline/file.json")]
    assert [str(warning) for warning in warnings] == [
        "pipeline/file.json: pipeline p: the file is named 'file'; the service goes by the name inside"
    ]


def test_folders_are_found_in_any_case(tmp_path: Path) -> None:
    (tmp_path / "linkedservice").mkdir()
    (tmp_path / "linkedservice" / "a.json").write_text('{"name": "a", "properties": {"type": "X"}}', "utf-8")
    assert [each.kind for each in load(tmp_path)[0]] == [Kind.LINKED_SERVICE]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"name": "a", "properties": {}', "dataset/a.json: no valid JSON: line 1, column 31: "),
        (b"", "dataset/a.json: no valid JSON: line 1, column 1: Expecting value: "),
        (b"\xff\xfe{", "dataset/a.json: no valid UTF-8 at byte 0"),
        (b'{"name": 1, "properties": {}}', "dataset/a.json: 'name' is missing or no text"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "a.json").write_bytes(content)
    with pytest.raises(ArtifactError) as raised:
        load(tmp_path)
    assert str(raised.value).startswith(expected)


def test_a_folder_without_artifacts(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no artifacts here: a factory's folder holds some of credential/, "):
        load(tmp_path)


@pytest.mark.parametrize(("folder", "count"), REAL_FACTORIES.items(), ids=list(REAL_FACTORIES))
def test_a_real_factory_is_valid(folder: str, count: int) -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real factories (../shared/adf-corpus) is not here")
    artifacts, _ = load(CORPUS / folder)
    assert len(artifacts) == count
    assert [str(found) for found in validate(artifacts) if found.severity is Severity.ERROR] == []


def test_nothing_but_missing_neighbours_is_wrong_in_any_real_factory() -> None:
    """Many of these folders hold a part of a factory only; Synapse's own activities are none of Data Factory."""
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real factories (../shared/adf-corpus) is not here")
    folders = sorted({path.parent for kind in ("pipeline", "dataset", "linkedService") for path in CORPUS.rglob(kind)})
    assert len(folders) > 30
    wrong: list[str] = []
    for folder in folders:
        if "fabric" in folder.parts:  # Fabric's files hold the properties alone
            continue
        errors = [found for found in validate(load(folder)[0]) if found.severity is Severity.ERROR]
        wrong += [str(found) for found in errors if "does not exist" not in found.message]
    assert wrong == [
        "pipeline/P_Ingest_MelbParkingData.json: pipeline P_Ingest_MelbParkingData: $.activities[5]: "
        "'SqlPoolStoredProcedure' is no type of activity; did you mean 'SqlServerStoredProcedure'?"
    ]
