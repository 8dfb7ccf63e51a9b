"""Azure's built-in role definitions, as far as this platform and what surrounds it assign them.

https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final


@dataclass(frozen=True, slots=True)
class RoleDefinition:
    """A role: a wildcard (`*`) in an action stands for any text; what `not_*` names is taken out of what it allows."""

    name: str
    role_name: str
    description: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The definition's id without the scope that it is read at."""
        return f"/providers/Microsoft.Authorization/roleDefinitions/{self.name}"

    def allows(self, action: str) -> bool:
        """Whether the role grants a control plane action."""
        return _matches(self.actions, action) and not _matches(self.not_actions, action)

    def allows_data(self, action: str) -> bool:
        """Whether the role grants a data plane action."""
        return _matches(self.data_actions, action) and not _matches(self.not_data_actions, action)


def _matches(patterns: Iterable[str], action: str) -> bool:
    return any(_pattern(pattern).fullmatch(action) for pattern in patterns)


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    # `workspaces/*/write` covers `workspaces/write` too, or the role AzureML Data Scientist need not except it
    return re.compile("/(?:.*/)?".join(_glob(part) for part in text.split("/*/")), re.IGNORECASE)


def _glob(text: str) -> str:
    return ".*".join(re.escape(part) for part in text.split("*"))


def _load() -> dict[str, RoleDefinition]:
    rows = json.loads(files(__package__).joinpath("roles.json").read_bytes())
    return {
        row["name"]: RoleDefinition(
            row["name"],
            row["roleName"],
            row["description"],
            tuple(row.get("actions", ())),
            tuple(row.get("notActions", ())),
            tuple(row.get("dataActions", ())),
            tuple(row.get("notDataActions", ())),
        )
        for row in rows
    }


ROLES: Final = _load()
"""By the GUID that names them, in lower case."""
OWNER: Final = ROLES["8e3af657-a8ff-443c-a75c-2fe8c4bcb635"]
