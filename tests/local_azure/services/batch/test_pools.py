"""Pools by the official clients: nodes and slots, resizing, formulas, start tasks, roles, and a killed gateway."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import uuid4

import pytest
from azure.batch import BatchClient, models
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.mgmt.batch import BatchManagementClient

from adfkit.local_azure import cloud, daemon
from adfkit.local_azure.services.batch import autoscale

FORMULA = "pending = max($PendingTasks.GetSample(1)); $TargetDedicatedNodes = min(2, pending);"
JOB_SUBMITTER = "48e5e92e-a480-4e71-aa9c-2778f4c13781"


def states(batch: Any, pool: str) -> list[str]:
    return [str(node.state.value) for node in batch.client.list_nodes(pool)]


def counted(batch: Any, pool: str) -> Any:
    return next(each for each in batch.client.list_pool_node_counts() if each.pool_id == pool).dedicated


def test_a_pool_has_the_nodes_that_it_is_resized_to(batch: Any) -> None:
    pool = batch.pool({"fixedScale": {"targetDedicatedNodes": 0}})
    assert batch.client.get_pool(pool).current_dedicated_nodes == 0
    batch.client.begin_resize_pool(
        pool, models.BatchPoolResizeOptions(target_dedicated_nodes=2), polling_interval=1
    ).result()
    batch.wait(lambda: states(batch, pool), lambda found: found == ["idle", "idle"])
    assert (counted(batch, pool).idle, counted(batch, pool).total) == (2, 2)
    management = BatchManagementClient(
        batch.local_azure.credential,
        cloud.SUBSCRIPTION_ID,
        base_url=cloud.RESOURCE_MANAGER,
        credential_scopes=[f"{cloud.RESOURCE_MANAGER}.default"],
    )
    shown = management.pool.get(batch.group, batch.account, pool)
    properties = getattr(shown, "properties", shown)
    assert properties.current_dedicated_nodes == 2
    with pytest.raises(HttpResponseError) as refused:
        batch.client.begin_resize_pool(pool, models.BatchPoolResizeOptions(target_dedicated_nodes=1000))
    assert refused.value.model.code == "InvalidPropertyValue"


def test_as_many_tasks_run_at_once_as_there_are_slots(batch: Any) -> None:
    pool = batch.pool({"fixedScale": {"targetDedicatedNodes": 1}}, taskSlotsPerNode=2)
    batch.job = batch.new_job(pool)
    ids = [batch.add("while ! test -e $AZ_BATCH_NODE_SHARED_DIR/go; do sleep 0.05; done") for _ in range(3)]
    counts = batch.wait(
        lambda: batch.client.get_job_task_counts(batch.job).task_counts, lambda found: found.running == 2
    )
    assert counts.active == 1
    (node,) = batch.client.list_nodes(pool)
    assert (node.running_tasks_count, node.running_task_slots_count) == (2, 2)
    root = batch.client.get_task(batch.job, ids[0]).node_info
    assert root.node_id == node.id
    (folder,) = [path for path in (batch.local_azure.folder / "batch").glob(f"*/workitems/{batch.job}")]
    (folder.parent.parent / "shared" / "go").touch()
    assert {batch.ended(id).execution_info.exit_code for id in ids} == {0}


def test_a_pool_of_a_formula_has_nodes_while_tasks_wait(batch: Any) -> None:
    pool = batch.pool({"autoScale": {"formula": FORMULA, "evaluationInterval": "PT5M"}})
    assert batch.client.get_pool(pool).current_dedicated_nodes == 0
    batch.job = batch.new_job(pool)
    assert batch.run("true").execution_info.exit_code == 0
    shown = batch.client.get_pool(pool)
    assert (shown.enable_auto_scale, shown.current_dedicated_nodes) == (True, 1)
    assert "$TargetDedicatedNodes=1" in shown.auto_scale_run.results
    found = batch.client.evaluate_pool_auto_scale(
        pool, models.BatchPoolEvaluateAutoScaleOptions(auto_scale_formula="$TargetDedicatedNodes = $CPUPercent * 2;")
    )
    assert found.error.code == "AutoScalingFormulaEvaluationError"
    assert "'$CPUPercent' is not supported in local Azure" in found.error.message
    batch.client.disable_pool_auto_scale(pool)
    assert batch.client.get_pool(pool).target_dedicated_nodes == 1


def test_a_start_task_runs_before_tasks_and_keeps_them_off_where_it_fails(batch: Any) -> None:
    start = {"commandLine": "/bin/sh -c 'echo ready > $AZ_BATCH_NODE_SHARED_DIR/started'", "waitForSuccess": True}
    one = {"fixedScale": {"targetDedicatedNodes": 1}}
    batch.job = batch.new_job(batch.pool(one, startTask=start))
    task = batch.run("cat $AZ_BATCH_NODE_SHARED_DIR/started")
    assert batch.text(task.id) == "ready\n"
    pool = batch.pool(one, startTask={"commandLine": "/bin/sh -c 'exit 4'", "waitForSuccess": True})
    batch.wait(lambda: states(batch, pool), lambda found: found == ["starttaskfailed"])
    (node,) = batch.client.list_nodes(pool)
    assert (node.start_task_info.exit_code, counted(batch, pool).start_task_failed) == (4, 1)


def test_a_caller_needs_a_role_and_a_token_for_batch(batch: Any) -> None:
    class Tokens:
        """Tokens of one identity of the pool, got as code in a task gets them."""

        def __init__(self, token: str) -> None:
            self.token = token

        def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
            return AccessToken(self.token, 2**31)

    program = "from azure.identity import DefaultAzureCredential as C; print(C().get_token('https://batch.core.windows.net//.default').token)"
    task = batch.run(
        f'echo azure-identity==1.27.0 > r.txt; uv run --no-project --with-requirements r.txt python -c "{program}"'
    )
    with BatchClient(batch.endpoint, Tokens(batch.text(task.id).strip())) as client:
        with pytest.raises(HttpResponseError) as refused:
            client.get_job(batch.job)
        assert (refused.value.status_code, refused.value.model.code) == (403, "AuthorizationFailed")
        assert "Microsoft.Batch/batchAccounts/jobs/read" in refused.value.model.message.value
        parameters = {
            "role_definition_id": f"/subscriptions/{cloud.SUBSCRIPTION_ID}/providers/Microsoft.Authorization/"
            f"roleDefinitions/{JOB_SUBMITTER}",
            "principal_id": batch.identity_principal,
            "principal_type": "ServicePrincipal",
        }
        name = str(uuid4())
        batch.roles.role_assignments.create(batch.account_id, name, parameters)
        assert client.get_job(batch.job).id == batch.job
        with pytest.raises(HttpResponseError) as refused:
            client.begin_resize_pool(
                client.get_job(batch.job).pool_info.pool_id, models.BatchPoolResizeOptions(target_dedicated_nodes=1)
            )
        assert refused.value.status_code == 403
        batch.roles.role_assignments.delete(batch.account_id, name)
    wrong = batch.local_azure.credential.get_token("https://storage.azure.com/.default").token
    with BatchClient(batch.endpoint, Tokens(wrong)) as client, pytest.raises(HttpResponseError) as refused:
        client.get_job(batch.job)
    assert refused.value.status_code == 401


@pytest.mark.slow
def test_tasks_of_a_gateway_that_was_killed_run_again(tmp_path: Path, another_batch_cloud: Any) -> None:
    started = daemon.start(tmp_path)
    try:
        environment = daemon.environment(tmp_path)
        with mock.patch.dict(os.environ, environment):
            made = another_batch_cloud(_Local(tmp_path, environment))
            made.job = made.new_job(made.pool({"fixedScale": {"targetDedicatedNodes": 1}}))
            done = made.run("echo done")
            id = made.add("cd $AZ_BATCH_NODE_SHARED_DIR; echo once >> runs; test $(wc -l < runs) = 2 || sleep 60")
            made.wait(lambda: made.client.get_task(made.job, id), lambda task: task.state == "running")
            os.kill(started.pid, signal.SIGKILL)
            made.wait(lambda: daemon.status(tmp_path), lambda found: not found.running)
            daemon.start(tmp_path)
            task = made.ended(id)
            assert (task.execution_info.exit_code, task.execution_info.requeue_count) == (0, 1)
            assert made.client.get_task(made.job, done.id).execution_info.requeue_count == 0
            assert made.text(done.id) == "done\n"
    finally:
        daemon.stop(tmp_path)


class _Local:
    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        from azure.identity import DefaultAzureCredential

        self.folder, self.environment, self.credential = folder, environment, DefaultAzureCredential()


SAMPLES = {"$PendingTasks": autoscale.Samples([(0, 4.0), (30, 2.0), (400, 9.0)])}
TEMPLATE = """
samples = $PendingTasks.GetSamplePercent(TimeInterval_Minute * 5);
tasks = samples < 70 ? max(0, $PendingTasks.GetSample(1)) :
    max($PendingTasks.GetSample(1), avg($PendingTasks.GetSample(TimeInterval_Minute * 5)));
