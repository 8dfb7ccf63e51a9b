"""Dynamic providers (`pulumi.dynamic`), hosted in this process: the pickled provider is loaded once and called here.

It gets what the Pulumi CLI's host gives it: numbers as floats, no null values, and the text of an unknown in `check`
and `diff`. https://www.pulumi.com/docs/iac/concepts/resources/dynamic-providers/
"""

from __future__ import annotations

import base64
import contextvars
import pickle
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from adfkit.engine.diff import structural_diff
from adfkit.engine.properties import SIGNATURE, UNKNOWN, UNKNOWN_STRING, Properties, asset
from adfkit.engine.provider import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffKind,
    DiffResult,
    ProviderError,
    ReadResult,
)

T = TypeVar("T")
PACKAGE: Final = "pulumi-python"
PROVIDER_KEY: Final = "__provider"
_REPLACING: Final = {
    DiffKind.ADD: DiffKind.ADD_REPLACE,
    DiffKind.DELETE: DiffKind.DELETE_REPLACE,
    DiffKind.UPDATE: DiffKind.UPDATE_REPLACE,
}


class DynamicProvider:
    """The provider protocol over dynamic providers; one for all of a run."""

    def __init__(self, project: str, config: Mapping[str, str], folder: Path) -> None:
        self._project = project
        self._config = dict(config)
        self._folder = folder
        self._loaded: dict[str, Any] = {}
        self._lock = threading.Lock()

    def check_config(self, config: Properties) -> CheckResult:
        """Nothing to check."""
        return CheckResult(config)

    def configure(self, config: Properties) -> None:
        """Nothing to take; the providers get the stack's whole configuration when they are loaded."""

    def check(
        self, urn: str, type: str, name: str, old_inputs: Properties, new_inputs: Properties, random_seed: bytes
    ) -> CheckResult:
        """The provider's check."""
        provider = self._load(new_inputs, old_inputs)
        result = self._call(lambda: provider.check(_to_provider(old_inputs), _to_provider(new_inputs)))
        inputs = _from_provider({**result.inputs, PROVIDER_KEY: new_inputs[PROVIDER_KEY]})
        return CheckResult(inputs, [CheckFailure(one.property, one.reason) for one in result.failures or ()])

    def diff(
        self, urn: str, type: str, id: str, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties
    ) -> DiffResult:
        """The provider's diff; where it has no opinion, its inputs are compared."""
        provider = self._load(new_inputs, old_outputs)
        result = self._call(lambda: provider.diff(id, _to_provider(old_outputs), _to_provider(new_inputs)))
        detailed = structural_diff(old_inputs, new_inputs)
        replaces = result.replaces or []
        if result.changes is False or (result.changes is None and not detailed and not replaces):
            return DiffResult()
        return DiffResult(_detailed(detailed, replaces), bool(result.delete_before_replace))

    def create(self, urn: str, type: str, name: str, inputs: Properties, preview: bool, timeout: float) -> CreateResult:
        """The provider's create; in a preview nothing is known of what it will answer."""
        if preview:
            return CreateResult("", {})
        provider = self._load(inputs)
        result = self._call(lambda: provider.create(_to_provider(inputs)))
        return CreateResult(str(result.id), self._outputs(result.outs, inputs))

    def read(self, urn: str, type: str, id: str, inputs: Properties, outputs: Properties) -> ReadResult:
        """The provider's read."""
        known = outputs or inputs
        provider = self._load(known)
        result = self._call(lambda: provider.read(id, _to_provider(known)))
        new_inputs = inputs if getattr(result, "inputs", None) is None else self._outputs(result.inputs, known)
        return ReadResult(result.id or "", new_inputs, self._outputs(result.outs, known))

    def update(
        self,
        urn: str,
        type: str,
        id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """The provider's update; in a preview nothing is known of what it will answer."""
        if preview:
            return {}
        provider = self._load(new_inputs)
        result = self._call(lambda: provider.update(id, _to_provider(old_outputs), _to_provider(new_inputs)))
        return self._outputs(result.outs, new_inputs)

    def delete(self, urn: str, type: str, id: str, inputs: Properties, outputs: Properties, timeout: float) -> None:
        """The provider's delete."""
        provider = self._load(outputs, inputs)
        self._call(lambda: provider.delete(id, _to_provider(outputs)))

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """Dynamic providers have no functions."""
        raise ProviderError(f"Dynamic providers have no functions, so there is no {token}.")

    def _outputs(self, outs: Mapping[str, Any] | None, inputs: Properties) -> Properties:
        outputs: Properties = _from_provider({**(outs or {}), PROVIDER_KEY: inputs[PROVIDER_KEY]})
        return outputs

    def _load(self, *bags: Properties) -> Any:
        """The provider of the first bag that knows it, loaded and configured once."""
        text = next((bag[PROVIDER_KEY] for bag in bags if isinstance(bag.get(PROVIDER_KEY), str)), None)
        if text is None:
            raise ProviderError("The dynamic resource has no provider: its `__provider` is missing or unknown.")
        with self._lock:
            if text not in self._loaded:
                self._loaded[text] = self._call(lambda: self._unpickle(text))
            return self._loaded[text]

    def _unpickle(self, text: str) -> Any:
        import dill
        from pulumi.dynamic import Config, ConfigureRequest
        from pulumi.runtime._serialization import _deserialize

        provider: Any = _deserialize(lambda: dill.loads(base64.b64decode(text)))  # noqa: S301 - the program's own
        provider.configure(ConfigureRequest(Config(self._config, self._project)))
        return provider

    def _call(self, work: Callable[[], T]) -> T:
        try:
            return contextvars.copy_context().run(work)
        except ProviderError:
            raise
        except Exception as error:
            raise ProviderError(self._described(error)) from error

    def _described(self, error: Exception) -> str:
        """The error's text; for Python's own errors with their name and the line of the provider's code."""
        text = str(error)
        if text and not isinstance(
            error, ArithmeticError | AttributeError | ImportError | LookupError | NameError | TypeError
        ):
            return text
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if Path(frame.filename).is_relative_to(self._folder) and frame.filename != __file__
        ]
        place = f" ({Path(frames[-1].filename).relative_to(self._folder)}:{frames[-1].lineno})" if frames else ""
        return f"{type(error).__name__}: {text}{place}"


