"""What the runtime is given of a factory: its artifacts, and a way out to the services it calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Kind = Literal["pipelines", "datasets", "linkedservices", "dataflows", "credentials", "triggers", "integrationRuntimes"]


class Artifacts(Protocol):
    """A factory's artifacts, wherever they come from: a deployed factory or a folder of files."""

    def find(self, kind: Kind, name: str) -> tuple[str, Mapping[str, Any]] | None:
        """The artifact's own name and its `properties`, found without case; None where it does not exist."""
        ...

    def global_parameters(self) -> Mapping[str, Any]:
        """Values by name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A call that an activity makes. `timeout` is in seconds, for the response to begin."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    timeout: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """What came back. `reason` is the status's phrase, such as `Forbidden`."""

    status: int
    reason: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8-sig", errors="replace")


class Cloud(Protocol):
    """The way out of the runtime."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Make the call.

        Raises:
            ActivityFailure: the host cannot be reached, or must not be.
        """
        ...

    async def download(self, request: HttpRequest, to: Path) -> HttpResponse:
        """Make the call and write what a success brings to a file, in bounded memory; `content` is empty then.

        Raises:
            ActivityFailure: as for `send`.
        """
        ...

    def token(self, audience: str, credential: str | None = None) -> str:
        """A bearer token of the factory's own identity, or of the one that a credential names.

        Raises:
            ActivityFailure: there is no such identity.
        """
        ...

    def identity(self, credential: str | None = None) -> str:
        """Who `token` speaks for, for error texts: a name and an object id."""
        ...

    def call_back_url(self, activity_run: str, token: str) -> str:
        """The address at which an activity that waits is called back.

        Raises:
            ActivityFailure: nobody outside can call.
        """
        ...

    def shared_access(self, account: str, container: str, credential: str | None = None) -> str:
        """The query of a shared access signature by which a holder reads and writes a container as `identity`.

        Raises:
            ActivityFailure: 2502, the identity may not sign for the account.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Factory:
    """A factory that runs pipelines. `id` is unique among factories; `region` is shown in outputs."""

    id: str
    name: str
    region: str
    artifacts: Artifacts
    cloud: Cloud
