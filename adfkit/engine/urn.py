"""URNs: `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>`, the name of a resource within a stack."""

from __future__ import annotations

from typing import Final

STACK_TYPE: Final = "pulumi:pulumi:Stack"
PROVIDER_PREFIX: Final = "pulumi:providers:"


def create(stack: str, project: str, parent: str, type: str, name: str) -> str:
    """The URN of a resource; `parent` is its parent's URN, or "" for none."""
    qualified = type
    if parent:
        parent_type = qualified_type(parent)
        if parent_type != STACK_TYPE:
            qualified = f"{parent_type}${type}"
    return f"urn:pulumi:{stack}::{project}::{qualified}::{name}"


def _parts(urn: str) -> list[str]:
    parts = urn.split("::", 3)
    if len(parts) != 4:
        raise ValueError(f"{urn!r} is no URN (urn:pulumi:<stack>::<project>::<type>::<name>)")
    return parts


def qualified_type(urn: str) -> str:
    """The type with the types of its parents before it, joined with `$`."""
    return _parts(urn)[2]


def type_of(urn: str) -> str:
    """The resource's own type."""
    return qualified_type(urn).rsplit("$", 1)[-1]


def name_of(urn: str) -> str:
    """The resource's logical name."""
    return _parts(urn)[3]


def package_of(type: str) -> str:
    """The package whose provider manages a type."""
    if type.startswith(PROVIDER_PREFIX):
        return type.removeprefix(PROVIDER_PREFIX)
    return type.split(":", 1)[0]


def is_provider(type: str) -> bool:
    """Whether the type is a provider resource."""
    return type.startswith(PROVIDER_PREFIX)


def is_default_provider(urn: str) -> bool:
    """Whether it is a default provider, which the engine registers itself: those alone have such a name."""
    return is_provider(type_of(urn)) and (name_of(urn) == "default" or name_of(urn).startswith("default_"))
