"""Notebooks run by Spark through the official client: parameters, exit value, errors, `dbutils`, libraries."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from databricks.sdk.service import compute, jobs, workspace

from .conftest import CLUSTER, Databricks, gone, task, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_notebook_uses_others_files_sql_shells_packages_and_udfs(databricks: Databricks) -> None:
    client, files = databricks.client, workspace.ImportFormat.RAW
    client.workspace.mkdirs("/tools/lib")
    client.workspace.upload("/tools/lib/own.py", b"def double(x):\n    return 2 * x\n", format=files, overwrite=True)
    databricks.notebook("/tools/shared/names", "greeting = f\"hello {dbutils.widgets.get('who')}\"")
    databricks.notebook("/tools/inner", "dbutils.notebook.exit(dbutils.widgets.get('x') * 2)")
    client.workspace.upload(
        "/tools/notes", _jupyter("from_jupyter = 42"), format=workspace.ImportFormat.JUPYTER, overwrite=True
    )
    client.secrets.create_scope("tools")
    client.secrets.put_secret("tools", "key", string_value="hidden-value")
    path = databricks.notebook(
        "/tools/main",
        '# MAGIC %run ./shared/names $who="you"',
        "# MAGIC %run /tools/notes",
        "from lib.own import double\nfrom pyspark.sql.functions import udf\n"
        "found = {'greeting': greeting, 'jupyter': from_jupyter}\n"
        "found['udf'] = spark.range(3).select(udf(double, 'long')('id').alias('d')).agg({'d': 'sum'}).first()[0]",
        "# MAGIC %sql\n# MAGIC CREATE TEMP VIEW numbers AS SELECT * FROM range(10); -- a comment; with a semicolon\n"
        "# MAGIC SELECT count(*) AS n, ';' AS s FROM numbers WHERE id >= :least",
        "found['sql'] = _sqldf.first().n",
        "# MAGIC %sh echo from the shell > shell.txt",
        "found['shell'] = open('shell.txt').read().strip()",
        "found['inner'] = dbutils.notebook.run('inner', 60, {'x': 'ab'})",
        "dbutils.fs.put('dbfs:/tools/text', 'some text', True)\n"
        "found['head'] = dbutils.fs.head('/tools/text')\n"
        "found['ls'] = [(each.path, each.size) for each in dbutils.fs.ls('dbfs:/tools')]\n"
        "dbutils.fs.cp('dbfs:/tools/text', 'dbfs:/tools/copy')\n"
        "found['removed'] = [dbutils.fs.rm('dbfs:/tools/copy'), dbutils.fs.rm('dbfs:/tools/copy')]",
        "secret = dbutils.secrets.get('tools', 'key')\nfound['secret'] = len(secret)\nprint('the key is', secret)",
        "import narwhals\nfound['library'] = narwhals.__version__",
        "display(spark.table('numbers'))",
        "import os, subprocess\nfound['left'] = subprocess.Popen(['sleep', '600']).pid",
        "import json\ndbutils.notebook.exit(json.dumps(found))",
    )
    package = compute.Library(pypi=compute.PythonPyPiLibrary("narwhals==2.29.0"))
    cluster = dataclasses.replace(CLUSTER, cluster_log_conf=_logs("dbfs:/tools-logs"))
    output = databricks.run(path, {"least": "4"}, new_cluster=cluster, libraries=[package])
    assert output.error is None, output.error_trace
    found = json.loads(output.notebook_output.result)
    left = found.pop("left")
    assert wait_for(lambda: gone(left))
    assert found == {
        "greeting": "hello you",
        "jupyter": 42,
        "udf": 6,
        "sql": 6,
        "shell": "from the shell",
        "inner": "abab",
        "head": "some text",
        "ls": [["dbfs:/tools/text", 9]],
        "removed": [True, False],
        "secret": 12,
        "library": "2.29.0",
    }
    run = output.metadata
    log = client.dbfs.download(f"/tools-logs/{run.cluster_instance.cluster_id}/driver/stdout").read().decode()
    assert "the key is [REDACTED]" in log and "hidden-value" not in log
    assert "|id |" in log
    client.secrets.delete_scope("tools")


def test_errors_have_the_notebooks_message_and_its_own_lines(databricks: Databricks) -> None:
    databricks.notebook("/errors/inner", "raise KeyError('inside')")
    databricks.notebook("/errors/slow", "import time\nfor _ in range(600):\n    time.sleep(0.1)")
    path = databricks.notebook(
        "/errors/main",
        "said = []\n"
        "def attempt(*arguments):\n"
        "    try:\n"
        "        dbutils.notebook.run(*arguments)\n"
        "    except Exception as error:\n"
        "        said.append(str(error))",
        "attempt('inner')\nattempt('absent')\nattempt('slow', 1)",
        "try:\n    dbutils.widgets.get('nothing')\nexcept Exception as error:\n    said.append(type(error).__name__)",
        "def broken(rows):\n    raise ValueError(f'{rows} rows are broken; ' + ' | '.join(said))",
        "broken(3)",
    )
    output = databricks.run(path)
    assert output.error == (
        "ValueError: 3 rows are broken; FAILED: Notebook /errors/inner: KeyError: 'inside' | "
        "FAILED: Notebook /errors/absent: NotebookNotFoundError: Notebook not found: /errors/absent | "
        "TIMEDOUT: Notebook /errors/slow ran longer than 1 seconds | InputWidgetNotDefined"
    )
    assert "    raise ValueError(f'{rows} rows are broken; ' + ' | '.join(said))\n" in output.error_trace
    assert "databricks_driver" not in output.error_trace and "exec(" not in output.error_trace
    state = output.metadata.state
    assert (state.life_cycle_state, state.state_message) == (
        jobs.RunLifeCycleState.TERMINATED,
        "Workload failed, see run output for details",
    )


def test_a_library_that_is_not_there_fails_the_task_before_it_runs(databricks: Databricks) -> None:
    path = databricks.notebook("/absent-library/main", "print(1)")
    library = compute.Library(whl="/Workspace/absent/one-1.0-py3-none-any.whl")
    output = databricks.run(path, libraries=[library])
    assert output.error == "Library installation failed: File not found: /Workspace/absent/one-1.0-py3-none-any.whl"
    assert output.metadata.state.life_cycle_state == jobs.RunLifeCycleState.INTERNAL_ERROR


def test_tasks_depend_on_one_another_and_hand_values_on(databricks: Databricks) -> None:
    good = databricks.notebook(
        "/graph/good", "dbutils.jobs.taskValues.set('n', 7)\ndbutils.notebook.exit(dbutils.widgets.get('day'))"
    )
    bad = databricks.notebook("/graph/bad", "1 / 0")
    last = databricks.notebook(
        "/graph/last",
        "value = dbutils.jobs.taskValues.get('good', 'n')\n"
        "dbutils.notebook.exit(f\"{value} {dbutils.widgets.get('text')}\")",
    )
    above = [jobs.TaskDependency("good"), jobs.TaskDependency("bad")]
    text = {"text": "{{tasks.good.values.n}} of {{job.parameters.day}}, {{unknown}}"}
    tasks = [
        _job_task("good", good),
        _job_task("bad", bad),
        _job_task("skipped", last, depends_on=above),
        _job_task("last", last, text, depends_on=above, run_if=jobs.RunIf.ALL_DONE),
    ]
    api = databricks.client.jobs
    job = api.create(name="graph", tasks=tasks, parameters=[jobs.JobParameterDefinition("day", "monday")])
    waiter = api.run_now(job.job_id, job_parameters={"day": "friday"})
    skipped = api.get_run(api.run_now(job.job_id).run_id)
    assert skipped.state.life_cycle_state == jobs.RunLifeCycleState.SKIPPED
    assert skipped.state.result_state == jobs.RunResultState.MAXIMUM_CONCURRENT_RUNS_REACHED
    databricks.ended_run(waiter)
    run = api.get_run(waiter.run_id)
    results = {each.task_key: each.state.result_state.value for each in run.tasks}
    assert results == {"good": "SUCCESS", "bad": "FAILED", "skipped": "UPSTREAM_FAILED", "last": "SUCCESS"}
    assert (run.state.life_cycle_state, run.state.result_state) == (
        jobs.RunLifeCycleState.INTERNAL_ERROR,
        jobs.RunResultState.FAILED,
    )
    assert run.state.state_message.startswith("Task bad failed with message: Workload failed, see run output")
    outputs = {each.task_key: api.get_run_output(each.run_id) for each in run.tasks}
    assert outputs["good"].notebook_output.result == "friday"
    assert outputs["last"].notebook_output.result == "7 7 of friday, {{unknown}}"
    assert outputs["bad"].error == "ZeroDivisionError: division by zero"
    assert {each.run_id for each in api.list_runs(job_id=job.job_id)} == {run.run_id, skipped.run_id}
    with pytest.raises(Exception, match="output of runs with multiple tasks is not supported"):
        api.get_run_output(run.run_id)


def _job_task(key: str, path: str, parameters: dict[str, str] | None = None, **options: Any) -> jobs.Task:
    made = task(path, parameters)
    return jobs.Task(key, notebook_task=made.notebook_task, new_cluster=made.new_cluster, **options)


def _logs(destination: str) -> compute.ClusterLogConf:
    return compute.ClusterLogConf(dbfs=compute.DbfsStorageInfo(destination))


def _jupyter(text: str) -> bytes:
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": [text]}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 0}).encode()
