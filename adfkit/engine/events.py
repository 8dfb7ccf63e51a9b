"""What a run tells while it works: the plan of each resource, its steps, messages, and the summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, Protocol

from adfkit.engine.provider import DiffKind


class Operation(Enum):
    """What is done to a resource; the words are the Pulumi CLI's."""

    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    READ = "read"
    IMPORT = "import"
    """It exists already, and is managed from now on."""
    CREATE_REPLACEMENT = "create-replacement"
    DELETE_REPLACED = "delete-replaced"
    DISCARD = "discard"
    """Forgotten by the state, and left alone in the cloud."""


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """One property that differs. Values are for people: secrets are `[secret]`, unknown ones are `UNKNOWN`."""

    path: str
    kind: DiffKind
    old: Any = None
    new: Any = None

    @property
    def replaces(self) -> bool:
        """Whether it forces a replacement."""
        return self.kind.value.endswith("-replace")


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one resource, and why."""

    operation: Operation
    urn: str
    type: str
    name: str
    parent: str = ""
    changes: tuple[PropertyChange, ...] = ()
    reason: str = ""
    delete_before: bool = False
    """A replacement that deletes the old resource before it creates the new one."""
    old_urn: str = ""
    """The URN that the state knew it by, where an alias renamed it."""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    """All its inputs, where it changes: as they were, and as they will be, redacted as `changes` are."""


@dataclass(frozen=True, slots=True)
class ResourcePlanned:
    """The decision on a resource, in a preview and in a run."""

    step: Step


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step that changes something begins."""

    operation: Operation
    urn: str
    type: str
    name: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step ended and is saved; `error` says why it failed, empty where it did not."""

    operation: Operation
    urn: str
    type: str
    name: str
    seconds: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A message for the user."""

    severity: Literal["debug", "info", "warning", "error"]
    message: str
    urn: str = ""
    location: str = ""
    """`<file>:<line>` in the program, relative to the project's folder, where it is known."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended."""

    ok: bool
    preview: bool
    changes: Mapping[Operation, int]
    """Resources by operation, as decided; a replacement counts once."""
    steps: Sequence[Step]
    outputs: Mapping[str, Any]
    """The stack's outputs, with secrets as `[secret]`."""
    diagnostics: Sequence[Diagnostic]
    """Warnings and errors."""
    seconds: float

    @property
    def changed(self) -> bool:
        """Whether anything is created, updated, replaced, deleted."""
        return any(count for operation, count in self.changes.items() if operation not in _NO_CHANGE)

    @property
    def errors(self) -> list[Diagnostic]:
        """The errors alone."""
        return [one for one in self.diagnostics if one.severity == "error"]


_NO_CHANGE = frozenset({Operation.SAME, Operation.READ})


@dataclass(frozen=True, slots=True)
class Summary:
    """The last event of a run."""

    result: Result


Event = ResourcePlanned | StepStarted | StepFinished | Diagnostic | Summary
OnEvent = Callable[[Event], None]


class Redactor(Protocol):
    """What takes secrets out of events."""

    def event(self, event: Event) -> Event:
        """The event without the secrets that are known by now."""

    def step(self, step: Step) -> Step:
        """The same of a step."""


@dataclass(slots=True)
class Recorder:
    """Passes events on, one at a time, without secrets, and keeps what the result needs."""

    on_event: OnEvent
    redactor: Redactor
    steps: list[Step] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        """Record and pass on; the caller holds the run's event lock."""
        event = self.redactor.event(event)
        if isinstance(event, ResourcePlanned):
            self.steps.append(event.step)
        elif isinstance(event, Diagnostic) and event.severity in ("warning", "error"):
            self.diagnostics.append(event)
        self.on_event(event)

    def redacted_steps(self) -> list[Step]:
        """All steps, without the secrets that came to be known only after a step was told too."""
        return [self.redactor.step(step) for step in self.steps]

    def counts(self) -> dict[Operation, int]:
        """Resources by operation."""
        return dict(Counter(step.operation for step in self.steps))

    @property
    def failed(self) -> bool:
        """Whether an error was reported."""
        return any(one.severity == "error" for one in self.diagnostics)
