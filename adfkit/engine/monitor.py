"""The resource monitor and engine services that the Pulumi SDK calls, as plain objects in its own process.

Messages: https://github.com/pulumi/pulumi/tree/master/proto/pulumi (resource.proto, engine.proto). Methods have the
SDK's names, and run in the threads that it gives its requests.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from urllib.parse import unquote, urlsplit

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import alias_pb2, engine_pb2, resource_pb2, source_pb2

from adfkit.engine import urn as urns
from adfkit.engine.deployment import Deployment
from adfkit.engine.errors import EngineError, RunStopped, StepFailed, UnsupportedFeature
from adfkit.engine.events import Diagnostic
from adfkit.engine.goal import Alias, Goal, seconds
from adfkit.engine.properties import UNKNOWN_STRING, Properties, marshal, unmarshal
from adfkit.engine.provider import ProviderError
from adfkit.engine.registry import with_version
from adfkit.engine.state import ResourceState

T = TypeVar("T")
_GET_RESOURCE: Final = "pulumi:pulumi:getResource"
_FEATURES: Final = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    # The next ones are claimed so that a use of them reaches this engine, which refuses it by name: where they are not
    # claimed, the SDK refuses it with advice on the Pulumi CLI's version.
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_PARAMETERIZATION,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_STATE_MIGRATIONS,
)
_UNSUPPORTED_FIELDS: Final = {
    "remote": "remote (multi-language) components",
    "replace_with": "the option `replace_with`",
    "replacement_trigger": "the option `replacement_trigger`",
    "transforms": "transforms",
    "state_migrations": "state migrations",
    "packageRef": "parameterized packages",
    "envVarMappings": "the option `env_var_mappings`",
    "hideDiffs": "the option `hide_diffs`",
}


class MonitorError(grpc.RpcError):  # type: ignore[misc]  # grpc has no types
    """An error as the SDK expects it from a remote monitor."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self._code = code
        self._details = details

    def code(self) -> grpc.StatusCode:
        """The status; UNAVAILABLE makes the SDK end the program quietly."""
        return self._code

    def details(self) -> str:
        """The message."""
        return self._details