$TargetDedicatedNodes = min(3, tasks); // at most three
$NodeDeallocationOption = taskcompletion;
"""


@pytest.mark.parametrize(
    ("formula", "name", "value"),
    [
        (TEMPLATE, "$TargetDedicatedNodes", 3.0),
        (TEMPLATE, "$NodeDeallocationOption", "taskcompletion"),
        (TEMPLATE, "samples", 20.0),
        ("x = avg($PendingTasks.GetSample(TimeInterval_Minute * 5));", "x", 3.0),
        ("x = (1 + 2) * 3 - 4 / 2; y = x >= 7 && !(x == 8) ? 1 : 0", "y", 1.0),
        ("x = ceil(3 / 2) + floor(7 / 2);", "x", 5.0),
        ("x = len($PendingTasks.GetSample(2)) + -1", "x", 1.0),
    ],
)
def test_formulas_are_computed(formula: str, name: str, value: object) -> None:
    assert autoscale.evaluate(formula, SAMPLES, {})[name] == value


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("x = time();", "The function 'time' is not supported"),
        ("x = $CPUPercent.GetSample(1);", "'$CPUPercent' is not supported"),
        ("x = 1 y = 2;", "';' is wanted, not 'y'"),
        ("x = 1 +", "ends too early"),
        ("x = 1 / 0;", "divides by zero"),
        ("x = 1 @ 2;", "'@ 2;' is not understood"),
        ("x = taskcompletion + 1;", "'taskcompletion' is not a number"),
    ],
)
def test_formulas_that_cannot_be_computed_say_why(formula: str, says: str) -> None:
    with pytest.raises(autoscale.FormulaError) as error:
        autoscale.evaluate(formula, SAMPLES, {})
    assert says in str(error.value)
