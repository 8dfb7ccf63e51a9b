"""What the batch endpoint runs, as a resource: environment, components and deployment, through `azure-ai-ml`.

The YAML files of `transforms/machine_learning` are Azure ML's own. Its client registers what a pipeline component
refers to (environments, code, the components of its steps) by the hash of its content; the pipeline component's version
is the hash of the whole folder, so that the same files are the same version wherever they are deployed.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import pulumi
import yaml
from pulumi import dynamic

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / "transforms" / "machine_learning"
PIPELINE = FOLDER / "pipeline.yml"
DEPLOYMENT = FOLDER / "endpoint" / "deployment.yml"
DEPLOYED = ("*.yml", "components/*.yml", "endpoint/*.yml", "environment/conda.yml", "steps/*.py")
IDENTIFYING = ("subscription_id", "resource_group", "workspace", "endpoint")
REDEPLOYING = ("compute", "content_sha256")


class MachineLearningAssetsError(Exception):
    """Assets that could not be deployed; the text names the file and what the workspace or its client said."""


class MachineLearningAssetsProvider(dynamic.ResourceProvider):
    """Registers components and deploys them; versions that were registered stay, as they do in Azure ML."""

    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """A change of the files or of the compute deploys again; another endpoint is another resource."""
        replaces = [key for key in IDENTIFYING if _olds.get(key) != _news.get(key)]
        changes = bool(replaces) or any(_olds.get(key) != _news.get(key) for key in REDEPLOYING)
        return dynamic.DiffResult(changes=changes, replaces=replaces, delete_before_replace=True)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Deploy; the id is the deployment's."""
        outputs = _deployed(props)
        return dynamic.CreateResult(f"{props['endpoint']}/{outputs['deployment']}", outputs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Deploy the new version in place of the old one."""
        return dynamic.UpdateResult(_deployed(_news))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Remove the deployment, if its endpoint is still there."""
        with _client(_props) as client:
            _remove(client, _props["endpoint"], _props["deployment"])


PROVIDER = MachineLearningAssetsProvider()


class MachineLearningAssets(dynamic.Resource, module="adfkit", name="MachineLearningAssets"):
    """The pipeline component of `transforms/machine_learning`, deployed to a batch endpoint as its default.

    Attributes:
        content_sha256: over the paths and contents of the deployed files.
        component_id: of the pipeline component's version.
        deployment: the name of the endpoint's deployment.
    """

    content_sha256: pulumi.Output[str]
    component_id: pulumi.Output[str]
    deployment: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        subscription_id: pulumi.Input[str],
        resource_group: pulumi.Input[str],
        workspace: pulumi.Input[str],
        endpoint: pulumi.Input[str],
        compute: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`opts.depends_on` must hold the endpoint and the compute; all inputs but `subscription_id` are names."""
        super().__init__(
            PROVIDER,
            name,
            {
                "subscription_id": subscription_id,
                "resource_group": resource_group,
                "workspace": workspace,
                "endpoint": endpoint,
                "compute": compute,
                "content_sha256": content_sha256(),
                "component_id": None,
                "deployment": None,
            },
            opts,
        )


def content_sha256() -> str:
    """The hash over what is deployed: paths and contents."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in DEPLOYED for path in FOLDER.glob(pattern)}):
        digest.update(path.relative_to(FOLDER).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _deployed(props: dict[str, Any]) -> dict[str, Any]:
    if content_sha256() != props["content_sha256"]:
        raise MachineLearningAssetsError(
            "The files of transforms/machine_learning have changed since the program read them; run it again."
        )
    with _client(props) as client:
        component_id = _register(client, props["content_sha256"][:12])
        deployment = _deploy(client, component_id, props["endpoint"], props["compute"])
    return {**props, "component_id": component_id, "deployment": deployment}


def _register(client: MLClient, version: str) -> str:
    from azure.ai.ml import load_component  # seconds to import, so not before it is needed
    from azure.core.exceptions import ResourceNotFoundError

    with _named(PIPELINE):
        component = load_component(PIPELINE)
        try:
            registered = client.components.get(component.name, version)  # by an `up` that was cut off, or another stack
        except ResourceNotFoundError:
            registered = client.components.create_or_update(component, version=version)
        return str(registered.id)


def _deploy(client: MLClient, component_id: str, endpoint_name: str, compute: str) -> str:
    from azure.ai.ml.entities import PipelineComponentBatchDeployment

    with _named(DEPLOYMENT):
        declared = yaml.safe_load(DEPLOYMENT.read_text(encoding="utf-8"))
        deployment = PipelineComponentBatchDeployment(
            name=declared["name"],
            endpoint_name=endpoint_name,
            component=component_id,
            settings={**declared.get("settings", {}), "default_compute": compute},
        )
        client.batch_deployments.begin_create_or_update(deployment).result()
        endpoint = client.batch_endpoints.get(endpoint_name)
        _set_default(client, endpoint, deployment.name)
        return str(deployment.name)


def _remove(client: MLClient, endpoint_name: str, deployment: str) -> None:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        endpoint = client.batch_endpoints.get(endpoint_name)
    except ResourceNotFoundError:
        return  # and its deployments with it
    with _named(DEPLOYMENT):
        _set_default(client, endpoint, None)
        client.batch_deployments.begin_delete(name=deployment, endpoint_name=endpoint_name).result()


def _set_default(client: MLClient, endpoint: Any, deployment: str | None) -> None:
    if endpoint.defaults.deployment_name != deployment:
        endpoint.defaults.deployment_name = deployment
        client.batch_endpoints.begin_create_or_update(endpoint).result()


@contextlib.contextmanager
def _client(props: dict[str, Any]) -> Iterator[MLClient]:
    from azure.ai.ml import MLClient
    from azure.identity import DefaultAzureCredential

    logging.getLogger("azure.ai.ml").setLevel(logging.ERROR)  # it warns of its own experimental classes
    with DefaultAzureCredential() as credential, contextlib.redirect_stderr(_WithoutBlankLines(sys.stderr)):
        names = (props["subscription_id"], props["resource_group"], props["workspace"])
        yield MLClient(credential, *names, show_progress=False)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in whatever the client or the workspace refuse."""
    from azure.ai.ml.exceptions import MlException
    from azure.core.exceptions import AzureError
    from marshmallow import ValidationError

    try:
        yield
    except (AzureError, MlException, ValidationError, OSError, yaml.YAMLError, KeyError) as error:
        raise MachineLearningAssetsError(f"{path.relative_to(PROJECT)}: {error}") from error


class _WithoutBlankLines:
    """A text stream without the blank lines that the client prints after each upload."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text, if it says something."""
        if text.replace("\x1b[39m", "").strip():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()
