"""What differs between deployed and wanted inputs, and which differences replace the resource."""

from __future__ import annotations

import re
from typing import Any

from adfkit.engine.diff import structural_diff
from adfkit.engine.provider import DiffKind, Properties
from adfkit.local_azure.provider.bodies import BOOKKEEPING
from adfkit.local_azure.provider.types import AzureType

_INDEX = re.compile(r"\[[^]]*\]")
_REPLACE = {kind: DiffKind(f"{kind.value}-replace") for kind in (DiffKind.ADD, DiffKind.DELETE, DiffKind.UPDATE)}


def difference(type: AzureType, old: Properties, new: Properties) -> dict[str, DiffKind]:
    """The paths that differ. Spelling that Azure does not care about (`West Europe`, an id's case) is no difference."""
    detailed = structural_diff(_comparable(type, old), _comparable(type, new))
    fixed = {*type.parameters, "location", *type.create_only}
    return {path: _REPLACE[kind] if _is_fixed(path, fixed) else kind for path, kind in detailed.items()}


def _is_fixed(path: str, fixed: set[str]) -> bool:
    plain = _INDEX.sub("", path)
    return any(plain == each or plain.startswith(f"{each}.") for each in fixed)


def _comparable(type: AzureType, inputs: Properties) -> Properties:
    kept: dict[str, Any] = {key: value for key, value in inputs.items() if key not in BOOKKEEPING and value is not None}
    if isinstance(location := kept.get("location"), str):
        kept["location"] = location.lower().replace(" ", "")
    for name in type.parameters:
        if isinstance(value := kept.get(name), str):
            kept[name] = value.strip("/").lower() if name == "scope" else value.lower()
    if type.token.endswith(":RoleAssignment") and isinstance(role := kept.get("roleDefinitionId"), str):
        kept["roleDefinitionId"] = role.rpartition("/")[2].lower()
    return kept
