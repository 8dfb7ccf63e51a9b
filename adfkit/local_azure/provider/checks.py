"""Whether a resource's inputs are those that the SDK declares: nothing missing, nothing unknown, at any depth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adfkit.engine.provider import CheckFailure, Properties
from adfkit.local_azure.provider import sdk
from adfkit.local_azure.provider.bodies import BOOKKEEPING
from adfkit.local_azure.provider.types import AzureType


def failures(type: AzureType, inputs: Properties) -> list[CheckFailure]:
    """What is wrong with the inputs."""
    declared = sdk.inputs(type)
    found = [CheckFailure(name, f"'{name}' is required") for name in sorted(sdk.required(type) - set(inputs))]
    for name, value in inputs.items():
        if name in BOOKKEEPING:
            continue
        if name not in declared:
            found.append(CheckFailure(name, f"'{name}' is not an input of {type.token}"))
        else:
            found.extend(_inside(name, declared[name], value))
    return found


def _inside(path: str, annotation: Any, value: Any) -> Iterator[CheckFailure]:
    if isinstance(value, list):
        inner = sdk.element(annotation)
        for index, each in enumerate(value):
            yield from _inside(f"{path}[{index}]", inner, each)
    elif isinstance(value, dict):
        declared = sdk.members(annotation)
        inner = sdk.element(annotation)
        for name, each in value.items():
            if declared is not None and name not in declared:
                yield CheckFailure(f"{path}.{name}", f"'{name}' is not a property of '{path}'")
            else:
                yield from _inside(f"{path}.{name}", declared[name] if declared else inner, each)
