"""Triggers of a factory: put and deleted so that one which runs goes on running, whatever becomes of the deployment.

Azure refuses to change a started trigger, and one that fires while what it stands on is half changed would run that.
So a trigger is stopped before it, or what it stands on, is changed, and started again afterwards. Whether it runs is
asked from the factory, where an operator may have stopped it: the artifact's JSON decides for a new trigger only.

What is killed in between leaves a trigger stopped; an annotation on it says so, and the next deployment starts it.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from azure.core.exceptions import AzureError, ResourceNotFoundError

from adfkit.artifacts.errors import ArtifactError
from adfkit.artifacts.model import Artifact, Json, canonical
from adfkit.artifacts.sdk_model import READ_ONLY
from adfkit.artifacts.service_errors import named, told

if TYPE_CHECKING:
    from azure.mgmt.datafactory import DataFactoryManagementClient

STARTED: Final = "Started"
RUNTIME_STATE: Final = "runtimeState"
"""A trigger's state: part of its JSON in a repository, but set by starting and stopping it."""
MARK: Final = "adfkit: stopped for a deployment"
EVENTS: Final = "BlobEventsTrigger"
TUMBLING: Final = "TumblingWindowTrigger"
SUBSCRIPTION_SECONDS: Final = 600
POLL_SECONDS: Final = 5

_lock = threading.RLock()
_held: dict[tuple[str, ...], tuple[int, bool]] = {}
"""By trigger: how many changes of this process want it stopped, and whether it ran before the first."""
_deleted: dict[tuple[str, ...], tuple[Json, bool]] = {}
"""By trigger that this process has deleted: its properties, and whether it ran; a replacement takes them up."""


def runs(properties: Json) -> bool:
    """Whether a trigger runs, or would if a deployment that was cut off had not stopped it."""
    return properties.get(RUNTIME_STATE) == STARTED or MARK in _annotations(properties)


def fixed(properties: Json) -> tuple[object, ...]:
    """What Azure does not let change in a trigger: its type, and what all windows of a tumbling window follow from."""
    if properties.get("type") != TUMBLING:
        return (properties.get("type"),)
    settings = properties.get("typeProperties") or {}
    return TUMBLING, settings.get("frequency"), canonical(settings.get("interval")), _moment(settings.get("startTime"))


