"""The code of a Function app as a resource: zipped, published as the official tools publish it, changed by its hash.

Flex Consumption takes a package at `https://<app>.scm.<suffix>/api/publish` and builds it there: the requirements are
installed in the cloud. https://learn.microsoft.com/azure/azure-functions/functions-deployment-technologies#one-deploy
"""

from __future__ import annotations

import hashlib
import io
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pulumi
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import DefaultAzureCredential
from pulumi import dynamic

PROJECT = Path(__file__).resolve().parent.parent
TRANSFORMS = PROJECT / "transforms"
HOST = TRANSFORMS / "hosts" / "function_app"
ORCHESTRATION = "durable_transform.py"
REPUBLISHING = ("content_sha256", "scm_host", "app_principal_id")
"""Inputs whose change publishes the package again; others only say how."""
PUBLISH_SECONDS = 900
POLL_SECONDS = 0.5
FAILED_STATUSES = {-1: "cancelled", 3: "failed", 5: "in conflict with another", 6: "only partly done"}
SUCCEEDED_STATUS = 4


class PublishError(Exception):
    """A package that was not taken, or did not build; the text says where, and what the site said."""


class _NotAllowedYetError(PublishError):
    """The storage refused the app's identity: a role assignment may take minutes to reach it."""


class FunctionPackageProvider(dynamic.ResourceProvider):
    """Publishes a package; deleting it leaves the app as it is, since an app has no operation to unpublish."""

    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """A change of the code, or another app behind the name, publishes again."""
        return dynamic.DiffResult(changes=any(_olds.get(key) != _news.get(key) for key in REPUBLISHING))

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Publish; the id is the host of the app's deployment site."""
        return dynamic.CreateResult(props["scm_host"], _published(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Publish in place of what is there."""
        return dynamic.UpdateResult(_published(_news))


PROVIDER = FunctionPackageProvider()


class FunctionPackage(dynamic.Resource, module="adfkit", name="FunctionPackage"):
    """The host of `transforms/hosts/function_app` with the transforms that it carries, running in an app.

    Attributes:
        content_sha256: over the paths and contents of the package's files.
        deployment_id: of the deployment that published it.
    """

    content_sha256: pulumi.Output[str]
    deployment_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        scm_host: pulumi.Input[str],
        app_principal_id: pulumi.Input[str],
        scope: str,
        transforms: Sequence[str],
        durable: bool = False,
        role_propagation_seconds: int = 300,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`opts.depends_on` must hold the role assignments by which the app reaches the storage of its package.

        Args:
            scm_host: host of the app's deployment site, `<app>.scm.<suffix>`.
            app_principal_id: of the app's identity; a new one means a new app, which has no package yet.
            scope: the token scope of Azure Resource Manager in this cloud.
            transforms: names of the folders of `transforms/` that the package carries.
            durable: whether it carries the orchestration too, which asks for queues and tables of the app's storage.
            role_propagation_seconds: how long to try again while the storage refuses the app's identity.
        """
        files = package_files(transforms, durable=durable)
        super().__init__(
            PROVIDER,
            name,
            {
                "scm_host": scm_host,
                "app_principal_id": app_principal_id,
                "scope": scope,
                "transforms": sorted(set(transforms)),
                "durable": durable,
                "role_propagation_seconds": role_propagation_seconds,
                "content_sha256": content_sha256(files),
                "deployment_id": None,
            },
            opts,
        )


def package_files(transforms: Sequence[str], *, durable: bool = False) -> dict[str, bytes]:
    """What the package holds, by path: the host at its root, `transforms/hosts`, and the transforms.

    Raises:
        pulumi.RunError: a transform has no folder.
    """
    files = {path.name: path for path in HOST.iterdir() if path.is_file() and path.suffix != ".in"}
    if not durable:
        del files[ORCHESTRATION]
    files["transforms/__init__.py"] = TRANSFORMS / "__init__.py"
    files |= {f"transforms/hosts/{path.name}": path for path in (TRANSFORMS / "hosts").glob("*.py")}
    for name in sorted(set(transforms)):
        folder = TRANSFORMS / name
        if not (folder / "transform.toml").is_file():
            raise pulumi.RunError(f"transforms/{name}: there is no such transform (no transform.toml in that folder)")
        paths = (path for path in folder.rglob("*") if path.suffix in (".py", ".toml"))
        files |= {f"transforms/{path.relative_to(TRANSFORMS).as_posix()}": path for path in paths}
    return {target: files[target].read_bytes() for target in sorted(files)}


def content_sha256(files: dict[str, bytes]) -> str:
    """The hash over paths and contents, whatever zip library packs them."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.encode() + b"\0" + hashlib.sha256(files[path]).digest())
    return digest.hexdigest()


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip archive whose bytes depend on the files alone, not on the time or the machine's file modes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[path])
    return target.getvalue()


def _published(props: dict[str, Any]) -> dict[str, Any]:
    files = package_files(props["transforms"], durable=bool(props.get("durable")))
    if content_sha256(files) != props["content_sha256"]:
        raise PublishError("The files of transforms/ have changed since the program read them; run it again.")
    package = zipped(files)
    deadline = time.monotonic() + float(props["role_propagation_seconds"])
    while True:
        try:
            return {**props, "deployment_id": publish(props["scm_host"], package, _token(props["scope"]))}
        except _NotAllowedYetError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(15)


def _token(scope: str) -> Callable[[], str]:
    credential = DefaultAzureCredential()

    def token() -> str:
        try:
            return credential.get_token(scope).token
        except ClientAuthenticationError as error:
            raise PublishError(f"No token for {scope}: {error.message}") from error

    return token


def publish(scm_host: str, package: bytes, token: Callable[[], str]) -> str:
    """Publish a package, wait until it is built and running, and return the deployment's id.

    Raises:
        PublishError: the site refused it, or its build failed; the text holds what the site said.
    """
    site = f"https://{scm_host}"
    with httpx.Client(timeout=httpx.Timeout(30, read=300, write=300)) as client:
        try:
            response = client.post(
                f"{site}/api/publish",
                params={"RemoteBuild": "true", "Deployer": "adfkit"},
                content=package,
                headers={"Authorization": f"Bearer {token()}", "Content-Type": "application/zip"},
            )
            if response.is_error:
                raise PublishError(f"{site} did not take the package: HTTP {response.status_code}: {response.text}")
            deployment = response.text.strip().strip('"')
            _wait(client, site, deployment, token)
        except httpx.HTTPError as error:
            raise PublishError(f"{site} could not be reached: {error}") from error
    return deployment


def _wait(client: httpx.Client, site: str, deployment: str, token: Callable[[], str]) -> None:
    deadline = time.monotonic() + PUBLISH_SECONDS
    while time.monotonic() < deadline:
        body = _status(client, site, deployment, token)
        if body and body["status"] == SUCCEEDED_STATUS:
            return
        if body and body["status"] in FAILED_STATUSES:
            _raise_failed(site, body)
        time.sleep(POLL_SECONDS)
    raise PublishError(f"The deployment {deployment} at {site} was not done after {PUBLISH_SECONDS} seconds.")


def _status(client: httpx.Client, site: str, deployment: str, token: Callable[[], str]) -> dict[str, Any] | None:
    """How far the deployment is; None where the site does not know it.

    The site restarts while it deploys: then it may know the deployment by `latest` only, or not answer for a while.
    """
    for name in (deployment, "latest"):
        response = client.get(f"{site}/api/deployments/{name}", headers={"Authorization": f"Bearer {token()}"})
        if response.status_code in (502, 503):
            return None
        if response.status_code == 404:
            continue
        if response.is_error:
            raise PublishError(
                f"{site} does not tell of the deployment {deployment}: HTTP {response.status_code}: {response.text}"
            )
        body: dict[str, Any] = response.json()
        return body if body["id"] == deployment else None
    return None


def _raise_failed(site: str, body: dict[str, Any]) -> None:
    text = body.get("status_text") or "no reason given"
    kind = _NotAllowedYetError if "Forbidden" in text or "403" in text else PublishError
    raise kind(f"The deployment {body.get('id')} at {site} is {FAILED_STATUSES[body['status']]}: {text}")
