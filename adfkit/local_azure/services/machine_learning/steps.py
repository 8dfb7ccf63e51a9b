"""One step of a pipeline job: a process in the environment that its component declares, on files that it may read."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adfkit.local_azure import resource_id
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.python_environments import EnvironmentBuildError, PythonEnvironment
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.services.machine_learning import blobs, commands, environments
from adfkit.local_azure.services.machine_learning.addresses import resolve
from adfkit.local_azure.services.machine_learning.api import services_url, workspace_guid
from adfkit.local_azure.services.machine_learning.assets import CODES, ENVIRONMENTS, require_version
from adfkit.local_azure.services.machine_learning.models import Run, RunError
from adfkit.local_azure.services.machine_learning.pipelines import Step
from adfkit.local_azure.services.machine_learning.runs import Runs
from adfkit.local_azure.services.machine_learning.workspaces import BLOB_STORE, workspace_principal

LOG: Final = "user_logs/std_log.txt"


class StepFailedError(Exception):
    """A step that did not succeed, with what run history says of it."""

    def __init__(self, error: RunError) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(frozen=True, slots=True)
class StepContext:
    """A step about to run: its run, the values of its inputs (addresses for files), and the identity that it gets."""

    workspace: Resource
    run: Run
    step: Step
    values: Mapping[str, str]
    principal: Principal | None
    compute: str

    @property
    def identity(self) -> str:
        """Who acts, in words for an error."""
        return self.principal.display_name if self.principal else f"compute '{self.compute}' (which has no identity)"


def run_folder(platform: Platform, run: Run) -> Path:
    """Where a run's files lie."""
    return platform.folder / "machine_learning" / run.workspace / run.id


async def execute(platform: Platform, runs: Runs, context: StepContext) -> dict[str, str]:
    """Run a step to its end; returns the addresses of its outputs.

    Raises:
        StepFailedError: whatever kept it from succeeding.
    """
    folder = run_folder(platform, context.run)
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)  # what an interrupted attempt left
    (folder / "user_logs").mkdir(parents=True)
    (folder / LOG).touch()
    try:
        runs.set_status(context.run.id, "Preparing")
        environment, _, inputs = await asyncio.gather(
            _environment(platform, context), _code(platform, context, folder), _inputs(platform, context, folder)
        )
        outputs = {name: folder / "outputs" / name for name in context.step.outputs}
        for path in outputs.values():
            path.mkdir(parents=True)
        runs.set_status(context.run.id, "Running")
        await _process(platform, context, folder, environment, inputs, {k: str(v) for k, v in outputs.items()})
        runs.set_status(context.run.id, "Finalizing")
        return await _upload(platform, context, outputs)
    except EnvironmentBuildError as error:
        raise StepFailedError(RunError("ImageBuildFailure", str(error))) from error
    except AzureError as error:
        raise StepFailedError(RunError(error.code, error.message)) from error
    finally:
        for name in ("code", "inputs", "outputs"):
            await asyncio.to_thread(shutil.rmtree, folder / name, ignore_errors=True)


async def _environment(platform: Platform, context: StepContext) -> PythonEnvironment:
    version = require_version(platform, ENVIRONMENTS, context.step.environment)
    return await platform.environments.ensure(environments.requirements(version), name=f"step '{context.step.name}'")


async def _code(platform: Platform, context: StepContext, folder: Path) -> None:
    (folder / "code").mkdir()
    if context.step.code is None:
        return
    version = require_version(platform, CODES, context.step.code)
    principal = workspace_principal(platform, context.workspace)
    await blobs.download(platform, principal, blobs.parse_url(version.properties["codeUri"]), folder / "code")


async def _inputs(platform: Platform, context: StepContext, folder: Path) -> dict[str, str]:
    inputs: dict[str, str] = {}
    for name, port in context.step.inputs.items():
        value = context.values.get(name)
        if value is None:
            continue
        source = context.step.sources.get(name)
        mode = (source.mode if source else "") or port.mode
        inputs[name] = value
        if port.is_data and mode != "direct":
            inputs[name] = str(await _fetch(platform, context, name, value, folder / "inputs" / name))
    return inputs


async def _fetch(platform: Platform, context: StepContext, name: str, address: str, target: Path) -> Path:
    place = resolve(platform, context.workspace, address)
    if context.principal is None:
        raise AzureError(
            403,
            "AuthorizationFailed",
            f"Input '{name}' at {place.url} can't be read: {context.identity}. Give the compute a managed identity.",
        )
    files = await blobs.download(platform, context.principal, place, target)
    if not files:
        raise AzureError(404, "StreamAccess.NotFound", f"Input '{name}': there is nothing at {place.url}.")
    return files[0] if context.step.inputs[name].type == "uri_file" else target


async def _process(
    platform: Platform,
    context: StepContext,
    folder: Path,
    environment: PythonEnvironment,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
) -> None:
    command = commands.fill(context.step.command, inputs, outputs)
    variables = _variables(platform, context, environment, inputs, outputs)
    endpoint: dict[str, str] = {}
    if context.principal is not None:
        endpoint = platform.identity.endpoint_environment(context.principal, "machine_learning")
    try:
        with (folder / LOG).open("ab") as log:
            process = await platform.processes.spawn(
                ["bash", "-c", command],
                env={**variables, **endpoint},
                cwd=folder / "code",
                stdout=log.fileno(),
                stderr=log.fileno(),
            )
        try:
            status = await process.wait()
        except asyncio.CancelledError:
            await platform.processes.end(process)
            raise
    finally:
        platform.identity.revoke_endpoint(endpoint)
    if status != 0:
        raise StepFailedError(RunError("UserError", commands.failure(folder / LOG, status)))


def _variables(
    platform: Platform,
    context: StepContext,
    environment: PythonEnvironment,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
) -> dict[str, str]:
    """The variables that Azure ML sets for a step, over those that reach this cloud."""
    workspace = resource_id.parse(context.workspace.id)
    base = platform.client_environment
    return {
        **base,
        "PATH": f"{environment.python.parent}:{base['PATH']}",
        "VIRTUAL_ENV": str(environment.folder),
        "PYTHONUNBUFFERED": "1",
        "AZUREML_RUN_ID": context.run.id,
        "AZUREML_ROOT_RUN_ID": context.run.parent or context.run.id,
        "AZUREML_EXPERIMENT_NAME": context.run.experiment,
        "AZUREML_ARM_SUBSCRIPTION": workspace.subscription_id or "",
        "AZUREML_ARM_RESOURCEGROUP": workspace.resource_group or "",
        "AZUREML_ARM_WORKSPACE_NAME": context.workspace.name,
        "AZUREML_WORKSPACE_ID": workspace_guid(context.workspace),
        "AZUREML_WORKSPACE_SCOPE": context.workspace.id,
        "AZUREML_SERVICE_ENDPOINT": services_url(str(context.workspace.body["location"])),
        **{f"AZURE_ML_INPUT_{name}": value for name, value in inputs.items()},
        **{f"AZURE_ML_OUTPUT_{name}": value for name, value in outputs.items()},
        **context.step.variables,
    }


async def _upload(platform: Platform, context: StepContext, outputs: Mapping[str, Path]) -> dict[str, str]:
    addresses = {}
    for name, path in outputs.items():
        address = f"azureml://datastores/{BLOB_STORE}/paths/azureml/{context.run.id}/{name}/"
        place = resolve(platform, context.workspace, address)
        if context.principal is None:
            raise AzureError(403, "AuthorizationFailed", f"Output '{name}' can't be written: {context.identity}.")
        await blobs.upload(platform, context.principal, path, place)
        addresses[name] = address
    return addresses
