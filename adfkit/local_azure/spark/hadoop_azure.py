"""Hadoop's ABFS driver, which PySpark's own jars lack: fetched once, of one version, checked by its hash.

https://hadoop.apache.org/docs/r3.4.1/hadoop-azure/abfs.html
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from adfkit.local_azure.cloud import host
from adfkit.local_azure.errors import LocalAzureError
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.processes import original_environment
from adfkit.local_azure.python_environments import PythonEnvironment, cache_folder

VERSION: Final = "3.4.1"
"""The version of Hadoop in PySpark 4.0.1."""
SHA256: Final = "d1ccb21546072acb55da9cf29bbf353749d8864ae96e9d9d2b6a06533b979c94"
_OAUTH: Final = "org.apache.hadoop.fs.azurebfs.oauth2.ClientCredsTokenProvider"


async def jar(platform: Platform, python: PythonEnvironment, java_home: Path) -> Path:
    """The driver's jar in adfkit's cache; the first call fetches it with the Ivy that PySpark brings.

    Raises:
        LocalAzureError: it could not be fetched, or its hash is another.
    """
    name = f"hadoop-azure-{VERSION}.jar"
    target = cache_folder() / "spark" / "jars" / name
    if target.exists():
        return target
    ivy = sorted(python.folder.glob("lib/python*/site-packages/pyspark/jars/ivy-*.jar"))
    if not ivy:
        raise LocalAzureError(f"Spark can't reach storage: the environment {python.folder} holds no PySpark with Ivy.")
    draft = platform.folder / "spark" / "ivy"
    await asyncio.to_thread(draft.mkdir, parents=True, exist_ok=True)
    process = await platform.processes.spawn(
        [
            *(str(java_home / "bin" / "java"), "-cp", str(ivy[-1]), "org.apache.ivy.Main"),
            *("-cache", str(draft / "cache"), "-dependency", "org.apache.hadoop", "hadoop-azure", VERSION),
            *("-types", "jar", "-notransitive", "-retrieve", f"{draft}/[artifact]-[revision].[ext]"),
        ],
        env=original_environment(),
        cwd=draft,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        said = "\n".join(output.decode(errors="replace").strip().splitlines()[-15:])
        raise LocalAzureError(f"{name}, with which Spark reaches storage, could not be fetched. Ivy said:\n{said}")
    await asyncio.to_thread(_keep, draft / name, target)
    return target


def _keep(fetched: Path, target: Path) -> None:
    found = hashlib.sha256(fetched.read_bytes()).hexdigest()
    if found != SHA256:
        raise LocalAzureError(f"{fetched.name} was fetched with the SHA-256 {found}; it must be {SHA256}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f"{target.name}.{fetched.stat().st_ino}")
    shutil.copyfile(fetched, draft)
    draft.replace(target)


def configuration(account: str, *, endpoint: str, client_id: str, secret: str) -> Mapping[str, str]:
    """Spark settings by which `abfss://<container>@<account>.dfs.<suffix>/` is read and written as an identity."""
    values = {
        "account.auth.type": "OAuth",
        "account.oauth.provider.type": _OAUTH,
        "account.oauth2.client.endpoint": endpoint,
        "account.oauth2.client.id": client_id,
        "account.oauth2.client.secret": secret,
    }
    return {f"spark.hadoop.fs.azure.{name}.{host(account, 'dfs')}": value for name, value in values.items()}
