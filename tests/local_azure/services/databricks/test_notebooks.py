"""Notebooks run by Spark through the official client: parameters, exit value, errors, `dbutils`, libraries."""

from __future__ import annotations

import json

import pytest

from .conftest import Databricks

pytestmark = pytest.mark.slow


def test_a_notebook_gets_parameters_and_its_exit_value_comes_back(databricks: Databricks) -> None:
    path = databricks.notebook(
        "/simple/main",
        'dbutils.widgets.text("name", "nobody")\ndbutils.widgets.text("count", "3")',
        "# MAGIC %md\n# MAGIC # A title",
        "total = spark.range(int(dbutils.widgets.get('count'))).count()",
        "import json\ndbutils.notebook.exit(json.dumps({'name': dbutils.widgets.get('name'), 'total': total}))",
        "raise RuntimeError('never reached')",
    )
    output = databricks.run(path, {"name": "a 'quoted' ☃"})
    assert output.error is None, output.error_trace
    assert json.loads(output.notebook_output.result) == {"name": "a 'quoted' ☃", "total": 3}
    assert output.metadata.state.result_state.value == "SUCCESS"
