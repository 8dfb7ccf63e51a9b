"""The SDK of the package `mem`, whose provider keeps its resources in memory."""

from __future__ import annotations

from typing import Any

import pulumi

VERSION = "1.2.3"


def _options(opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=VERSION), opts)


class Thing(pulumi.CustomResource):
    """Any inputs; the outputs are these, and `echo`, `label` (the automatic name) and `key`."""

    def __init__(
        self, name: str, opts: pulumi.ResourceOptions | None = None, type: str = "Thing", **inputs: Any
    ) -> None:
        outputs = {"echo": None, "label": None, "key": None}
        super().__init__(f"mem:index:{type}", name, {**outputs, **inputs}, _options(opts))


class Group(pulumi.ComponentResource):
    """A component."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None, type: str = "Group") -> None:
        super().__init__(f"mem:index:{type}", name, None, opts)


class Provider(pulumi.ProviderResource):
    """An explicit provider."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None, **config: Any) -> None:
        super().__init__("mem", name, config, _options(opts))
