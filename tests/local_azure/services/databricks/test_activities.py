"""Data Factory's Databricks activities on a real workspace, with the factory's own identity."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import uuid4

import pytest
from azure.mgmt.datafactory.models import ActivityRun
from databricks.sdk.service import jobs, workspace

from adfkit.local_azure import daemon
from tests.conftest import LocalAzure
from tests.local_azure.services.data_factory.conftest import GROUP, FactoryClient

from .conftest import QUICK, SECONDS, SUBSCRIPTION, Databricks, credential_of, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"


@dataclass
class Factory:
    """A factory that may run on the workspace, and the linked service `spark`."""

    client: FactoryClient
    databricks: Databricks
    grant: str

    def run(self, type: str, policy: dict[str, Any] | None = None, **properties: Any) -> ActivityRun:
        """Run one activity to its end."""
        return self.ended(self.start(type, policy, **properties))

    def start(self, type: str, policy: dict[str, Any] | None = None, **properties: Any) -> str:
        """Begin a pipeline of one activity."""
        activity = {
            "name": "Run",
            "type": type,
            "linkedServiceName": {"referenceName": "spark", "type": "LinkedServiceReference"},
            "policy": policy or {},
            "typeProperties": properties,
        }
        self.client.pipeline("spark", activity)
        return self.client.start("spark")

    def ended(self, run: str) -> ActivityRun:
        """The activity, once its pipeline run has ended."""
        return self.client.activities(self.client.wait(run, SECONDS))["Run"]

    def linked_service(self, **properties: Any) -> None:
        """Put the linked service; a property that is None is left out."""
        given = {
            "domain": self.databricks.client.config.host,
            "authentication": "MSI",
            "workspaceResourceId": self.databricks.id,
            "newClusterVersion": "17.3.x-scala2.13",
            "newClusterNodeType": "Standard_D4ds_v5",
            "newClusterNumOfWorker": "1:4",
            "newClusterSparkConf": QUICK,
            "newClusterSparkEnvVars": {"GREETING": "hello"},
            "newClusterLogDestination": "dbfs:/cluster-logs",
            **properties,
        }
        kept = {name: value for name, value in given.items() if value is not None}
        self.client.put("linked_services", "spark", {"type": "AzureDatabricks", "typeProperties": kept})


def make_factory(databricks: Databricks, local_azure: LocalAzure) -> Factory:
    """A new factory with Contributor on the workspace."""
    databricks.resources.resource_groups.create_or_update(GROUP, {"location": "westeurope"})
    client = FactoryClient(local_azure, f"factory-{uuid4().hex[:8]}")
    body = {"location": "westeurope", "identity": {"type": "SystemAssigned"}}
    identity = client.client.factories.create_or_update(GROUP, client.name, body).identity  # type: ignore[arg-type]
    grant = str(uuid4())
    role = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{CONTRIBUTOR}"
    properties = {"roleDefinitionId": role, "principalId": identity.principal_id, "principalType": "ServicePrincipal"}
    databricks.roles.role_assignments.create(databricks.id, grant, {"properties": properties})  # type: ignore[arg-type]
    made = Factory(client, databricks, grant)
    made.linked_service()
    return made


@pytest.fixture
def factory(databricks: Databricks, local_azure: LocalAzure) -> Iterator[Factory]:
    made = make_factory(databricks, local_azure)
    yield made
    made.client.client.factories.delete(GROUP, made.client.name)


def test_a_notebook_runs_and_its_exit_value_is_the_output(factory: Factory) -> None:
    path = factory.databricks.notebook(
        "/activities/good",
        "import json, os\nprint('a line of the driver')",
        "dbutils.notebook.exit(json.dumps({'run': dbutils.widgets.get('run'), 'n': dbutils.widgets.get('n'),"
        " 'greeting': os.environ['GREETING'], 'rows': spark.range(5).count()}))",
    )
    run_id = {"value": "@pipeline().RunId", "type": "Expression"}
    found = factory.run("DatabricksNotebook", notebookPath=path, baseParameters={"run": run_id, "n": 3})
    assert found.status == "Succeeded", found.error
    output: Any = found.output
    assert output["runOutput"] == {"run": found.pipeline_run_id, "n": "3", "greeting": "hello", "rows": 5}
    assert output["effectiveIntegrationRuntime"].startswith("AutoResolveIntegrationRuntime")
    run = factory.databricks.client.jobs.get_run(output["runId"])
    assert run.run_page_url == output["runPageUrl"]
    assert run.tasks[0].new_cluster.autoscale.max_workers == 4
    log = f"/cluster-logs/{run.tasks[0].cluster_instance.cluster_id}/driver/stdout"
    assert b"a line of the driver" in factory.databricks.client.dbfs.download(log).read()


def test_a_notebook_that_throws_fails_with_its_message(factory: Factory) -> None:
    path = factory.databricks.notebook(
        "/activities/bad", "def fail():\n    raise ValueError('the data is broken')", "fail()"
    )
    found = factory.run("DatabricksNotebook", notebookPath=path)
    assert (found.status, found.error["errorCode"]) == ("Failed", "3204")
    assert found.error["message"] == (
        "Databricks execution failed with error state: Terminated, error message: Workload failed, see run output for "
        "details. ValueError: the data is broken. For more details please check the run page url: "
        f"{found.output['runPageUrl']}."
    )
    assert found.output["runError"] == "ValueError: the data is broken"


def test_what_cannot_begin_says_why(factory: Factory) -> None:
    found = factory.run("DatabricksNotebook", notebookPath="/activities/absent")
    assert found.error["errorCode"] == "3204"
    assert "error state: InternalError, error message: Notebook not found: /activities/absent" in found.error["message"]
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"newClusterVersion": "13.3.x-scala2.12"}, "3204", "Invalid spark version '13.3.x-scala2.12'"),
        ({"newClusterNodeType": None}, "2103", "newClusterNodeType"),
        ({"existingClusterId": "1123-000000-absent"}, "3204", "Cluster 1123-000000-absent does not exist"),
        ({"workspaceResourceId": None}, "2103", "workspaceResourceId"),
        (
            {"accessToken": {"type": "SecureString", "value": "x"}},
            "NotSupported",
            "'accessToken' in linked service 'spark'",
        ),
        ({"newClusterInitScripts": ["dbfs:/init.sh"]}, "3204", "init scripts"),
    ]
    for properties, code, says in cases:
        factory.linked_service(**properties)
        found = factory.run("DatabricksNotebook", notebookPath="/activities/absent")
        assert (found.status, found.error["errorCode"]) == ("Failed", code), found.error
        assert says in found.error["message"]


def test_a_factory_without_a_role_on_the_workspace_is_refused(factory: Factory) -> None:
    factory.databricks.roles.role_assignments.delete(factory.databricks.id, factory.grant)
    found = factory.run("DatabricksNotebook", notebookPath="/activities/absent")
    assert (found.status, found.error["errorCode"]) == ("Failed", "3200")
    assert "PERMISSION_DENIED" in found.error["message"]
    assert f"managed identity '{factory.client.name}'" in found.error["message"]


def test_a_cancelled_pipeline_run_cancels_the_run(factory: Factory) -> None:
    path = factory.databricks.notebook("/activities/slow", "import time", "time.sleep(300)")
    run = factory.start("DatabricksNotebook", notebookPath=path)
    (active,) = wait_for(lambda: [each for each in _runs(factory) if each.state.life_cycle_state.value == "RUNNING"])
    factory.client.client.pipeline_runs.cancel(GROUP, factory.client.name, run)
    assert factory.client.wait(run).status == "Cancelled"
    ended = factory.databricks.client.jobs.get_run(active.run_id)
    assert ended.state.result_state == jobs.RunResultState.CANCELED


def test_a_pipeline_run_goes_on_with_its_run_after_the_gateway_was_killed(
    tmp_path: Path, another_workspace: Callable[[LocalAzure], Databricks]
) -> None:
    started = daemon.start(tmp_path)
    try:
        environment = daemon.environment(tmp_path)
        with mock.patch.dict(os.environ, environment):
            local_azure = LocalAzure(tmp_path, environment, credential_of(environment))
            factory = make_factory(another_workspace(local_azure), local_azure)
            client = factory.databricks.client
            path = factory.databricks.notebook("/main", RUN_TWICE)
            run = factory.start("DatabricksNotebook", notebookPath=path)
            wait_for(lambda: list(client.dbfs.list("/starts")))
            os.kill(started.pid, signal.SIGKILL)
            wait_for(lambda: not daemon.status(tmp_path).running)
            daemon.start(tmp_path)
            found = factory.ended(run)
            assert found.status == "Succeeded", found.error
            # the notebook began twice, in one run
            assert found.output["runOutput"] == "2"  # type: ignore[index]
            assert [each.run_id for each in client.jobs.list_runs()] == [found.output["runId"]]  # type: ignore[index]
    finally:
        daemon.stop(tmp_path)


RUN_TWICE = """
import time, uuid
dbutils.fs.put(f'/starts/{uuid.uuid4()}', '')
starts = len(dbutils.fs.ls('/starts'))
if starts == 1:
    time.sleep(600)
dbutils.notebook.exit(str(starts))
"""


def test_a_python_file_runs_with_its_arguments(factory: Factory) -> None:
    client = factory.databricks.client
    client.workspace.mkdirs("/activities")
    for name, text in (("helper.py", "def greet(x):\n    return f'hello {x}'\n"), ("main.py", PROGRAM)):
        client.workspace.upload(f"/activities/{name}", text.encode(), format=workspace.ImportFormat.RAW, overwrite=True)
    arguments = [{"value": "@concat('wor', 'ld')", "type": "Expression"}, 2]
    found = factory.run("DatabricksSparkPython", pythonFile="/activities/main.py", parameters=arguments)
    assert found.status == "Succeeded", found.error
    run = client.jobs.get_run(found.output["runId"])  # type: ignore[index]
    assert "hello world 2" in client.jobs.get_run_output(run.tasks[0].run_id).logs


PROGRAM = """
import sys
from helper import greet
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print(greet(sys.argv[1]), spark.range(int(sys.argv[2])).count())
"""


def _runs(factory: Factory) -> list[jobs.BaseRun]:
    own = f"ADF_{factory.client.name}_"
    return [run for run in factory.databricks.client.jobs.list_runs() if run.run_name.startswith(own)]
