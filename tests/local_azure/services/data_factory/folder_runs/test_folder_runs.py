"""Pipelines of a Git folder run by the command, with stubs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adfkit.local_azure.services.data_factory.folder_runs import (
    FolderArtifacts,
    FolderRunError,
    Report,
    Stubs,
    run_pipeline,
)
from adfkit.local_azure.services.data_factory.folder_runs.stubs import CONTROL
from adfkit.local_azure.services.data_factory.structure import walk

CORPUS = Path(__file__).parents[6] / "shared" / "adf-corpus"
COPY = {
    "name": "Copy",
    "type": "Copy",
    "policy": {"retry": 2, "retryIntervalInSeconds": 3600},
    "typeProperties": {"source": {"query": "@pipeline().globalParameters.table"}},
}


def after(name: str, activity: dict[str, Any], condition: str = "Succeeded") -> dict[str, Any]:
    return activity | {"dependsOn": [{"activity": name, "dependencyConditions": [condition]}]}


def variable(name: str, value: Any) -> dict[str, Any]:
    return {"name": name, "type": "SetVariable", "typeProperties": {"variableName": "v", "value": value}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def put(path: str, document: Any) -> None:
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"\xef\xbb\xbf" + json.dumps(document).encode())

    put(
        "factory/f.json", {"name": "f", "properties": {"globalParameters": {"table": {"type": "string", "value": "t"}}}}
    )
    put(
        "pipeline/other-name.json",
        {
            "name": "Load",
            "properties": {
                "activities": [COPY, after("Copy", variable("Keep", "@string(activity('Copy').output.rowsCopied)"))],
                "variables": {"v": {"type": "String"}},
            },
        },
    )
    call = {"name": "Call", "type": "WebActivity", "typeProperties": {"url": "https://a/@{item()}"}}
    each = {"isSequential": True, "items": "@createArray(1, 2, 3)", "activities": [call]}
    put(
        "pipeline/Each.json",
        {"name": "Each", "properties": {"activities": [{"name": "All", "type": "ForEach", "typeProperties": each}]}},
    )
    put(
        "pipeline/arm.json",
        {
            "$schema": "",
            "resources": [
                {
                    "name": "[concat(parameters('factoryName'), '/Parent')]",
                    "type": "Microsoft.DataFactory/factories/pipelines",
                    "properties": {
                        "activities": [
                            {
                                "name": "Child",
                                "type": "ExecutePipeline",
                                "typeProperties": {"pipeline": {"referenceName": "load"}, "waitOnCompletion": True},
                            }
                        ]
                    },
                }
            ],
        },
    )
    put("pipeline/Wrong.json", {"name": "Wrong", "properties": {"activities": [after("Nobody", COPY)]}})
    (tmp_path / "pipeline" / "Broken.json").write_text("{")
    return tmp_path


def run(folder: Path, pipeline: str, stubs: Any) -> Report:
    return run_pipeline(FolderArtifacts(folder), pipeline, {}, Stubs(stubs))


def test_retries_take_successive_stubs_and_waits_are_skipped(folder: Path) -> None:
    error = {"error": {"message": "no route", "errorCode": "2200"}}
    report = run(folder, "load", {"copy": [error, {"output": {"rowsCopied": 7}}]})
    assert report.status == "Succeeded"
    assert report.variables == {"v": "7"}
    assert [(each["activityName"], each["status"], each["retryAttempt"]) for each in report.activities] == [
        ("Copy", "Failed", 0),
        ("Copy", "Succeeded", 1),
        ("Keep", "Succeeded", 0),
    ]
    assert report.activities[0]["error"]["errorCode"] == "2200"
    assert report.activities[1]["input"] == {"source": {"query": "t"}}


def test_the_last_stub_repeats(folder: Path) -> None:
    report = run(folder, "Each", {"Call": [{"output": {"n": 1}}, {"output": {"n": 2}}]})
    assert [each["output"] for each in report.activities[1:]] == [{"n": 1}, {"n": 2}, {"n": 2}]
    assert [each["input"]["url"] for each in report.activities[1:]] == ["https://a/1", "https://a/2", "https://a/3"]


def test_a_child_fails_its_parent(folder: Path) -> None:
    report = run(folder, "Parent", {"Copy": {"error": {"message": "no route"}}})
    assert report.status == "Failed"
    assert report.error is not None
    assert report.error["target"] == "Child"
    assert "no route" in report.error["message"]


def test_what_reaches_outside_without_a_stub_fails_by_name(folder: Path) -> None:
    report = run(folder, "Each", {})
    assert report.activities[-1]["error"]["errorCode"] == "ActivityNotStubbed"
    assert "'Call' of type 'WebActivity'" in report.activities[-1]["error"]["message"]


@pytest.mark.parametrize(
    ("pipeline", "stubs", "expected"),
    [
        ("Lod", {}, "there is no pipeline 'Lod'; did you mean 'Load'?"),
        ("Broken", {}, "no valid JSON"),
        ("Wrong", {}, "depends on 'Nobody', which is no activity of its block"),
        ("Load", {"Copy": []}, "the list of stubs of activity 'Copy' is empty"),
        ("Load", {"Copy": {"result": {}}}, "a stub of activity 'Copy' must be"),
        ("Load", [], "the stubs must be a JSON object"),
    ],
)
def test_what_cannot_be_run_is_told(folder: Path, pipeline: str, stubs: Any, expected: str) -> None:
    with pytest.raises(FolderRunError) as caught:
        run(folder, pipeline, stubs)
    assert expected in str(caught.value)


def test_the_command_prints_the_report(folder: Path, tmp_path: Path) -> None:
    stubs = tmp_path / "stubs.json"
    stubs.write_text('{"Copy": {"output": {"rowsCopied": 1}}, "Kepp": {"output": {}}}')

    def adfkit(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = "from adfkit.cli.main import main; main()"
        command = [sys.executable, "-c", code, "factory", "run", *arguments, "--folder", str(folder), "--json"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    good, bad = adfkit("Load", "--stubs", str(stubs)), adfkit("Nothing")
    assert good.returncode == 0, good.stderr
    assert good.stderr == "warning: the stub 'Kepp' stands for no activity of the pipeline; is 'Keep' meant?\n"
    shown = json.loads(good.stdout)
    assert (shown["status"], shown["error"], shown["returnValue"], shown["variables"]) == (
        "Succeeded",
        None,
        {},
        {"v": "1"},
    )
    keys = {"activityName", "activityType", "status", "input", "output", "error", "retryAttempt"}
    assert [each.keys() for each in shown["activities"]] == [keys, keys]
    assert bad.returncode == 1
    assert "there is no pipeline 'Nothing'" in json.loads(bad.stdout)["error"]["message"]


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the corpus of real factories is not at {CORPUS}")
def test_real_pipelines_run_or_are_refused_by_name() -> None:
    counts = {"Succeeded": 0, "Failed": 0, "refused": 0}
    for pipelines in sorted(path for path in CORPUS.rglob("*") if path.is_dir() and path.name.lower() == "pipeline"):
        artifacts = FolderArtifacts(pipelines.parent)
        for name in artifacts.names("pipelines"):
            definition = artifacts.pipeline(name)[1]
            stubs = {each["name"]: {"output": {}} for each in walk(definition.get("activities") or []) if outside(each)}
            given = {key: spec.get("defaultValue") or sample(spec) for key, spec in parameters(definition).items()}
            try:
                report = run_pipeline(artifacts, name, given, Stubs(stubs))
            except FolderRunError as error:
                assert len(str(error)) > 20
                counts["refused"] += 1
                continue
            assert report.succeeded or (report.error and report.error["message"]), (name, report)
            assert "InternalError" not in json.dumps(report.to_json()), (name, report.error)
            counts[report.status] += 1
    print(f"\nreal pipelines: {counts}")
    assert counts["Succeeded"] + counts["Failed"] > 100


def outside(definition: Any) -> bool:
    return definition["type"] not in CONTROL or definition["type"] in ("Until", "ExecutePipeline")


def parameters(definition: Any) -> dict[str, Any]:
    declared: dict[str, Any] = definition.get("parameters") or {}
    return declared


def sample(spec: Any) -> Any:
    return {"int": 1, "float": 1.5, "bool": True, "array": [], "object": {}}.get(str(spec["type"]).lower(), "text")
