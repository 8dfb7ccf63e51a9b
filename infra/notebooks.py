"""The notebook that runs an ingestion's transform, with the transforms, in a folder of its own for every version.

A pipeline names the folder of the version that it was deployed with; a run that has begun keeps its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pulumi
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.workspace import ImportFormat, Language
from pulumi import dynamic

from infra.databricks_workspace import WorkspaceError, deleted, done
from infra.function_package import TRANSFORMS, content_sha256

HOST = TRANSFORMS / "hosts" / "databricks"
NOTEBOOK = "ingestion"
ROOT = "/adfkit"
CODE = (".py", ".toml")
PROVIDED = ("pyspark", "py4j", "numpy", "pandas", "pyarrow", "python-dateutil", "tzdata", "six")
"""What the Databricks runtime has itself, in versions that fit together."""


class NotebooksProvider(dynamic.ResourceProvider):
    """Uploads a version, and removes it once another one has taken its place."""

    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Another version, or another workspace, is another folder."""
        places = ("workspace_url", "workspace_id", "folder")
        replaces = [key for key in places if _olds.get(key) != _news.get(key)]
        return dynamic.DiffResult(changes=bool(replaces), replaces=replaces, delete_before_replace=False)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Upload; the notebook last, so that a folder which has it is complete."""
        files = workspace_files(props["transforms"])
        if folder(files) != props["folder"]:
            raise WorkspaceError("The files of transforms/ have changed since the program read them; run it again.")
        done(f"The folder {props['folder']}", props, lambda workspace: _upload(workspace, props["folder"], files))
        return dynamic.CreateResult(props["folder"], props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Remove the folder."""
        deleted(
            f"The folder {_props['folder']}",
            _props,
            lambda workspace: workspace.workspace.delete(_props["folder"], recursive=True),
        )


PROVIDER = NotebooksProvider()


class Notebooks(dynamic.Resource, module="adfkit", name="Notebooks"):
    """The host of `transforms/hosts/databricks` with the transforms that it carries, in a workspace."""

    def __init__(
        self,
        name: str,
        *,
        workspace_url: pulumi.Input[str],
        workspace_id: pulumi.Input[str],
        transforms: Sequence[str],
        role_propagation_seconds: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`role_propagation_seconds`: how long to try again while the workspace refuses the deployer."""
        props = {
            "workspace_url": workspace_url,
            "workspace_id": workspace_id,
            "folder": folder(workspace_files(transforms)),
            "transforms": sorted(set(transforms)),
            "role_propagation_seconds": role_propagation_seconds,
        }
        super().__init__(PROVIDER, name, props, opts)


def workspace_files(transforms: Sequence[str]) -> dict[str, bytes]:
    """What the folder holds, by path: the notebook, `transforms/hosts` with its host for Spark, and the transforms.

    Raises:
        pulumi.RunError: a transform has no folder, or is not one for Spark.
    """
    paths = [TRANSFORMS / "__init__.py", *(TRANSFORMS / "hosts").glob("*.py")]
    paths += [path for path in HOST.glob("*.py") if path.stem != NOTEBOOK]
    for name in sorted(set(transforms)):
        found = TRANSFORMS / name
        if not (found / "transform.toml").is_file():
            raise pulumi.RunError(f"transforms/{name}: there is no such transform (no transform.toml in that folder)")
        if not (found / "transform.py").is_file():
            raise pulumi.RunError(f"transforms/{name}: the technique 'databricks' runs transforms in Python only")
        paths += [path for path in found.rglob("*") if path.suffix in CODE]
    files = {f"transforms/{path.relative_to(TRANSFORMS).as_posix()}": path.read_bytes() for path in sorted(paths)}
    return {**files, NOTEBOOK: (HOST / f"{NOTEBOOK}.py").read_bytes()}


def folder(files: dict[str, bytes]) -> str:
    """The folder of a version."""
    return f"{ROOT}/{content_sha256(files)[:16]}"


def libraries() -> list[dict[str, Any]]:
    """What the host needs beside the Databricks runtime, in the versions of its lock."""
    lock = (HOST / "requirements.txt").read_text("utf-8")
    pinned: list[tuple[str, str]] = re.findall(r"^([a-z0-9-]+)==([^ \\;]+)", lock, re.MULTILINE)
    return [{"pypi": {"package": f"{name}=={version}"}} for name, version in pinned if name not in PROVIDED]


def _upload(workspace: WorkspaceClient, target: str, files: dict[str, bytes]) -> None:
    for parent in sorted({f"{target}/{path}".rpartition("/")[0] for path in files}):
        workspace.workspace.mkdirs(parent)
    for path, content in sorted(files.items(), key=lambda item: item[0] == NOTEBOOK):
        if path == NOTEBOOK:
            workspace.workspace.upload(
                f"{target}/{path}", content, format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True
            )
        else:
            workspace.workspace.upload(f"{target}/{path}", content, format=ImportFormat.AUTO, overwrite=True)