class Triggers:
    """The triggers of one factory. Errors of the service are raised as they come, but for those of `stopped`."""

    def __init__(self, client: DataFactoryManagementClient, resource_group: str, factory: str) -> None:
        self._client = client
        self._scope = (resource_group, factory)
        self._key = (str(client._config.subscription_id), resource_group.lower(), factory.lower())

    def get(self, name: str) -> Json | None:
        """A trigger's properties; None where there is no such trigger."""
        try:
            found = self._client.triggers.get(*self._scope, name)
        except ResourceNotFoundError:
            return None
        return dict(found.as_dict()["properties"]) if found is not None else None

    def put(self, artifact: Artifact, *, is_new: bool) -> None:
        """Create or change a trigger. It runs afterwards as it did before; a new one as its JSON says.

        One that cannot be changed in place is deleted and created again. Where any of it fails, the trigger is made
        again what it was.

        Args:
            is_new: nothing is known of it yet: one that is there already was left by a deployment that was cut off.
        """
        key = self._of(artifact.name)
        with _lock:
            present = self.get(artifact.name)
            replaced = _deleted.pop(key, None)
        before, ran = replaced or (present, present is not None and runs(present))
        as_declared = replaced is None and (is_new or present is None)
        starts = artifact.properties.get(RUNTIME_STATE) == STARTED if as_declared else ran
        try:
            if present is not None:
                self._end(artifact.name, present)
                if fixed(present) != fixed(artifact.properties):
                    self._client.triggers.delete(*self._scope, artifact.name)
            self._send(artifact.name, artifact.properties)
            if starts:
                self._start(artifact.name, artifact.properties)
        except AzureError as error:
            self._restore(artifact.name, before, ran, error)
            raise

    def delete(self, name: str) -> None:
        """Delete a trigger; one that is gone already is no error. One that cannot be deleted runs on if it did."""
        present = self.get(name)
        if present is None:
            return
        ran = runs(present)
        try:
            self._end(name, present)
            self._client.triggers.delete(*self._scope, name)
        except AzureError as error:
            self._restore(name, present, ran, error)
            raise
        _deleted[self._of(name)] = (present, ran)

    @contextmanager
    def stopped(self, names: Iterable[str]) -> Iterator[None]:
        """Keep triggers stopped meanwhile; those that ran are started again, however it ends.

        Several threads may want the same trigger stopped: the last to end starts it.

        Raises:
            ArtifactError: one could not be stopped, or started again; the text names it.
        """
        held: list[str] = []
        try:
            for name in names:
                with named(f"trigger {name}"):
                    self._hold(name)
                held.append(name)
            yield
        except BaseException as error:
            if problems := self._release(held):
                raise ArtifactError("; ".join([str(error), *problems])) from error
            raise
        if problems := self._release(held):
            raise ArtifactError("; ".join(problems))

    def _hold(self, name: str) -> None:
        with _lock:
            holders, ran = _held.get(self._of(name), (0, False))
            present = None if holders else self.get(name)
            if present is not None and runs(present):
                ran = True
                self._stop(name, present)
                try:
                    self._send(name, present, MARK)
                except AzureError:
                    self._start(name, present)
                    raise
            _held[self._of(name)] = (holders + 1, ran)

    def _release(self, names: list[str]) -> list[str]:
        """Start the triggers that no one wants stopped any more; returns what went wrong."""
        problems: list[str] = []
        for name in names:
            with _lock:
                holders, ran = _held.pop(self._of(name))
                if holders > 1:
                    _held[self._of(name)] = (holders - 1, ran)
                    continue
                try:
                    present = self.get(name) if ran else None
                    if present is not None:
                        self._send(name, present)
                        self._start(name, present)
                except AzureError as error:
                    problems.append(f"the trigger {name} ran before and could not be started again: {told(error)}")
        return problems

    def _restore(self, name: str, before: Json | None, ran: bool, cause: AzureError) -> None:
        """Make a trigger what it was before a change that failed."""
        try:
            present = self.get(name)
            if present is not None and (before is None or fixed(present) != fixed(before)):
                self._end(name, present)
                self._client.triggers.delete(*self._scope, name)
            elif present is not None:
                self._stop(name, present)
            if before is not None:
                self._send(name, before)
            if before is not None and ran:
                self._start(name, before)
        except AzureError as error:
            problem = f"it could not be made again what it was: {told(error)}"
            raise ArtifactError(f"trigger {name}: {told(cause)}; {problem}") from cause

    def _send(self, name: str, properties: Json, *marks: str) -> None:
        """Put a trigger that is stopped, without what the service sets; of the mark, what is given."""
        kept = {key: value for key, value in properties.items() if key not in READ_ONLY}
        if marks or MARK in _annotations(properties):
            kept["annotations"] = [each for each in _annotations(properties) if each != MARK] + list(marks)
        body = io.BytesIO(canonical({"properties": kept}).encode())
        self._client.triggers.create_or_update(*self._scope, name, body)

    def _start(self, name: str, properties: Json) -> None:
        if properties.get("type") == EVENTS:
            self._client.triggers.begin_subscribe_to_events(*self._scope, name).result()
            self._wait_for_subscription(name, "Enabled")
        self._client.triggers.begin_start(*self._scope, name).result()

    def _stop(self, name: str, present: Json) -> None:
        if present.get(RUNTIME_STATE) == STARTED:
            self._client.triggers.begin_stop(*self._scope, name).result()

    def _end(self, name: str, present: Json) -> None:
        """Stop a trigger, and its events."""
        self._stop(name, present)
        if present.get("type") == EVENTS:
            self._client.triggers.begin_unsubscribe_from_events(*self._scope, name).result()
            self._wait_for_subscription(name, "Disabled")

    def _wait_for_subscription(self, name: str, wanted: str) -> None:
        """The subscription is made by Event Grid, which takes its time."""
        end = time.monotonic() + SUBSCRIPTION_SECONDS
        while (status := self._client.triggers.get_event_subscription_status(*self._scope, name).status) != wanted:
            if time.monotonic() > end:
                raise AzureError(
                    f"the subscription of the trigger {name} to events is {status}, not {wanted}, "
                    f"after {SUBSCRIPTION_SECONDS} seconds"
                )
            time.sleep(POLL_SECONDS)

    def _of(self, name: str) -> tuple[str, ...]:
        return (*self._key, name.lower())


def _annotations(properties: Json) -> list[object]:
    return list(properties.get("annotations") or [])


def _moment(text: object) -> object:
    """The moment that a text of ISO 8601 tells, which the service may write otherwise than it was put."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return text
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