class ResourceMonitor:
    """Turns the SDK's requests into steps of a deployment."""

    def __init__(self, deployment: Deployment, project_folder: Path) -> None:
        self._deployment = deployment
        self._project_folder = project_folder

    def GetDeploymentInfo(self, _request: Empty) -> resource_pb2.DeploymentInfo:
        """What the program runs under."""
        return resource_pb2.DeploymentInfo(
            project=self._deployment.project,
            stack=self._deployment.stack,
            organization="organization",
            dryRun=self._deployment.preview,
            parallel=self._deployment.parallel,
            supportedFeatures=_FEATURES,
        )

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceResponse:
        """Bring a resource about."""
        location = self._location(request.sourcePosition)
        urn = self._urn(request)
        return self._answer(lambda: self._register(request, urn, location), urn, location)

    def _register(
        self, request: resource_pb2.RegisterResourceRequest, urn: str, location: str
    ) -> resource_pb2.RegisterResourceResponse:
        _refuse_unsupported(request)
        goal = self._goal(request, urn, location)
        state = self._deployment.register(goal)
        if self._deployment.is_skipped(state.urn):  # what it would answer is unknown to the program, even in an `up`
            return resource_pb2.RegisterResourceResponse(urn=state.urn, unknown=True)
        return resource_pb2.RegisterResourceResponse(
            urn=state.urn, id=self._id(state), object=marshal(state.outputs), result=resource_pb2.Result.SUCCESS
        )

    def _id(self, state: ResourceState) -> str:
        """The id; a provider that a preview would create has none yet, and no resource waits for it."""
        if not state.id and urns.is_provider(state.type):
            return UNKNOWN_STRING
        return state.id

    def _urn(self, request: resource_pb2.RegisterResourceRequest | resource_pb2.ReadResourceRequest) -> str:
        deployment = self._deployment
        return urns.create(deployment.stack, deployment.project, request.parent, request.type, request.name)

    def _goal(self, request: resource_pb2.RegisterResourceRequest, urn: str, location: str) -> Goal:
        deployment = self._deployment
        inputs = unmarshal(request.object)
        parent = deployment.registered(request.parent)
        protect = request.protect if request.HasField("protect") else parent is not None and parent.protect
        retain = parent is not None and parent.retain_on_delete
        return Goal(
            urn=urn,
            type=request.type,
            name=request.name,
            custom=request.custom,
            inputs=with_version(inputs, request.version) if urns.is_provider(request.type) else inputs,
            parent=request.parent,
            dependencies=list(request.dependencies),
            property_dependencies={key: list(value.urns) for key, value in request.propertyDependencies.items()},
            provider=self._provider(request.type, request.provider, request.version) if request.custom else "",
            protect=protect,
            delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
            ignore_changes=list(request.ignoreChanges),
            replace_on_changes=list(request.replaceOnChanges),
            aliases=[*(Alias(urn=urn) for urn in request.aliasURNs), *(_alias(alias) for alias in request.aliases)],
            additional_secret_outputs=list(request.additionalSecretOutputs),
            custom_timeouts=_timeouts(request.customTimeouts),
            retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else retain,
            deleted_with=request.deletedWith or (parent.deleted_with if parent is not None else ""),
            location=location,
            import_id=request.importId,
        )

    def _provider(self, type: str, reference: str, version: str) -> str:
        """The reference of the provider that manages a type; provider resources have none."""
        if urns.is_provider(type):
            return ""
        return reference or self._deployment.default_provider(urns.package_of(type), version)

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:
        """Read a resource that something else manages."""
        location = self._location(request.sourcePosition)
        urn = self._urn(request)
        return self._answer(lambda: self._read(request, urn, location), urn, location)

    def _read(
        self, request: resource_pb2.ReadResourceRequest, urn: str, location: str
    ) -> resource_pb2.ReadResourceResponse:
        if request.packageRef:
            raise UnsupportedFeature(_UNSUPPORTED_FIELDS["packageRef"])
        goal = Goal(
            urn=urn,
            type=request.type,
            name=request.name,
            custom=True,
            inputs=unmarshal(request.properties),
            parent=request.parent,
            dependencies=list(request.dependencies),
            provider=self._provider(request.type, request.provider, request.version),
            additional_secret_outputs=list(request.additionalSecretOutputs),
            location=location,
        )
        state = self._deployment.read(goal, "" if request.id == UNKNOWN_STRING else request.id)
        return resource_pb2.ReadResourceResponse(
            urn=state.urn, id=state.id, properties=marshal(state.outputs), result=resource_pb2.Result.SUCCESS
        )

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> Empty:
        """Set a component's outputs."""

        def register() -> Empty:
            self._deployment.register_outputs(request.urn, unmarshal(request.outputs))
            return Empty()

        return self._answer(register, request.urn, "")

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:
        """Call a function of a package."""

        def invoke() -> resource_pb2.ResourceInvokeResponse:
            result = self._invoke(request)
            if result is None:
                return resource_pb2.ResourceInvokeResponse(unknown=True)
            return resource_pb2.ResourceInvokeResponse(**{"return": marshal(result)})

        try:
            return invoke()
        except RunStopped as error:
            raise MonitorError(grpc.StatusCode.UNAVAILABLE, str(error)) from error
        except (EngineError, ProviderError) as error:  # the program sees it raised by its own call, and may catch it
            raise MonitorError(grpc.StatusCode.UNKNOWN, str(error)) from error

    def _invoke(self, request: resource_pb2.ResourceInvokeRequest) -> Properties | None:
        if request.packageRef:
            raise UnsupportedFeature(_UNSUPPORTED_FIELDS["packageRef"])
        arguments = unmarshal(request.args)
        if request.tok == _GET_RESOURCE:
            state = self._deployment.registered(str(arguments["urn"]))
            if state is None:
                raise EngineError(f"The program has no resource {arguments['urn']}.")
            return {"urn": state.urn, "id": state.id, "state": state.outputs}
        if request.tok.startswith("pulumi:pulumi:"):
            raise UnsupportedFeature(f"the function {request.tok}")
        reference = self._provider(request.tok, request.provider, request.version)
        return self._deployment.registry.client(reference).invoke(request.tok, arguments)

    def SignalAndWaitForShutdown(self, _request: Empty) -> Empty:
        """The program is done; deletes run after it, since no hook of it has to be called for them."""
        return Empty()

    def Call(self, request: resource_pb2.ResourceCallRequest) -> Any:
        """Refused: methods of resources."""
        raise self._unsupported(f"methods of resources ({request.tok})")

    def RegisterStackTransform(self, _request: Any) -> Any:
        """Refused: transforms."""
        raise self._unsupported("stack transforms")

    def RegisterStackInvokeTransform(self, _request: Any) -> Any:
        """Refused: transforms of invokes."""
        raise self._unsupported("invoke transforms")

    def RegisterResourceHook(self, _request: Any) -> Any:
        """Refused: hooks."""
        raise self._unsupported("resource hooks")

    def RegisterErrorHook(self, _request: Any) -> Any:
        """Refused: error hooks."""
        raise self._unsupported("error hooks")

    def RegisterPackage(self, request: resource_pb2.RegisterPackageRequest) -> Any:
        """Refused: parameterized packages."""
        raise self._unsupported(f"parameterized packages ({request.name})")

    def ExistsResource(self, _request: Any) -> Any:
        """Refused: the test of a resource's existence."""
        raise self._unsupported("`exists` of resources")

    def _unsupported(self, feature: str) -> MonitorError:
        message = str(UnsupportedFeature(feature))
        self._deployment.fail(message)
        return MonitorError(grpc.StatusCode.UNIMPLEMENTED, message)

    def _answer(self, work: Callable[[], T], urn: str, location: str) -> T:
        """Run a request; a failure is reported here, and ends the program without a message of its own."""
        try:
            return work()
        except (RunStopped, StepFailed) as error:
            raise MonitorError(grpc.StatusCode.UNAVAILABLE, str(error)) from error
        except (EngineError, ProviderError) as error:
            self._deployment.fail(str(error), urn, location)
            raise MonitorError(grpc.StatusCode.UNAVAILABLE, str(error)) from error

    def _location(self, position: source_pb2.SourcePosition) -> str:
        if not position.uri:
            return ""
        file = Path(unquote(urlsplit(position.uri).path))
        if file.is_relative_to(self._project_folder):
            file = file.relative_to(self._project_folder)
        return f"{file}:{position.line}"


