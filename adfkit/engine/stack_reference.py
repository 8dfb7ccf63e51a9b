"""The package `pulumi`, which every engine has itself: its one resource here is the reference to another stack.

https://www.pulumi.com/docs/iac/concepts/stacks/#stackreferences
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from adfkit.engine.properties import Properties, has_secret
from adfkit.engine.provider import CheckResult, CreateResult, DiffResult, ProviderError, ReadResult

PACKAGE: Final = "pulumi"
TYPE: Final = "pulumi:pulumi:StackReference"
_NAME: Final = re.compile(r"(?:organization/(?P<project>[\w.-]+)/)?(?P<stack>[\w.-]+)")
OutputsOf = Callable[[str], Properties | None]


class StackReferences:
    """The provider protocol over the outputs of stacks beside this one."""

    def __init__(self, project: str, outputs_of: OutputsOf) -> None:
        """`outputs_of` gives the outputs of a stack of the project, None where it was never deployed."""
        self._project = project
        self._outputs_of = outputs_of

    def check_config(self, config: Properties) -> CheckResult:
        """Nothing to check."""
        return CheckResult(config)

    def configure(self, config: Properties) -> None:
        """Nothing to take."""

    def read(self, urn: str, type: str, id: str, inputs: Properties, outputs: Properties) -> ReadResult:
        """The outputs of the stack `id`: `<stack>` or `organization/<project>/<stack>`.

        Raises:
            ProviderError: it is no stack of this project, or was never deployed by this engine.
        """
        if type != TYPE:
            raise ProviderError(f"The package pulumi has no resource {type}.")
        match = _NAME.fullmatch(id)
        if match is None or match["project"] not in (None, self._project):
            raise ProviderError(
                f"The embedded engine knows the stacks of the project {self._project} alone, and {id!r} names none."
            )
        found = self._outputs_of(match["stack"])
        if found is None:
            raise ProviderError(f"The stack {id!r} is not deployed: deploy it first, with the embedded engine.")
        secrets = sorted(name for name, value in found.items() if has_secret(value))
        return ReadResult(id, {"name": id}, {"name": id, "outputs": found, "secretOutputNames": secrets})

    def check(self, urn: str, type: str, name: str, old: Properties, new: Properties, seed: bytes) -> CheckResult:
        """References are read, never made."""
        raise self._refusal(type)

    def diff(self, urn: str, type: str, id: str, old: Properties, outputs: Properties, new: Properties) -> DiffResult:
        """As `check`."""
        raise self._refusal(type)

    def create(self, urn: str, type: str, name: str, inputs: Properties, preview: bool, timeout: float) -> CreateResult:
        """As `check`."""
        raise self._refusal(type)

    def update(self, *arguments: Any) -> Properties:
        """As `check`."""
        raise self._refusal(str(arguments[1]))

    def delete(self, urn: str, type: str, id: str, inputs: Properties, outputs: Properties, timeout: float) -> None:
        """As `check`."""
        raise self._refusal(type)

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """No functions."""
        raise ProviderError(f"The embedded engine does not support the function {token} yet.")

    def _refusal(self, type: str) -> ProviderError:
        return ProviderError(f"{type} is read with an id, and not managed.")
