"""Real Spark reads and writes `abfss://` URLs of local Azure, as an identity whose roles are checked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from textwrap import dedent
from typing import Any
from uuid import uuid4

import pytest

from adfkit.local_azure.app import running
from adfkit.local_azure.cloud import SUBSCRIPTION_ID
from adfkit.local_azure.identity import Principal
from adfkit.local_azure.identity.roles import ROLES
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.spark import SparkEnvironment, java
from adfkit.local_azure.state import Ports

ROOT = Path(__file__).parents[3]
GROUP = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/spark"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/sparklake"
ARM = "https://management.azure.localhost"
PROGRAM = dedent(
    """
    import sys
    from pyspark.sql import SparkSession

    LAKE = "abfss://data@sparklake.dfs.azure.localhost"
    spark = SparkSession.builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    """
)
WRITES = PROGRAM + dedent(
    """
    frame = spark.range(1000).withColumnRenamed("id", "number").repartition(3)
    for _ in range(2):
        frame.write.mode("overwrite").parquet(f"{LAKE}/a folder/frame.parquet")
    frame.selectExpr("number", "number % 2 AS half").write.partitionBy("half").mode("append").csv(f"{LAKE}/csv")
    read = spark.read.parquet(f"{LAKE}/a folder/frame.parquet")
    back = spark.read.schema("number bigint, half int").csv(f"{LAKE}/csv")
    print("ROWS", read.count(), read.agg({"number": "sum"}).first()[0], back.where("half = 1").count())
    path = spark._jvm.org.apache.hadoop.fs.Path(f"{LAKE}/")
    system = path.getFileSystem(spark._jsc.hadoopConfiguration())
    Path = spark._jvm.org.apache.hadoop.fs.Path
    print("RENAMED", system.rename(Path("/csv"), Path("/moved")), system.exists(Path("/csv")))
    print("LISTED", sorted(status.getPath().getName() for status in system.listStatus(Path("/moved"))))
    with_bytes = system.create(Path("/big"), True)
    with_bytes.write(bytearray(9_000_000))
    with_bytes.close()
    print("BIG", system.getFileStatus(Path("/big")).getLen(), system.delete(Path("/moved"), True))
    """
)
READS = PROGRAM + dedent(
    """
    try:
        spark.read.text(f"{LAKE}/big").count()
    except Exception as error:
        print("REFUSED", error)
    """
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


async def put(platform: Platform, id: str, version: str, body: dict[str, Any]) -> dict[str, Any]:
    deployer = platform.identity.principal(platform.identity.deployer().object_id)
    assert deployer is not None
    token = platform.identity.issue(deployer, f"{ARM}/").token
    answer = await platform.http.put(
        f"{ARM}{id}?api-version={version}", json=body, headers={"Authorization": f"Bearer {token}"}
    )
    answer.raise_for_status()
    return dict(answer.json())


async def reader(platform: Platform) -> Principal:
    """A lake, and an identity that has no role there yet."""
    here = {"location": "westeurope"}
    await put(platform, GROUP, "2021-04-01", here)
    lake = {**here, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {"isHnsEnabled": True}}
    await put(platform, ACCOUNT, "2023-01-01", lake)
    await put(platform, f"{ACCOUNT}/blobServices/default/containers/data", "2023-01-01", {})
    id = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/spark"
    identity = await put(platform, id, "2023-01-31", here)
    principal = platform.identity.principal(identity["properties"]["principalId"])
    assert principal is not None
    return principal


async def assign(platform: Platform, principal: Principal, name: str) -> None:
    (role,) = [role for role in ROLES.values() if role.role_name == name]
    properties = {
        "principalId": principal.object_id,
        "principalType": "ServicePrincipal",
        "roleDefinitionId": f"/subscriptions/{SUBSCRIPTION_ID}{role.id}",
    }
    id = f"{ACCOUNT}/providers/Microsoft.Authorization/roleAssignments/{uuid4()}"
    await put(platform, id, "2022-04-01", {"properties": properties})


async def run(platform: Platform, principal: Principal, program: str) -> tuple[int | None, str]:
    """Run a program on Spark; its exit code and its output."""
    lock = (ROOT / "transforms/hosts/databricks/requirements.txt").read_text(encoding="utf-8")
    python = await platform.environments.ensure(lock)
    folder = platform.folder / "runs" / uuid4().hex
    spark = await SparkEnvironment.prepare(
        platform, python, folder, configuration={"spark.app.name": "a test: #1"}, identities={"sparklake": principal}
    )
    process = await platform.processes.spawn(
        [str(python.python), "-c", program],
        env={**platform.client_environment, **spark.variables},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    spark.revoke()
    return process.returncode, output.decode()


def test_spark_reads_and_writes_the_lake_as_its_identity(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path, Ports()) as gateway:
            platform = gateway.platform
            principal = await reader(platform)
            await assign(platform, principal, "Storage Blob Data Contributor")
            code, output = await run(platform, principal, WRITES)
            assert code == 0, output
            said = dict(line.split(" ", 1) for line in output.splitlines() if line.split(" ")[0].isupper())
            assert said["ROWS"] == "1000 499500 500"
            assert said["RENAMED"] == "True False"
            assert said["LISTED"] == "['_SUCCESS', 'half=0', 'half=1']"
            assert said["BIG"] == "9000000 True"

    asyncio.run(scenario())


def test_without_a_role_spark_is_refused_on_the_package_s_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_java(_: Platform) -> None:
        return None

    monkeypatch.setattr(java, "machine_java", no_java)

    async def scenario() -> None:
        async with running(tmp_path, Ports()) as gateway:
            platform = gateway.platform
            principal = await reader(platform)
            code, output = await run(platform, principal, READS)
            assert code == 0, output
            refused = output[output.index("REFUSED") :]
            assert "AccessDeniedException" in refused
            assert "403, HEAD, https://sparklake.dfs.azure.localhost/data/big" in refused

    asyncio.run(scenario())
