"""The resources of the compared programs: dynamic ones, which both engines host, and which exist nowhere else."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi import dynamic


class ItemProvider(dynamic.ResourceProvider):
    """`zone` forces a replacement; the outputs are the inputs and `echo`."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(f"id-{props['label']}", {**props, "echo": f"{props['label']}!"})

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        keys = [key for key in ("label", "size", "zone") if olds.get(key) != news.get(key)]
        return dynamic.DiffResult(bool(keys), ["zone"] if "zone" in keys else [], [], False)

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        return dynamic.UpdateResult({**news, "echo": f"{news['label']}!"})


class Item(dynamic.Resource):
    """Any inputs."""

    echo: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None, **inputs: Any) -> None:
        super().__init__(ItemProvider(), name, {"label": name, "echo": None, **inputs}, opts)


class Group(pulumi.ComponentResource):
    """A component with two children, the second of which needs the first."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None, **inputs: Any) -> None:
        super().__init__("demo:index:Group", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.one = Item(f"{name}-one", child, label="one", **inputs)
        self.two = Item(f"{name}-two", child, label="two", size=self.one.echo)
