"""The parts that need no gateway: commands, environments, pipeline components, addresses, invocations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resources
from adfkit.local_azure.services.machine_learning import addresses, blobs, commands, environments, pipelines
from adfkit.local_azure.store import Store

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
NOT = "Local Azure does not support"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """As much of a platform as reading resources needs."""
    store = Store(tmp_path / "store.db")
    yield cast(Platform, SimpleNamespace(resources=Resources(store)))
    store.close()


@pytest.mark.parametrize(
    ("command", "filled"),
    [
        ("python a.py ${{inputs.name}} ${{ outputs.out }}", "python a.py \"O'Hare\" '/tmp/o t'"),
        ("x $[[--opt ${{inputs.absent}}]] y", "x  y"),
        ("x $[[--opt ${{inputs.n}}]]", "x --opt 3"),
        ("echo $HOME ${NOT_OURS}", "echo $HOME ${NOT_OURS}"),
    ],
)
def test_a_command_is_filled_in(command: str, filled: str) -> None:
    found = commands.fill(command, {"name": "O'Hare", "n": "3"}, {"out": "/tmp/o t"})
    assert found.replace("""'O'"'"'Hare'""", '"O\'Hare"') == filled


def test_a_command_that_names_what_is_not_there_is_refused() -> None:
    with pytest.raises(AzureError, match=r"names '\$\{\{inputs.absent\}\}', which has no value"):
        commands.fill("x ${{inputs.absent}}", {}, {})


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("start\nTraceback (most recent call last):\n  File x\nValueError: bad\nand more", "ValueError: bad\nand more"),
        ("1\n2\n3\n4\n5\n6\n", "2\n3\n4\n5\n6"),
        ("", "the log is empty"),
    ],
)
def test_a_failure_tells_the_end_of_the_log(tmp_path: Path, log: str, told: str) -> None:
    (tmp_path / "log").write_text(log)
    assert commands.failure(tmp_path / "log", 3).endswith(f"for error details. Error: {told}")


def test_the_pip_section_of_an_environment_is_its_requirements() -> None:
    conda = "dependencies: [python=3.11, pip, {pip: [a==1, 'b==2 --hash=sha256:0']}]"
    assert environments.requirements_of({"condaFile": conda}, "e:1") == "a==1\nb==2 --hash=sha256:0\n"
    assert environments.requirements_of({"image": "bare"}, "e:1") == ""


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({"condaFile": "dependencies: [conda-forge::numpy=2]"}, f"{NOT} the conda package 'conda-forge::numpy=2' of"),
        ({"condaFile": "name: x"}, "The conda file of environment e:1 can't be read: it has no list of dependencies."),
        ({"condaFile": "a: [b"}, "The conda file of environment e:1 can't be read: while parsing"),
        ({"build": {"dockerfilePath": "D"}}, f"{NOT} environments built from a Dockerfile (e:1)"),
    ],
)
def test_an_environment_that_cannot_be_made_is_refused(properties: dict[str, Any], text: str) -> None:
    with pytest.raises(AzureError) as refused:
        environments.requirements_of(properties, "e:1")
    assert refused.value.message.startswith(text)


def command_component(platform: Platform, name: str, **changes: Any) -> str:
    """Store a command component; returns its id."""
    spec = {"type": "command", "command": "true", "environment": "e", "inputs": {}, "outputs": {}} | changes
    id = f"{WORKSPACE}/components/{name}/versions/1"
    platform.resources.put(id, {"properties": {"componentSpec": spec}})
    return id


def load(platform: Platform, jobs: dict[str, Any], **changes: Any) -> pipelines.Pipeline:
    """Store a pipeline component and read it."""
    spec = {"type": "pipeline", "inputs": {"data": {"type": "uri_folder"}}, "jobs": jobs} | changes
    id = f"{WORKSPACE}/components/p/versions/1"
    platform.resources.put(id, {"properties": {"componentSpec": spec}})
    return pipelines.load(platform, id)


def node(component: str, **inputs: str) -> dict[str, Any]:
    """A node of a pipeline component, as azure-ai-ml writes it."""
    given = {name: {"job_input_type": "literal", "value": value} for name, value in inputs.items()}
    return {"type": "command", "componentId": component, "inputs": given}


def test_steps_need_those_whose_outputs_they_read(platform: Platform) -> None:
    first = command_component(platform, "first", outputs={"out": {"type": "uri_folder"}})
    second = command_component(platform, "second", inputs={"a": {"type": "uri_folder"}, "n": {"type": "integer"}})
    jobs = {
        "one": node(first),
        "two": node(f"azureml:{second}", a="${{parent.jobs.one.outputs.out}}", n="3"),
        "three": node(second, a="${{parent.inputs.data}}", n="4"),
    }
    pipeline = load(platform, jobs)
    assert {name: step.needs for name, step in pipeline.steps.items()} == {
        "one": frozenset(),
        "two": frozenset({"one"}),
        "three": frozenset(),
    }
    assert pipeline.steps["two"].sources["n"].constant == "3"


IO = f"{WORKSPACE}/components/io/versions/1"
GONE = f"{WORKSPACE}/components/gone/versions/1"


@pytest.mark.parametrize(
    ("jobs", "changes", "text"),
    [
        ({"x": {"type": "sweep"}}, {}, f"{NOT} pipeline step 'x' of type 'sweep'."),
        ({}, {"outputs": {"o": {"type": "uri_folder"}}}, f"{NOT} outputs of a pipeline component."),
        ({}, {"inputs": {"t": {"type": "mltable"}}}, f"{NOT} the input or output 't' of type 'mltable'."),
        ({}, {"type": "command"}, f"{NOT} the deployment of a component of type 'command'"),
        ({"x": node(GONE)}, {}, "Not found: no component with this name exists: gone, version: 1."),
        ({"x": node(IO)}, {}, "Step 'x' lacks the input 'i'."),
        ({"x": node(IO, i="${{parent.inputs.n}}")}, {}, "Step 'x' takes 'i' from the unknown input 'n'."),
        (
            {"x": node(IO, i="${{parent.jobs.y.outputs.o}}")},
            {},
            "Step 'x' takes 'i' from the unknown output 'o' of 'y'.",
        ),
        ({"x": node(IO, i="${{parent.jobs.x.outputs.o}}")}, {}, "Steps wait for each other: x."),
        ({"x": node(IO, i="${{parent.name}}")}, {}, f"{NOT} the binding '${{{{parent.name}}}}'."),
    ],
)
def test_a_component_that_cannot_run_is_refused_by_name(
    platform: Platform, jobs: dict[str, Any], changes: dict[str, Any], text: str
) -> None:
    folder = {"type": "uri_folder"}
    command_component(platform, "io", inputs={"i": folder}, outputs={"o": folder})
    with pytest.raises(AzureError) as refused:
        load(platform, jobs, **changes)
    assert refused.value.message.startswith(text)


def test_an_address_names_a_place(platform: Platform) -> None:
    workspace = platform.resources.put(WORKSPACE, {})
    store = {"accountName": "acct", "containerName": "cont"}
    platform.resources.put(f"{WORKSPACE}/datastores/store", {"properties": store})
    data = f"{WORKSPACE}/data/d/versions/2"
    platform.resources.put(data, {"properties": {"dataUri": "azureml://datastores/store/paths/x/"}})
    place = blobs.BlobFolder("acct", "cont", "x/")
    long = "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/store/paths/x/"
    for address in ("https://acct.blob.azure.localhost/cont/x/", "azureml://datastores/store/paths/x/", long, data):
        assert addresses.resolve(platform, workspace, address) == place
    for address in ("https://acct.blob.core.windows.net/cont/x/", "https://acct.blob.azure.localhost/"):
        with pytest.raises(AzureError, match="is not an address of blob storage in this cloud"):
            addresses.resolve(platform, workspace, address)
    with pytest.raises(AzureError, match=r"does not support the address 'wasbs://x'"):
        addresses.resolve(platform, workspace, "wasbs://x")
