"""Libraries: what their requirements come to, and a cluster that has them."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest
from databricks.sdk.service import compute, jobs, workspace

from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.services.databricks import libraries

from .conftest import CLUSTER, Databricks

LOCKED = "narwhals==2.29.0 \\\n    --hash=sha256:0123"


def test_without_libraries_the_runtimes_lock_is_the_whole() -> None:
    assert libraries.merge("").count("--hash=") == libraries.LOCK.read_text(encoding="utf-8").count("--hash=")


def test_a_package_of_the_task_goes_before_the_runtimes() -> None:
    merged = libraries.merge("pandas==2.3.0\nnarwhals>=2")
    assert "pandas==2.3.0" in merged and merged.count("pandas==") == 1
    assert "pyspark==4.0.1" in merged and "--hash=" not in merged


def test_hashes_hold_for_all_where_the_task_has_them() -> None:
    merged = libraries.merge(LOCKED)
    assert LOCKED in merged and "pyspark==4.0.1 \\\n    --hash=" in merged


def test_files_are_kept_under_their_hash(tmp_path: Path) -> None:
    given = [{"whl": "/libs/own-1.0-py3-none-any.whl"}, {"jar": "dbfs:/jars/own.jar"}, {"requirements": "/r.txt"}]
    found = libraries.plan(given, lambda path: b"narwhals>=2" if path == "/r.txt" else path.encode(), tmp_path)
    digest = hashlib.sha256(b"/libs/own-1.0-py3-none-any.whl").hexdigest()
    assert f"own @ {tmp_path.as_uri()}/{digest}/own-1.0-py3-none-any.whl" in found.requirements
    assert "narwhals>=2" in found.requirements
    assert [path.read_bytes() for path in found.jars] == [b"dbfs:/jars/own.jar"]


@pytest.mark.parametrize(
    ("library", "code"),
    [
        ({"maven": {"coordinates": "a:b:1"}}, "NotImplemented"),
        ({"pypi": {"package": "a", "repo": "https://example.org/simple"}}, "NotImplemented"),
        ({"weird": "a"}, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_a_library_of_another_kind_is_refused(library: dict[str, object], code: str) -> None:
    with pytest.raises(AzureError) as refused:
        libraries.check([library])
    assert refused.value.code == code


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_notebook_installs_packages_on_an_existing_cluster(databricks: Databricks) -> None:
    client = databricks.client
    client.workspace.mkdirs("/wheels")
    client.workspace.upload(
        "/wheels/own-1.0-py3-none-any.whl", wheel("own"), format=workspace.ImportFormat.RAW, overwrite=True
    )
    cluster = client.clusters.create(
        CLUSTER.spark_version, node_type_id=CLUSTER.node_type_id, num_workers=1, spark_conf=CLUSTER.spark_conf
    ).result()
    client.clusters.delete(cluster.cluster_id).result()
    path = databricks.notebook(
        "/wheels/main",
        "try:\n    import own\nexcept ImportError as error:\n    before = str(error)\nprint(before)",
        "# MAGIC %pip install ./own-1.0-py3-none-any.whl",
        "dbutils.library.restartPython()",
        "import own, json\ndbutils.notebook.exit(json.dumps([own.NAME, 'before' in globals()]))",
    )
    output = databricks.run(path, existing_cluster_id=cluster.cluster_id)
    assert output.error is None, output.error_trace
    assert json.loads(output.notebook_output.result) == ["own", False]
    # it was terminated, and runs again
    assert client.clusters.get(cluster.cluster_id).state == compute.State.RUNNING
    assert output.metadata.cluster_instance.cluster_id == cluster.cluster_id


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_main_method_of_a_class_in_a_jar_runs(databricks: Databricks) -> None:
    main = jobs.SparkJarTask(main_class_name="org.apache.commons.codec.cli.Digest", parameters=["SHA-256", "hello"])
    made = jobs.SubmitTask(task_key="jar", spark_jar_task=main, new_cluster=CLUSTER)
    output = databricks.ended(databricks.client.jobs.submit(run_name="jar", tasks=[made]))
    assert output.error is None, output.error_trace
    assert hashlib.sha256(b"hello").hexdigest() in output.logs


def wheel(name: str) -> bytes:
    """A package with one name in it."""
    content = io.BytesIO()
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"{name}/__init__.py", f"NAME = '{name}'\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return content.getvalue()
