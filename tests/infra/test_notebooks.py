"""What is uploaded for notebooks, and when it is another version."""

from __future__ import annotations

import pulumi
import pytest

from infra import notebooks

FILES = notebooks.workspace_files(["flights"])


def test_the_folder_holds_the_notebook_beside_the_transforms() -> None:
    assert {
        "ingestion",
        "transforms/hosts/databricks/spark_ingestion.py",
        "transforms/hosts/window.py",
        "transforms/flights/transform.py",
        "transforms/flights/transform.toml",
    } < set(FILES)
    assert not [path for path in FILES if path.startswith(("transforms/hosts/batch", "transforms/hosts/function_app"))]
    assert FILES["ingestion"].startswith(b"# Databricks notebook source\n")
    assert not [path for path, content in FILES.items() if path != "ingestion" and b"# Databricks notebook" in content]


def test_every_version_has_a_folder_of_its_own() -> None:
    folder = notebooks.folder(FILES)
    assert folder == notebooks.folder(dict(reversed(FILES.items())))
    assert folder != notebooks.folder({**FILES, "ingestion": b"# Databricks notebook source\n1"})


def test_libraries_are_those_that_the_runtime_lacks() -> None:
    assert [library["pypi"]["package"].partition("==")[0] for library in notebooks.libraries()] == ["narwhals"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fligths", "transforms/fligths: there is no such transform"),
        ("departures", "transforms/departures: the technique 'databricks' runs transforms in Python only"),
    ],
)
def test_a_transform_that_spark_cannot_run_is_named(name: str, message: str) -> None:
    with pytest.raises(pulumi.RunError, match=message):
        notebooks.workspace_files([name])
