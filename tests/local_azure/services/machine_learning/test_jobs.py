"""Pipeline jobs behind a batch endpoint, through azure-ai-ml unmodified."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from azure.ai.ml import Input, MLClient, command, load_component
from azure.ai.ml.entities import BatchEndpoint, PipelineComponentBatchDeployment
from azure.ai.ml.exceptions import JobException
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient

from adfkit.local_azure import daemon

ENDED = ("Completed", "Failed", "Canceled")
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


def deploy(
    client: MLClient,
    folder: Path,
    steps: Mapping[str, Mapping[str, Any]],
    inputs: Mapping[str, str] = {},
    requirements: list[str] | None = None,
) -> str:
    """An endpoint of its own for a pipeline of these steps; returns its name."""
    (folder / "code").mkdir()
    (folder / "code" / "here.txt").write_text("the snapshot\n")
    (folder / "conda.yml").write_text(yaml.safe_dump({"dependencies": ["python=3.11", {"pip": requirements or []}]}))
    jobs = {}
    for name, step in steps.items():
        component = {
            "type": "command",
            "name": f"step_{name}",
            "code": "./code",
            "environment": {"image": "bare", "conda_file": "conda.yml"},
            "inputs": step.get("inputs", {}),
            "outputs": step.get("outputs", {}),
            "command": step["command"],
        }
        (folder / f"{name}.yml").write_text(yaml.safe_dump(component))
        jobs[name] = {"type": "command", "component": f"./{name}.yml", "inputs": step.get("from", {})}
    pipeline = {
        "type": "pipeline",
        "name": "tested",
        "inputs": {name: {"type": type} for name, type in inputs.items()},
        "jobs": jobs,
    }
    (folder / "pipeline.yml").write_text(yaml.safe_dump(pipeline))
    version = uuid.uuid4().hex[:8]
    component = client.components.create_or_update(load_component(folder / "pipeline.yml"), version=version)
    endpoint = f"e{version}"
    client.batch_endpoints.begin_create_or_update(BatchEndpoint(name=endpoint, location="westeurope")).result()
    settings = {"default_compute": "cluster", "continue_on_step_failure": "false"}
    deployment = PipelineComponentBatchDeployment(
        name="blue", endpoint_name=endpoint, component=component.id, settings=settings
    )
    client.batch_deployments.begin_create_or_update(deployment).result()
    made = client.batch_endpoints.get(endpoint)
    made.defaults.deployment_name = "blue"
    client.batch_endpoints.begin_create_or_update(made).result()
    return endpoint


def wait(client: MLClient, name: str) -> Any:
    """The job once it has ended."""
    for _ in range(300):
        job = client.jobs.get(name)
        if job.status in ENDED:
            return job
        time.sleep(0.1)
    raise AssertionError(f"{name} is still {job.status}")


def error_of(client: MLClient, name: str) -> dict[str, Any]:
    """What run history says of a failed run."""
    return dict(client.jobs._runs_operations.get_run_details(name).error.error)


def test_steps_pass_files_on_and_run_with_what_azure_gives_them(
    client: MLClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = {
        "first": {
            "inputs": {"greeting": {"type": "string"}},
            "outputs": {"said": {"type": "uri_folder"}},
            "from": {"greeting": "${{parent.inputs.greeting}}"},
            "command": "printf %s ${{inputs.greeting}} > ${{outputs.said}}/said.txt",
        },
        "second": {
            "inputs": {"said": {"type": "uri_folder"}},
            "from": {"said": "${{parent.jobs.first.outputs.said}}"},
            "command": "cat ${{inputs.said}}/said.txt here.txt && echo $AZUREML_ARM_WORKSPACE_NAME $AZUREML_RUN_ID "
            "&& python -c 'import sys; print(sys.prefix != sys.base_prefix)' && ! python -c 'import adfkit'",
        },
    }
    endpoint = deploy(client, tmp_path, steps, {"greeting": "string"})
    invoked = client.batch_endpoints.invoke(
        endpoint_name=endpoint, inputs={"greeting": Input(type="string", default="it's $HOME; `here`")}
    )
    job = wait(client, invoked.name)
    assert job.status == "Completed", error_of(client, job.name)
    client.jobs.stream(job.name)
    assert f"RunId: {job.name}" in capsys.readouterr().out
    children = {child.display_name: child for child in client.jobs.list(parent_job_name=job.name)}
    assert {child.status for child in children.values()} == {"Completed"}
    assert len(children) == 2
    assert [each.name for each in client.batch_endpoints.list_jobs(endpoint)] == [job.name]
    assert job.name in [each.name for each in client.jobs.list()]
    second = children["second"] if "second" in children else children["step_second"]
    logs = client.jobs._runs_operations.get_run_details(second.name).log_files
    text = httpx.get(logs["user_logs/std_log.txt"]).text
    assert text.startswith("it's $HOME; `here`the snapshot\n")
    assert f"{client.workspace_name} {second.name}\nTrue\n" in text
    assert "No module named 'adfkit'" in text


def test_steps_that_need_nothing_of_each_other_run_at_the_same_time(client: MLClient, tmp_path: Path) -> None:
    meet = "touch {0}/{1}; for n in $(seq 200); do [ -e {0}/{2} ] && exit 0; sleep 0.1; done; exit 1"
    steps = {name: {"command": meet.format(tmp_path, *each)} for name, each in {"a": "ab", "b": "ba"}.items()}
    endpoint = deploy(client, tmp_path, steps)
    assert wait(client, client.batch_endpoints.invoke(endpoint_name=endpoint).name).status == "Completed"


def test_a_step_that_fails_fails_the_job_and_stops_the_rest(client: MLClient, tmp_path: Path) -> None:
    steps = {
        "bad": {
            "outputs": {"never": {"type": "uri_folder"}},
            "command": "python -c 'raise ValueError(\"no such luck\")' > ${{outputs.never}}/x",
        },
        "after": {
            "inputs": {"never": {"type": "uri_folder"}},
            "from": {"never": "${{parent.jobs.bad.outputs.never}}"},
            "command": "true ${{inputs.never}}",
        },
    }
    endpoint = deploy(client, tmp_path, steps)
    job = wait(client, client.batch_endpoints.invoke(endpoint_name=endpoint).name)
    assert job.status == "Failed"
    assert error_of(client, job.name) == {
        "code": "UserError",
        "message": "Step 'bad' failed: Execution failed. User process exited with status code 1. Please check log file "
        "'user_logs/std_log.txt' for error details. Error: ValueError: no such luck",
    }
    with pytest.raises(JobException, match="no such luck"):
        client.jobs.stream(job.name)
    statuses = sorted(child.status for child in client.jobs.list(parent_job_name=job.name))
    assert statuses == ["Canceled", "Failed"]


def test_an_environment_that_cannot_be_built_names_the_requirement(client: MLClient, tmp_path: Path) -> None:
    steps = {"only": {"command": "true"}}
    endpoint = deploy(client, tmp_path, steps, requirements=["./not-there-at-all"])
    job = wait(client, client.batch_endpoints.invoke(endpoint_name=endpoint).name)
    assert job.status == "Failed"
    error = error_of(client, job.name)
    assert error["code"] == "ImageBuildFailure"
    assert "not-there-at-all" in error["message"]


def test_reading_needs_the_role_of_the_compute(client: MLClient, workspace: Any, tmp_path: Path) -> None:
    lake = f"lake{uuid.uuid4().hex[:8]}"
    storage = f"{workspace.storage.rsplit('/', 1)[0]}/{lake}"
    body = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {}}
    workspace.arm.put(storage, "2023-05-01", body)
    workspace.arm.put(f"{storage}/blobServices/default/containers/curated", "2023-05-01", {})
    steps = {
        "read": {
            "inputs": {"data": {"type": "uri_folder"}},
            "from": {"data": "${{parent.inputs.data}}"},
            "command": "cat ${{inputs.data}}/sub/a.txt",
        }
    }
    endpoint = deploy(client, tmp_path, steps, {"data": "uri_folder"})
    address = f"https://{lake}.blob.azure.localhost/curated/run=1/"
    data = {"data": Input(type="uri_folder", path=address)}

    denied = wait(client, client.batch_endpoints.invoke(endpoint_name=endpoint, inputs=data).name)
    assert error_of(client, denied.name)["code"] == "AuthorizationPermissionMismatch"
    assert f"ml-steps could not read {address}" in error_of(client, denied.name)["message"]

    workspace.grant(workspace.compute_identity["principalId"], BLOB_READER, storage)
    empty = wait(client, client.batch_endpoints.invoke(endpoint_name=endpoint, inputs=data).name)
    assert error_of(client, empty.name) == {
        "code": "StreamAccess.NotFound",
        "message": f"Step 'read' failed: Input 'data': there is nothing at {address}.",
    }

    workspace.grant(workspace.deployer, BLOB_CONTRIBUTOR, storage)
    with BlobServiceClient(f"https://{lake}.blob.azure.localhost", credential=client._credential) as blobs:
        blobs.get_blob_client("curated", "run=1/sub/a.txt").upload_blob(b"read\n")
    assert wait(client, client.batch_endpoints.invoke(endpoint_name=endpoint, inputs=data).name).status == "Completed"


def test_invoking_needs_a_role_a_deployment_and_the_inputs(
    client: MLClient, workspace: Any, tmp_path: Path, local_azure: Any
) -> None:
    steps = {"only": {"command": "true"}}
    endpoint = deploy(client, tmp_path, steps, {"run_id": "string"})
    url = client.batch_endpoints.get(endpoint).scoring_uri
    assert url == f"https://{endpoint}.westeurope.inference.ml.azure.localhost/jobs"
    token = local_azure.credential.get_token("https://ml.azure.localhost/.default").token
    headers = {"Authorization": f"Bearer {token}"}

    def invoke(inputs: Any, **more: str) -> tuple[int, str]:
        body = {"properties": {"InputData": inputs}}
        response = httpx.post(url, json=body, headers=headers | more)
        return response.status_code, response.json()["error"]["message"]

    assert invoke({}) == (400, "The input 'run_id' (string) is missing.")
    assert invoke({"other": {}}) == (400, "Unknown input: other. The component has run_id.")
    wrong = {"run_id": {"JobInputType": "UriFolder", "Uri": "https://x"}}
    assert invoke(wrong)[1].startswith("The input 'run_id' is of type string: JobInputType 'literal' with 'value'")
    missing = {"azureml-model-deployment": "green"}
    assert invoke({}, **missing) == (404, f"Deployment 'green' does not exist in batch endpoint '{endpoint}'.")
    assert httpx.post(url, json={}).status_code == 401
    arm_token = local_azure.credential.get_token("https://management.azure.localhost/.default").token
    assert httpx.post(url, json={}, headers={"Authorization": f"Bearer {arm_token}"}).status_code == 401


def test_a_job_that_a_client_defines_is_not_supported(client: MLClient) -> None:
    with pytest.raises(HttpResponseError, match="Local Azure does not support jobs that a client defines"):
        client.jobs.create_or_update(command(command="true", environment="azureml:changing:1", compute="cluster"))


def test_a_job_is_canceled_with_its_process(client: MLClient, tmp_path: Path) -> None:
    endpoint = deploy(client, tmp_path, {"long": {"command": f"echo $$ > {tmp_path}/pid && exec sleep 60"}})
    name = client.batch_endpoints.invoke(endpoint_name=endpoint).name
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.05)
    client.jobs.begin_cancel(name).wait()
    assert client.jobs.get(name).status == "Canceled"
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


@pytest.mark.slow
def test_a_killed_gateway_goes_on_with_the_job(client: MLClient, tmp_path: Path, local_azure: Any) -> None:
    marker = tmp_path / "marker"
    steps = {
        "done": {
            "outputs": {"said": {"type": "uri_folder"}},
            "command": f"echo ran >> {marker} && echo said > ${{{{outputs.said}}}}/said.txt",
        },
        "cut": {
            "inputs": {"said": {"type": "uri_folder"}},
            "from": {"said": "${{parent.jobs.done.outputs.said}}"},
            "command": f"cat ${{{{inputs.said}}}}/said.txt && if [ -e {tmp_path}/again ]; then exit 0; fi; "
            f"touch {tmp_path}/again; exec sleep 60",
        },
    }
    endpoint = deploy(client, tmp_path, steps)
    name = client.batch_endpoints.invoke(endpoint_name=endpoint).name
    while not (tmp_path / "again").exists():
        time.sleep(0.05)
    pid = daemon.status(local_azure.folder).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while daemon.status(local_azure.folder).running:
        time.sleep(0.05)
    daemon.start(local_azure.folder)
    job = wait(client, name)
    assert job.status == "Completed"
    assert marker.read_text() == "ran\n"
