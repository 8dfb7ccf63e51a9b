"""The shapes of the service's JSON, declared: what must be an object, an array, a text, wherever code relies on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Shape = Callable[[Any, str], Iterator[str]]
"""Yields what is wrong with a value, given its JSON path."""


def text(value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, str) or not value:
        yield f"{path} must be a text that is not empty."


def a_text(value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{path} must be a text."


def anything(value: Any, path: str) -> Iterator[str]:
    yield from ()


def record(required: Mapping[str, Shape] | None = None, **optional: Shape) -> Shape:
    """An object with these members; an optional one may be absent or null, others are not looked at."""

    def check(value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path} must be an object."
            return
        for name, shape in (required or {}).items():
            yield from shape(value.get(name), f"{path}.{name}")
        for name, shape in optional.items():
            if value.get(name) is not None:
                yield from shape(value[name], f"{path}.{name}")

    return check


def array(shape: Shape) -> Shape:
    def check(value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{path} must be an array."
            return
        for index, item in enumerate(value):
            yield from shape(item, f"{path}[{index}]")

    return check


def mapping(shape: Shape) -> Shape:
    """An object with any members of one shape."""

    def check(value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path} must be an object."
            return
        for name, item in value.items():
            yield from shape(item, f"{path}.{name}")

    return check


def activities(value: Any, path: str) -> Iterator[str]:
    """An array of activities; a function, since activities hold activities."""
    yield from array(ACTIVITY)(value, path)


REFERENCE: Final = record({"referenceName": text}, parameters=record())
DATA_FLOW_REFERENCE: Final = record(
    {"referenceName": text}, parameters=record(), datasetParameters=record(), linkedServiceParameters=record()
)
DECLARED: Final = mapping(record({"type": text}))
ACTIVITY: Final = record(
    {"name": text, "type": text},
    dependsOn=array(record({"activity": text}, dependencyConditions=array(text))),
    policy=record(),
    linkedServiceName=REFERENCE,
    userProperties=array(record({"name": text})),
    typeProperties=record(
        activities=activities,
        ifTrueActivities=activities,
        ifFalseActivities=activities,
        defaultActivities=activities,
        cases=array(record({"value": text}, activities=activities)),
        dataset=REFERENCE,
        pipeline=REFERENCE,
        dataFlow=DATA_FLOW_REFERENCE,
        dataflow=DATA_FLOW_REFERENCE,
        cacheSinks=record(),
    ),
)
DATA_FLOW_END: Final = record({"name": text}, dataset=REFERENCE, linkedService=REFERENCE)
PIPELINE: Final = record(
    activities=activities, parameters=DECLARED, variables=DECLARED, annotations=array(anything), policy=record()
)
SHAPES: Final[Mapping[str, Shape]] = {
    "pipelines": PIPELINE,
    "datasets": record({"linkedServiceName": REFERENCE, "typeProperties": record()}, parameters=DECLARED),
    "dataflows": record(
        typeProperties=record(
            sources=array(DATA_FLOW_END), sinks=array(DATA_FLOW_END), script=a_text, scriptLines=array(a_text)
        )
    ),
    "linkedservices": record({"typeProperties": record()}, parameters=DECLARED),
    "credentials": record(typeProperties=record()),
    "globalParameters": mapping(record({"type": text})),
}
"""By kind of artifact; each stands for the artifact's `properties`."""
