"""Values of declared parameters and variables: what was given, else the default, in the declared type."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from adfkit.local_azure.services.data_factory.runtime.errors import RunError

_EMPTY: Final[dict[str, Callable[[], Any]]] = {"string": str, "boolean": bool, "array": list, "integer": int}


def resolve_parameters(declared: Mapping[str, Any], given: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Values by declared name; names match without case; what is not declared is left out, as the service does.

    Raises:
        RunError: a parameter without default is not given, or a value is not of its type.
    """
    by_key = {name.lower(): value for name, value in given.items()}
    missing = [
        name
        for name, spec in declared.items()
        if name.lower() not in by_key and (spec or {}).get("defaultValue") is None
    ]
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        raise RunError(f"Missing value for parameter {names} of {owner}: it has no default value.")
    return {
        name: convert(
            by_key.get(name.lower(), (spec or {}).get("defaultValue")), (spec or {}).get("type", ""), name, owner
        )
        for name, spec in declared.items()
    }


def initial_variables(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Each variable's default value, else its type's empty value."""
    return {
        name: spec["defaultValue"]
        if spec.get("defaultValue") is not None
        else _EMPTY.get(str(spec.get("type", "String")).lower(), lambda: None)()
        for name, spec in declared.items()
    }


def secure_names(declared: Mapping[str, Any]) -> tuple[str, ...]:
    """The parameters of type SecureString."""
    return tuple(name for name, spec in declared.items() if str((spec or {}).get("type")).lower() == "securestring")


def convert(value: Any, type_name: str, name: str, owner: str) -> Any:
    """A value in a declared type (`string`, `int`, `float`, `bool`, `array`, `object`, `secureString`).

    Raises:
        RunError: it cannot be read as one.
    """
    converted = _convert(value, type_name.lower())
    if converted is _REFUSED:
        raise RunError(f"The value of parameter '{name}' of {owner} is not of its type {type_name}.")
    return converted


_REFUSED: Final = object()


def _convert(value: Any, type_name: str) -> Any:
    if value is None:
        return None
    if type_name in ("int", "integer"):
        return _integer(value)
    if type_name == "float":
        return _float(value)
    if type_name in ("bool", "boolean"):
        texts = {"true": True, "false": False}
        return value if isinstance(value, bool) else texts.get(str(value).strip().lower(), _REFUSED)
    if type_name == "array":
        return value if isinstance(value, list) else _REFUSED
    return value  # strings take any JSON value and objects are not checked, as in the service


def _integer(value: Any) -> Any:
    if isinstance(value, bool):
        return _REFUSED
    try:
        number = float(value)
        return int(value) if number.is_integer() else _REFUSED
    except (TypeError, ValueError, OverflowError):
        return _REFUSED


def _float(value: Any) -> Any:
    if isinstance(value, bool):
        return _REFUSED
    try:
        number = float(value)
    except (TypeError, ValueError):
        return _REFUSED
    return number if math.isfinite(number) else _REFUSED