def _detailed(detailed: Mapping[str, DiffKind], replaces: list[str]) -> dict[str, DiffKind]:
    """The differences, of which those under a replacing property force a replacement; each of these appears."""
    result = dict(detailed)
    for name in replaces:
        inside = [path for path in detailed if path == name or path.startswith((f"{name}.", f"{name}["))]
        for path in inside or [name]:
            result[path] = _REPLACING[detailed.get(path, DiffKind.UPDATE)]
    if not result:  # it says that something changed, and the inputs are equal: what it made has drifted
        result[PROVIDER_KEY] = DiffKind.UPDATE
    return result


def _to_provider(value: Any) -> Any:
    """A value as the Pulumi CLI's host hands it to a dynamic provider."""
    if value is UNKNOWN:
        return UNKNOWN_STRING
    if isinstance(value, bool) or not isinstance(value, int | dict | list):
        return value
    if isinstance(value, int):
        return float(value)
    if isinstance(value, list):
        return [_to_provider(item) for item in value]
    if SIGNATURE in value:
        return _pulumi_asset(value)
    return {key: _to_provider(item) for key, item in value.items() if item is not None}


def _pulumi_asset(fields: Mapping[str, str]) -> Any:
    from pulumi import FileAsset, StringAsset

    return StringAsset(fields["text"]) if "text" in fields else FileAsset(fields["path"])


def _from_provider(value: Any) -> Any:
    """A value that a dynamic provider returned."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value == UNKNOWN_STRING:
        return UNKNOWN
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _from_provider(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple | set | frozenset):
        return [_from_provider(item) for item in value]
    for kind in ("text", "path"):
        if hasattr(value, kind):
            return asset({kind: str(getattr(value, kind))})
    raise ProviderError(
        f"A dynamic provider returned a value of type {type(value).__name__}, which is no property value."
    )


@contextmanager
def isolated_pickler() -> Iterator[None]:
    """Let the SDK pickle any number of dynamic providers.

    Its `serialize_provider` patches `pickle._Pickler` and never takes the patch back, so each call nests in the one
    before, and a program with some 300 dynamic resources dies of recursion. Here the pickler is put back each time.
    """
    from pulumi.dynamic import dynamic

    serialize = dynamic.serialize_provider
    pickler: Any = pickle._Pickler

    def serialize_alone(provider: Any) -> str:
        batch, had_save_dict = pickler._batch_setitems, "save_dict" in vars(pickler)
        save_dict = getattr(pickler, "save_dict", None)
        try:
            text: str = serialize(provider)
            return text
        finally:
            pickler._batch_setitems = batch
            if had_save_dict:
                pickler.save_dict = save_dict
            elif "save_dict" in vars(pickler):
                del pickler.save_dict

    dynamic.serialize_provider = serialize_alone
    try:
        yield
    finally:
        dynamic.serialize_provider = serialize
