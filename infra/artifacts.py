"""One Pulumi resource a Data Factory artifact, deployed through `azure-mgmt-datafactory`.

A trigger that runs is stopped while it, or an artifact that it stands on, is changed, and runs on afterwards, even if
the change fails: see `adfkit.artifacts.triggers`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
from pulumi import dynamic
from pulumi.dynamic.dynamic import serialize_provider

from adfkit.artifacts.factory import Factory
from adfkit.artifacts.model import Artifact as Rendered
from adfkit.artifacts.model import Kind, canonical
from adfkit.artifacts.references import in_order, references, triggers_on
from adfkit.artifacts.triggers import MARK, RUNTIME_STATE, fixed
from infra import cloud

IDENTIFYING = ("subscription_id", "resource_group", "factory", "kind", "name")


class ArtifactProvider(dynamic.ResourceProvider):
    """Puts, reads and deletes one artifact. Pickled with every resource, so it keeps no state of its own."""

    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Whether the artifact's JSON differs; another factory, kind or name is another artifact.

        A trigger is replaced where Azure does not let it change; one that a deployment which was cut off left stopped
        is updated, which starts it.
        """
        old, new = _declared(_olds), _declared(_news)
        replaces = [key for key in IDENTIFYING if _olds.get(key) != _news.get(key)]
        changes = canonical(old) != canonical(new)
        if _news["kind"] == Kind.TRIGGER.value and not replaces:
            replaces = ["properties"] if fixed(old) != fixed(new) else []
            changes = changes or _was_cut_off(_olds)
        return dynamic.DiffResult(changes=bool(replaces) or changes, replaces=replaces, delete_before_replace=True)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Put the artifact."""
        _factory(props).put(_rendered(props), is_new=True)
        return dynamic.CreateResult(_id(props), props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Put the artifact again, while the triggers that stand on it are stopped."""
        factory = _factory(_news)
        with factory.triggers.stopped(_news.get("triggers", [])):
            factory.put(_rendered(_news))
        return dynamic.UpdateResult(_news)

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """What was deployed, or nothing where the service has no such artifact any more."""
        gone = _factory(props).get(Kind(props["kind"]), props["name"]) is None
        return dynamic.ReadResult("" if gone else id_, {} if gone else props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete the artifact."""
        _factory(_props).delete(Kind(_props["kind"]), _props["name"])


class Artifact(pulumi.CustomResource):
    """A Data Factory artifact as a resource; it waits for the artifacts that it refers to.

    `triggers` are those that stand on it, at any distance.
    """

    def __init__(
        self,
        rendered: Rendered,
        *,
        subscription_id: str,
        resource_group: str,
        factory: str,
        triggers: list[str],
        outputs: Mapping[str, pulumi.Output[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "pulumi-python:dynamic/adfkit:Artifact",
            f"{rendered.kind.value}-{rendered.name}",
            {
                "subscription_id": subscription_id,
                "resource_group": resource_group,
                "factory": factory,
                "kind": rendered.kind.value,
                "name": rendered.name,
                "properties": _filled(rendered.properties, outputs),
                "source": rendered.source,
                "triggers": triggers,
                "__provider": _serialized_provider(),
            },
            opts,
        )


def deploy(
    artifacts: Iterable[Rendered],
    *,
    subscription_id: str,
    resource_group: str,
    factory: str,
    outputs: Mapping[str, pulumi.Output[str]],
    opts: pulumi.ResourceOptions,
    before_triggers: Iterable[pulumi.Resource] = (),
) -> dict[tuple[Kind, str], Artifact]:
    """Register artifacts as resources, each depending on those that it refers to, so that they deploy in that order.

    Triggers, which may fire as soon as they are started, wait for `before_triggers` as well: all that a run needs.

    Args:
        outputs: what stands in an artifact for a value that only the deployment tells, and that value.
    """
    resources: dict[tuple[Kind, str], Artifact] = {}
    artifacts, last = list(artifacts), list(before_triggers)
    standing = triggers_on(artifacts)
    for artifact in in_order(artifacts):
        needs: list[pulumi.Resource] = list(last) if artifact.kind is Kind.TRIGGER else []
        needs += [resources[found.key] for found in references(artifact) if found.key in resources]
        resources[artifact.key] = Artifact(
            artifact,
            subscription_id=subscription_id,
            resource_group=resource_group,
            factory=factory,
            triggers=standing.get(artifact.key, []),
            outputs=outputs,
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=needs)),
        )
    return resources


def _filled(value: Any, outputs: Mapping[str, pulumi.Output[str]]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(each, outputs) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, outputs) for each in value]
    return outputs.get(value, value) if isinstance(value, str) else value


@functools.cache
def _serialized_provider() -> str:
    """Serialised once: the SDK's serializer nests deeper with each call, until recursion ends a large program."""
    return str(serialize_provider(ArtifactProvider()))


def _declared(props: dict[str, Any]) -> dict[str, Any]:
    """An artifact's properties but for whether a trigger runs, which counts when it is created only."""
    return {key: value for key, value in (props.get("properties") or {}).items() if key != RUNTIME_STATE}


def _was_cut_off(props: dict[str, Any]) -> bool:
    present = _factory(props).get(Kind.TRIGGER, props["name"])
    return present is not None and MARK in (present.get("annotations") or [])


def _rendered(props: dict[str, Any]) -> Rendered:
    return Rendered(Kind(props["kind"]), props["name"], props["properties"], props["source"])


def _id(props: dict[str, Any]) -> str:
    return (
        f"/subscriptions/{props['subscription_id']}/resourceGroups/{props['resource_group']}/providers/"
        f"Microsoft.DataFactory/factories/{props['factory']}/{Kind(props['kind']).arm_type}/{props['name']}"
    )


def _factory(props: dict[str, Any]) -> Factory:
    identity = tuple(os.environ.get(name) for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"))
    return _connect(props["subscription_id"], props["resource_group"], props["factory"], identity)


@functools.lru_cache(maxsize=8)
def _connect(subscription_id: str, resource_group: str, factory: str, _identity: tuple[str | None, ...]) -> Factory:
    from azure.identity import DefaultAzureCredential

    current = cloud.current()
    return Factory.connect(
        DefaultAzureCredential(),
        subscription_id,
        resource_group,
        factory,
        base_url=current.resource_manager,
        credential_scopes=current.credential_scopes,
    )
