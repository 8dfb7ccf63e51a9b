"""The Pulumi program under Pulumi's own mocks: what it would register for a stack, without a cloud."""

from __future__ import annotations

import asyncio
import json
import runpy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
TENANT = "99999999-2222-4333-8444-555555555555"
CLIENT_ID = "77777777-2222-4333-8444-555555555555"


@pytest.fixture(scope="session", autouse=True)
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop of the SDK, for all programs."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(autouse=True)
def current_event_loop(event_loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """The SDK takes the event loop that is current in its thread; asyncio.run, in any test before, leaves none."""
    asyncio.set_event_loop(event_loop)
    yield
    left = asyncio.all_tasks(event_loop)  # of a program that failed
    for task in left:
        task.cancel()
    event_loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    asyncio.set_event_loop(None)


@dataclass(frozen=True)
class Registered:
    """One registered resource: its inputs as they go over the wire."""

    type: str
    name: str
    inputs: dict[str, Any]


class Program:
    """What a program registered and exported."""

    def __init__(self) -> None:
        self.resources: list[Registered] = []

    def one(self, type: str, name: str | None = None) -> dict[str, Any]:
        """The inputs of the only resource of a type (and name)."""
        found = [each for each in self.all(type) if name in (None, each.name)]
        assert len(found) == 1, f"{len(found)} resources of type {type} named {name}"
        return found[0].inputs

    def all(self, type: str) -> list[Registered]:
        """The resources of a type."""
        return [each for each in self.resources if each.type == type]


class Mocks(pulumi.runtime.Mocks):
    """Answers as Azure would, as far as the program reads it."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = dict(args.inputs)
        self.program.resources.append(Registered(args.typ, args.name, inputs))
        outputs = {"name": f"{args.name}-name", **inputs}
        identity = inputs.get("identity")
        if identity:
            assigned = {id: {} for id in identity.get("userAssignedIdentities", [])}
            outputs["identity"] = {
                "type": identity["type"],
                "principalId": f"{args.name}-principal",
                "tenantId": TENANT,
            }
            if assigned:
                outputs["identity"]["userAssignedIdentities"] = assigned
        if args.typ.endswith(":UserAssignedIdentity"):
            outputs |= {"principalId": f"{args.name}-principal", "clientId": f"{args.name}-client"}
        return f"/{args.name}-id", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        assert args.token == "azure-native:authorization:getClientConfig"
        return {"clientId": "c", "objectId": "deployer", "subscriptionId": SUBSCRIPTION, "tenantId": TENANT}


def stack_values(stack: str) -> dict[str, Any]:
    """The configuration of a stack file, with the application id that the owner of a tenant sets."""
    text = (PROJECT / "stacks" / f"Pulumi.{stack}.yaml").read_text("utf-8")
    values: dict[str, Any] = yaml.safe_load(text)["config"]
    values["adfkit:function_app"].setdefault("client_id", CLIENT_ID)
    return values


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Program]:
    """Set a stack and its configuration, as the engine does before it runs a program."""

    def configure(stack: str, values: dict[str, Any]) -> Program:
        monkeypatch.delenv("ARM_CLOUD_METADATA_URL", raising=False)
        program = Program()
        pulumi.runtime.set_mocks(Mocks(program), project="adfkit", stack=stack, preview=False)
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
        pulumi.runtime.set_all_config(texts)
        return program

    return configure


@pytest.fixture(scope="session")
def programs() -> dict[str, Program]:
    """What stacks registered, by stack: a program runs once for each."""
    return {}


@pytest.fixture
def run(configure: Callable[..., Program], programs: dict[str, Program]) -> Callable[..., Program]:
    """Run the whole program for a stack, or anew for a stack with other values."""

    def run(stack: str, values: dict[str, Any] | None = None) -> Program:
        if values is None and stack in programs:
            return programs[stack]
        program = configure(stack, values if values is not None else stack_values(stack))

        @pulumi.runtime.test
        def main() -> None:
            runpy.run_path(str(PROJECT / "infra"), run_name="__main__")

        main()
        if values is None:
            programs[stack] = program
        return program

    return run
