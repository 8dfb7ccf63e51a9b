"""The ingestions of a stack as Data Factory artifacts, rendered and checked before anything is deployed."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pulumi
import yaml

from adfkit.artifacts.errors import ArtifactError
from adfkit.artifacts.model import Artifact
from adfkit.artifacts.render import render
from adfkit.artifacts.validate import require_valid
from adfkit.neutral import refusals
from infra import notebooks
from infra.batch_package import ARCHIVE, REQUIREMENTS, folder, package_files
from infra.cloud import STORAGE, Cloud
from infra.components.batch_pool import POOL
from infra.components.storage import CURATED, LANDING, PACKAGES
from infra.data_flows import declared
from infra.function_package import TRANSFORMS
from infra.ml_assets import DEPLOYMENT
from infra.names import Names
from infra.settings import StackSettings, Technique
from infra.trigger_settings import TumblingWindow

TEMPLATES = Path(__file__).resolve().parent.parent / "adf_templates"


DATABRICKS_URL = "(the URL of the Databricks workspace)"
"""Stands for the URL, which is told by the deployed workspace alone, until `infra.artifacts` deploys."""


def artifacts(settings: StackSettings, names: Names, cloud: Cloud) -> list[Artifact]:
    """The artifacts of a stack's ingestions, valid.

    Raises:
        pulumi.RunError: a template is broken, or what it yields is wrong; the text lists every problem with its place.
            Or an ingestion is to run by windows, and its transform cannot; or a transform may give other values on
            another engine.
    """
    _require_windows(settings, names.stack)
    _require_neutral(settings)
    ingestions = {name: ingestion.model_dump(mode="json") for name, ingestion in settings.ingestions.items()}
    try:
        rendered = render(TEMPLATES, template_values(settings, names, cloud), ingestions)
        for warning in require_valid(rendered):
            pulumi.warn(str(warning))
    except ArtifactError as error:
        raise pulumi.RunError(str(error)) from None
    return rendered


def _require_windows(settings: StackSettings, stack: str) -> None:
    for name, ingestion in settings.ingestions.items():
        file = TRANSFORMS / ingestion.transform / "transform.toml"
        if not isinstance(ingestion.trigger, TumblingWindow) or not file.is_file():  # its package tells what is missing
            continue
        if "window_by" not in tomllib.loads(file.read_text("utf-8")):
            raise pulumi.RunError(
                f"stacks/Pulumi.{stack}.yaml: adfkit:ingestions.{name}.trigger: transforms/{ingestion.transform}/"
                "transform.toml has no 'window_by', so that transform cannot run for windows"
            )


def _require_neutral(settings: StackSettings) -> None:
    names = sorted({ingestion.transform for ingestion in settings.ingestions.values()})
    if found := [str(refusal) for name in names for refusal in refusals(TRANSFORMS / name)]:
        raise pulumi.RunError("\n".join(found))


def template_values(settings: StackSettings, names: Names, cloud: Cloud) -> dict[str, Any]:
    """What templates can use, beside `ingestion`."""
    spark = transforms(settings, Technique.DATABRICKS)
    return {
        "lake": {
            "id": names.lake_id,
            "blob_endpoint": cloud.blob_endpoint(names.lake),
            "landing": LANDING,
            "curated": CURATED,
            "audience": STORAGE,
        },
        "techniques": sorted(settings.techniques),
        "data_flows": declared(transforms(settings, Technique.DATA_FLOW)),
        "function_app": {
            "url": f"https://{cloud.web_host(names.function_app)}",
            "audience": settings.function_app.audience,
        },
        "services": {"blob_endpoint": cloud.blob_endpoint(names.services)},
        "batch": {
            "account": names.batch_account,
            "url": cloud.batch_account(names.batch_account, settings.location),
            "pool": POOL,
            "package": f"{PACKAGES}/{folder(package_files(transforms(settings, Technique.BATCH)))}",
            "command": batch_command(settings.batch.task_slots_per_node),
        },
        "databricks": {
            **settings.databricks.model_dump(exclude={"sku"}),
            "url": DATABRICKS_URL,
            "workspace_id": f"/subscriptions/{names.subscription_id}/resourceGroups/{names.resource_group}"
            f"/providers/Microsoft.Databricks/workspaces/{names.databricks}",
            "notebook": f"{notebooks.folder(notebooks.workspace_files(spark))}/{notebooks.NOTEBOOK}",
            "libraries": notebooks.libraries(),
        },
        "machine_learning": {
            "endpoint_url": cloud.batch_endpoint(names.batch_endpoint, settings.location),
            "audience": cloud.machine_learning,
            "deployment": yaml.safe_load(DEPLOYMENT.read_text("utf-8"))["name"],
        },
        "data_factory": settings.data_factory.model_dump(),
    }


def batch_command(task_slots_per_node: int) -> str:
    """What a task runs: Data Factory puts the archive into its working directory, uv makes its environment.

    Polars would take every core of the node for each of the tasks that share it.
    """
    threads = f"$((($(nproc) + {task_slots_per_node - 1}) / {task_slots_per_node}))"
    return (
        f"/bin/bash -c 'python3 -m zipfile -e {ARCHIVE} code && cd code && export POLARS_MAX_THREADS={threads} "
        f"UV_CACHE_DIR=$AZ_BATCH_NODE_SHARED_DIR/uv && uv run --no-project --with-requirements {REQUIREMENTS} "
        "python -m transforms.hosts.batch.main'"
    )


def transforms(settings: StackSettings, *techniques: Technique) -> list[str]:
    """The transforms that these techniques run in this stack."""
    found = {ingestion.transform for ingestion in settings.ingestions.values() if ingestion.technique in techniques}
    return sorted(found)


def summary(settings: StackSettings) -> dict[str, dict[str, str]]:
    """For each ingestion the names under which its results are found."""
    return {
        name: {
            "pipeline": name,
            "dataset": name,
            "model": f"{name}-delay",
            "source": ingestion.source,
            "technique": ingestion.technique,
            "transform": ingestion.transform,
        }
        for name, ingestion in settings.ingestions.items()
    }