class Engine:
    """The engine service: messages of the program."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def Log(self, request: engine_pb2.LogRequest) -> Empty:
        """Pass a message on; an error fails the run."""
        severities: dict[int, Literal["debug", "info", "warning", "error"]] = {
            engine_pb2.DEBUG: "debug",
            engine_pb2.INFO: "info",
            engine_pb2.WARNING: "warning",
            engine_pb2.ERROR: "error",
        }
        severity = severities[request.severity]
        if severity != "debug":  # the SDK's own traces
            self._deployment.emit(Diagnostic(severity, request.message, request.urn))
        return Empty()

    def RequirePulumiVersion(self, _request: engine_pb2.RequirePulumiVersionRequest) -> Any:
        """Refused: this is no version of the Pulumi CLI."""
        message = str(UnsupportedFeature("`require_pulumi_version`"))
        self._deployment.fail(message)
        raise MonitorError(grpc.StatusCode.UNIMPLEMENTED, message)


def _refuse_unsupported(request: resource_pb2.RegisterResourceRequest) -> None:
    for field, _ in request.ListFields():
        if field.name in _UNSUPPORTED_FIELDS:
            raise UnsupportedFeature(_UNSUPPORTED_FIELDS[field.name])
        if field.name == "hooks" and request.hooks.ListFields():
            raise UnsupportedFeature("resource hooks")


def _alias(alias: alias_pb2.Alias) -> Alias:
    if alias.WhichOneof("alias") == "urn":
        return Alias(urn=alias.urn)
    spec = alias.spec
    return Alias(
        name=spec.name,
        type=spec.type,
        stack=spec.stack,
        project=spec.project,
        parent=spec.parentUrn,
        no_parent=spec.noParent,
    )


def _timeouts(message: resource_pb2.RegisterResourceRequest.CustomTimeouts) -> dict[str, float]:
    texts = {"create": message.create, "update": message.update, "delete": message.delete, "read": message.read}
    return {key: seconds(text, f"custom_timeouts.{key}") for key, text in texts.items() if text}
