"""Tasks by the official client: processes on the nodes of a pool, with files, limits, retries and dependencies."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from typing import Any

import pytest
from azure.batch import models
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError


def test_a_task_is_a_process_with_an_exit_code_files_and_variables(batch: Any) -> None:
    task = batch.run(
        "echo $WORD on $AZ_BATCH_POOL_ID; echo oops >&2; pwd; echo made > made.txt",
        environment_settings=[models.EnvironmentSetting(name="WORD", value="works")],
    )
    assert (task.execution_info.exit_code, task.execution_info.result) == (0, "success")
    said = batch.text(task.id).splitlines()
    assert said[0] == f"works on {batch.client.get_job(batch.job).pool_info.pool_id}"
    assert said[1].endswith(f"workitems/{batch.job}/job-1/{task.id}/wd")
    assert batch.text(task.id, "stderr.txt") == "oops\n"
    files = {file.name: file for file in batch.client.list_task_files(batch.job, task.id, recursive=True)}
    assert set(files) == {"stdout.txt", "stderr.txt", "wd", "wd/made.txt"}
    assert files["wd/made.txt"].properties.content_length == 5
    found = batch.client.get_task_file_properties(batch.job, task.id, "stderr.txt")
    assert int(found.content_length) == 5
    with pytest.raises(ResourceNotFoundError):  # it lies on the node, but outside of the task's folder
        batch.text(task.id, "../../../../startup")


def test_an_exit_code_fails_a_task_once_its_retries_are_used_up(batch: Any) -> None:
    limits = models.BatchTaskConstraints(max_task_retry_count=2)
    task = batch.run("echo x >> $AZ_BATCH_NODE_SHARED_DIR/$AZ_BATCH_TASK_ID; exit 3", constraints=limits)
    info = task.execution_info
    assert (info.exit_code, info.result, info.retry_count) == (3, "failure", 2)
    assert info.failure_info.code == "FailureExitCode"
    counts = batch.client.get_job_task_counts(batch.job).task_counts
    assert (counts.completed, counts.failed, counts.succeeded) == (1, 1, 0)
    batch.client.reactivate_task(batch.job, task.id)
    assert batch.ended(task.id).execution_info.retry_count == 2


def test_a_task_that_is_killed_has_the_signals_exit_code(batch: Any) -> None:
    id = batch.add("echo $$; sleep 60")
    said = batch.wait(lambda: _said(batch, id), bool)
    os.kill(int(said), signal.SIGKILL)
    assert batch.ended(id).execution_info.exit_code == 137


def test_a_task_that_runs_too_long_or_is_terminated_is_ended(batch: Any) -> None:
    limits = models.BatchTaskConstraints(max_wall_clock_time=timedelta(seconds=1))
    info = batch.run("sleep 60", constraints=limits).execution_info
    assert (info.failure_info.code, "maxWallClockTime" in info.failure_info.message) == ("TaskEnded", True)
    id = batch.add("echo started; sleep 60")
    batch.wait(lambda: _said(batch, id), bool)
    batch.client.terminate_task(batch.job, id)
    info = batch.client.get_task(batch.job, id).execution_info
    assert (info.result, info.failure_info.message) == ("failure", "Task Was Ended by User Request")
    with pytest.raises(ResourceExistsError) as refused:
        batch.client.terminate_task(batch.job, id)
    assert refused.value.model.code == "TaskCompleted"


def test_a_task_waits_for_those_that_it_depends_on(batch: Any) -> None:
    last = batch.add("test $(cat $AZ_BATCH_NODE_ROOT_DIR/../said | wc -l) = 2", id="last",
                     depends_on=models.BatchTaskDependencies(task_ids=["first", "second"]))  # fmt: skip
    never = batch.add("true", id="never", depends_on=models.BatchTaskDependencies(task_ids=["fails"]))
    options = models.ExitOptions(dependency_action="satisfy")
    tolerated = models.ExitConditions(exit_codes=[models.ExitCodeMapping(code=7, exit_options=options)])
    batch.add("exit 7", id="tolerated", exit_conditions=tolerated)
    after = batch.add("true", id="after", depends_on=models.BatchTaskDependencies(task_ids=["tolerated"]))
    batch.add("exit 1", id="fails")
    say = "echo said >> $AZ_BATCH_NODE_ROOT_DIR/../said"
    batch.add(say, id="first")
    batch.add(say, id="second")
    assert batch.ended(last).execution_info.exit_code == 0
    assert batch.ended(after).execution_info.exit_code == 0
    batch.ended("fails")
    assert batch.client.get_task(batch.job, never).state == "active"
    # the client's own model of the options is private
    batch.client.begin_terminate_job(batch.job, {"terminateReason": "enough"}, polling_interval=0)  # type: ignore[arg-type]
    assert batch.client.get_job(batch.job).execution_info.termination_reason == "enough"
    assert batch.ended(never).execution_info.failure_info.code == "TaskEnded"


def test_files_come_from_blobs_and_go_to_blobs_with_the_pools_identity(batch: Any) -> None:
    container = batch.container()
    for name in ("in/a.txt", "in/deep/b.txt"):
        container.upload_blob(name, name.encode(), overwrite=True)
    reference = models.BatchNodeIdentityReference(resource_id=batch.identity)
    files = [
        models.ResourceFile(http_url=f"{container.url}/in/a.txt", file_path="one.txt", identity_reference=reference),
        models.ResourceFile(storage_container_url=container.url, blob_prefix="in/deep", identity_reference=reference),
        models.ResourceFile(auto_storage_container_name="files", blob_prefix="in/a", file_path="auto"),
    ]
    destination = models.OutputFileBlobContainerDestination(
        container_url=container.url, path="out", identity_reference=reference
    )
    outputs = [
        models.OutputFile(
            file_pattern=pattern,
            destination=models.OutputFileDestination(container=destination),
            upload_options=models.OutputFileUploadConfiguration(upload_condition="taskcompletion"),
        )
        for pattern in ("../std*.txt", "*.json")
    ]
    task = batch.run(
        "cat one.txt in/deep/b.txt auto/in/a.txt; echo {} > made.json; exit 3",
        resource_files=files,
        output_files=outputs,
    )
    assert task.execution_info.exit_code == 3, task.execution_info.failure_info
    assert container.download_blob("out/stdout.txt").readall() == b"in/a.txtin/deep/b.txtin/a.txt"
    assert {blob.name for blob in container.list_blobs("out/")} == {"out/stdout.txt", "out/stderr.txt", "out/made.json"}


@pytest.mark.parametrize(
    ("file", "code"), [("absent.txt", "BlobNotFound"), ("in/a.txt", "BlobAccessDenied")], ids=["absent", "refused"]
)
def test_a_file_that_cannot_be_had_fails_the_task(batch: Any, file: str, code: str) -> None:
    container = batch.container()
    container.upload_blob("in/a.txt", b"a", overwrite=True)
    reference = models.BatchNodeIdentityReference(resource_id=batch.identity) if code == "BlobNotFound" else None
    wanted = models.ResourceFile(http_url=f"{container.url}/{file}", file_path="x", identity_reference=reference)
    info = batch.run("true", resource_files=[wanted]).execution_info
    assert (info.failure_info.code, info.exit_code) == (code, None)
    assert file in info.failure_info.message


def test_code_in_a_task_has_the_pools_identity_and_its_own_packages(batch: Any) -> None:
    program = (
        "from azure.identity import DefaultAzureCredential as Credential; import azure.identity, sys;"
        "print(len(Credential().get_token('https://storage.azure.com/.default').token) > 100, 'adfkit' in sys.modules)"
    )
    command = (
        f'echo {{}} > requirements.txt; uv run --no-project --with-requirements requirements.txt python -c "{program}"'
    )
    task = batch.run(command.format("azure-identity==1.27.0"))
    assert task.execution_info.exit_code == 0, batch.text(task.id, "stderr.txt")
    assert batch.text(task.id) == "True False\n"
    task = batch.run(command.format(""))
    assert task.execution_info.exit_code == 1
    assert "ModuleNotFoundError: No module named 'azure'" in batch.text(task.id, "stderr.txt")
    task = batch.run("uv pip list")
    assert "uv run --no-project" in batch.text(task.id, "stderr.txt")
    task = batch.run("apt-get install something")
    assert (task.execution_info.exit_code, "install by hand" in batch.text(task.id, "stderr.txt")) == (100, True)


def test_what_cannot_be_is_refused_by_the_services_codes(batch: Any) -> None:
    batch.add("true", id="twice")
    cases = [
        (lambda: batch.add("true", id="twice"), 409, "TaskExists"),
        (lambda: batch.add("true", id="a.b"), 400, "InvalidPropertyValue"),
        (lambda: batch.client.get_task(batch.job, "none"), 404, "TaskNotFound"),
        (lambda: batch.client.get_job("none"), 404, "JobNotFound"),
        (lambda: batch.new_job("none"), 404, "PoolNotFound"),
        (lambda: batch.client.get_pool("none"), 404, "PoolNotFound"),
        (lambda: batch.new_job("x", job_release_task={"commandLine": "true"}), 501, "NotImplemented"),
        (lambda: list(batch.client.list_job_schedules()), 501, "NotImplemented"),
        (lambda: batch.add("true", container_settings={"imageName": "x"}), 501, "NotImplemented"),
    ]  # fmt: skip
    for call, status, code in cases:
        with pytest.raises(HttpResponseError) as refused:
            call()
        assert (refused.value.status_code, refused.value.model.code) == (status, code)
    job = batch.new_job(batch.client.get_job(batch.job).pool_info.pool_id)
    task = models.BatchTaskCreateOptions(id="x", command_line="true", depends_on={"taskIds": ["y"]})
    with pytest.raises(HttpResponseError, match="usesTaskDependencies"):
        batch.client.create_task(job, task)


def test_many_tasks_are_added_at_once_listed_in_pages_and_deleted_with_their_job(batch: Any) -> None:
    wanted = [models.BatchTaskCreateOptions(id=f"t{number}", command_line="true") for number in range(12)]
    results = batch.client.create_tasks(batch.job, wanted).result_values
    assert {result.status for result in results} == {"success"}
    for task in wanted:
        batch.ended(task.id)
    listed = list(batch.client.list_tasks(batch.job, max_results=5, select=["id", "state"]))
    assert sorted(task.id for task in listed) == sorted(task.id for task in wanted)
    assert len(list(batch.client.list_tasks(batch.job, filter="state eq 'active'"))) == 0
    assert batch.job in {job.id for job in batch.client.list_jobs()}
    batch.client.begin_delete_job(batch.job, polling_interval=0).result()
    with pytest.raises(ResourceNotFoundError):
        batch.client.get_job(batch.job)


def _said(batch: Any, id: str) -> str:
    try:
        return str(batch.text(id)).strip()
    except ResourceNotFoundError:
        return ""
