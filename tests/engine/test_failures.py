"""What goes wrong: a step, the program, a process that is killed; and how the next run takes it up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from adfkit.engine import EngineError, Operation, Stack
from tests.engine.conftest import PASSPHRASE, Workspace, counts, errors


def test_failure_midway_keeps_what_was_done_and_the_next_up_goes_on(workspace: Workspace) -> None:
    program = """
        a = Thing("a")
        b = Thing("b", size=a.echo, fail={fail!r})
        c = Thing("c", size=b.echo)
        """
    result = workspace.up(program.format(fail="create"))
    assert not result.ok
    (error,) = result.errors
    assert error.message == "Quota exceeded for b."
    assert error.urn == "urn:pulumi:test::demo::mem:index:Thing::b"
    assert error.location == "program/__main__.py:6"
    assert workspace.names() == ["a"]
    assert workspace.state().get("pending_operations") == []
    workspace.cloud.changes()
    assert counts(workspace.up(program.format(fail=""))) == {"create": 2}
    assert workspace.cloud.changes() == ["create b", "create c"]


def test_independent_steps_under_way_finish_and_are_saved(workspace: Workspace) -> None:
    began = threading.Event()
    workspace.cloud.hooks["create slow"] = began.set
    workspace.cloud.hooks["create bad"] = lambda: began.wait(10) and None
    result = workspace.up('Thing("slow", seconds=0.5)\nThing("bad", fail="create")\n')
    assert errors(result) == ["Quota exceeded for bad."]
    assert workspace.names() == ["slow"]
    assert workspace.cloud.changes().count("create slow") == 1


def test_partial_create_is_kept_and_completed(workspace: Workspace) -> None:
    result = workspace.up('Thing("a", fail="partial")')
    assert errors(result) == ["a never became ready."]
    assert len(workspace.cloud.resources) == 1
    workspace.cloud.changes()
    again = workspace.up('Thing("a", fail="")')
    assert counts(again) == {"update": 1}
    assert workspace.cloud.changes() == ["update a"]
    assert not workspace.up().changed


def test_failed_update_leaves_the_old_state(workspace: Workspace) -> None:
    workspace.up('Thing("a", size="small")')
    assert errors(workspace.up('Thing("a", size="large", fail="update")')) == ["a is locked."]
    assert counts(workspace.up('Thing("a", size="large")')) == {"update": 1}


def test_failed_delete_stays_in_the_state(workspace: Workspace) -> None:
    workspace.up('a = Thing("a")\nThing("b", size=a.echo, fail="delete")')
    result = workspace.up("")
    assert errors(result) == ["It could not be deleted. It is in use."]
    assert workspace.names() == ["a", "b"]


def test_replacement_interrupted_between_delete_and_create(workspace: Workspace) -> None:
    program = 'Thing("a", unique={unique!r}, fail={fail!r})'
    workspace.up(program.format(unique="1", fail=""))
    assert not workspace.up(program.format(unique="2", fail="create")).ok
    assert workspace.state()["resources"][-1]["pendingReplacement"] is True
    workspace.cloud.changes()
    assert counts(workspace.up(program.format(unique="2", fail=""))) == {"replace": 1}
    assert workspace.cloud.changes() == ["create a"]
    assert not workspace.up().changed


def test_replaced_resource_that_could_not_be_deleted_is_deleted_next_time(workspace: Workspace) -> None:
    workspace.up('Thing("a", zone="1", fail="delete")')
    result = workspace.up('Thing("a", zone="2")')
    assert not result.ok
    assert len(workspace.cloud.resources) == 2
    state = json.loads(workspace.state_file.read_text())
    (old,) = [one for one in state["deployment"]["resources"] if one.get("delete")]
    old["inputs"]["fail"] = ""  # the cause went away
    workspace.state_file.write_text(json.dumps(state))
    again = workspace.up()
    assert counts(again) == {"delete": 1}
    assert len(workspace.cloud.resources) == 1


def test_bad_inputs_name_property_and_line(workspace: Workspace) -> None:
    result = workspace.up('\nThing("a",\n  size="huge")')
    (error,) = result.errors
    assert error.message == "size: huge is too large; small and large are allowed"
    assert error.location == "program/__main__.py:5"
    assert workspace.cloud.changes() == []


@pytest.mark.parametrize(
    ("program", "message", "line"),
    [
        ("x = 1\nx.nothing", "AttributeError: 'int' object has no attribute 'nothing'", 5),
        (
            "raise pulumi.RunError('stacks/Pulumi.test.yaml: size is missing')",
            "stacks/Pulumi.test.yaml: size is missing",
            0,
        ),
        (
            "a = Thing('a')\na.echo.apply(lambda echo: echo['x'])",
            "TypeError: string indices must be integers, not 'str'",
            5,
        ),
        ("def f(:\n  pass", "SyntaxError: invalid syntax", 4),
        ("pulumi.Config().require('size')", "Missing required configuration variable 'demo:size'", None),
        ("import sys\nsys.exit(3)", "The program ended itself with status 3.", 0),
        ("pulumi.log.error('no good')", "no good", 0),
    ],
)
def test_errors_of_the_program(workspace: Workspace, program: str, message: str, line: int | None) -> None:
    result = workspace.up(program)
    assert not result.ok
    (error,) = result.errors
    assert message in error.message
    assert "Traceback" not in error.message
    if line is not None:
        assert error.location == (f"program/__main__.py:{line}" if line else "")


@pytest.mark.parametrize(
    ("program", "feature"),
    [
        ("Thing('a', opts=ResourceOptions(replace_with=[Thing('b')]))", "the option `replace_with`"),
        ("pulumi.runtime.register_resource_transform(lambda args: None)", "stack transforms"),
        ("Thing('a', opts=ResourceOptions(transforms=[lambda args: None]))", "transforms"),
        (
            "Thing('a', opts=ResourceOptions(hooks=pulumi.ResourceHookBinding(after_create=[lambda args: None])))",
            "hooks",
        ),
        ("Thing('a', file=pulumi.FileArchive('.'))", "archives"),
        ("Thing('a', opts=ResourceOptions(replacement_trigger='1'))", "`replacement_trigger`"),
    ],
)
def test_unsupported_features_are_refused_by_name(workspace: Workspace, program: str, feature: str) -> None:
    result = workspace.up(program)
    assert not result.ok
    assert any(feature in message and "embedded engine does not support" in message for message in errors(result))


def test_duplicate_names(workspace: Workspace) -> None:
    result = workspace.up('Thing("a")\nThing("a")')
    assert errors(result) == [
        "Two resources have the URN urn:pulumi:test::demo::mem:index:Thing::a; give one of them another name."
    ]


def test_unknown_package(workspace: Workspace) -> None:
    result = workspace.up(
        """
        class Other(pulumi.CustomResource):
            def __init__(self, name):
                super().__init__("other:index:Thing", name)
        Other("a")
        """
    )
    (error,) = result.errors
    assert error.message == "There is no provider for the package other."
    assert (error.urn, error.location) == ("urn:pulumi:test::demo::other:index:Thing::a", "program/__main__.py:8")


def test_one_deployment_at_a_time(workspace: Workspace) -> None:
    held: list[str] = []

    def second() -> None:
        with pytest.raises(EngineError) as caught:
            workspace.stack().destroy()
        held.append(str(caught.value))

    workspace.cloud.hooks["create a"] = second
    assert workspace.up('Thing("a")').ok
    assert f"process {os.getpid()} holds" in held[0]
    assert workspace.up().ok  # the lock is given back


_CHILD = """
import os, sys, time
from pathlib import Path
from adfkit.engine import Stack
from tests.engine.memory_provider import MemoryCloud
folder = Path(sys.argv[1])
cloud = MemoryCloud()
def hang():
    (folder / "hanging").touch()
    time.sleep(2)
cloud.hooks["create b"] = hang
result = Stack("test", folder, folder / "state" / "test.json", sys.argv[2], cloud.provider).up()
print(*(one.message for one in result.errors))
"""


def _stop_while_creating_b(workspace: Workspace, stop: signal.Signals) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    line = [sys.executable, "-c", _CHILD, str(workspace.folder), PASSPHRASE]
    child = subprocess.Popen(line, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (workspace.folder / "hanging").exists():
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    child.send_signal(stop)
    out, err = child.communicate(timeout=60)
    return subprocess.CompletedProcess(line, child.returncode, out, err)


def test_killed_process_is_taken_up(workspace: Workspace) -> None:
    workspace.program('a = Thing("a")\nThing("b", size=a.echo)')
    _stop_while_creating_b(workspace, signal.SIGKILL)
    assert workspace.names() == ["a"]
    (pending,) = workspace.state()["pending_operations"]
    assert pending["type"] == "creating"
    label = pending["resource"]["inputs"]["label"]
    workspace.cloud.resources[f"id-{label}"] = {"label": label, "echo": "made before the answer came"}

    result = workspace.up()
    assert result.ok
    assert [one.message for one in result.diagnostics] == [
        "An earlier run was interrupted while creating this resource; it is taken up again."
    ]
    assert workspace.cloud.changes() == ["recover b"]
    assert workspace.state()["pending_operations"] == []
    assert not workspace.up().changed


def test_killed_process_leaves_nothing_behind_after_destroy(workspace: Workspace) -> None:
    workspace.program('a = Thing("a")\nThing("b", size=a.echo)')
    _stop_while_creating_b(workspace, signal.SIGKILL)
    label = workspace.state()["pending_operations"][0]["resource"]["inputs"]["label"]
    workspace.cloud.resources[f"id-{label}"] = {"label": label}
    assert workspace.stack().destroy().ok
    assert workspace.cloud.resources == {}
    assert workspace.state()["pending_operations"] == []


def test_interrupt_lets_steps_under_way_finish(workspace: Workspace) -> None:
    workspace.program('a = Thing("a")\nb = Thing("b", size=a.echo)\nThing("c", size=b.echo)')
    done = _stop_while_creating_b(workspace, signal.SIGINT)
    assert (done.stdout.strip(), done.stderr) == ("Interrupted; what was under way has finished and is saved.", "")
    assert workspace.names() == ["a", "b"]
    assert workspace.state()["pending_operations"] == []


def test_interrupted_update_is_done_again(workspace: Workspace) -> None:
    workspace.up('Thing("a", size="small")')
    state = json.loads(workspace.state_file.read_text())
    thing = state["deployment"]["resources"][-1]
    state["deployment"]["pending_operations"] = [{"type": "updating", "resource": thing}]
    workspace.state_file.write_text(json.dumps(state))
    result = workspace.up()
    assert counts(result) == {"update": 1}
    assert [step.reason for step in result.steps if step.operation is Operation.UPDATE] == [
        "an earlier run was interrupted while it updated it"
    ]
    assert not workspace.up().changed


@pytest.mark.parametrize("happened", [True, False])
def test_interrupted_delete_of_a_resource_that_is_wanted_again(workspace: Workspace, happened: bool) -> None:
    workspace.up('Thing("a", size="small")')
    state = json.loads(workspace.state_file.read_text())
    thing = state["deployment"]["resources"][-1]
    state["deployment"]["pending_operations"] = [{"type": "deleting", "resource": thing}]
    workspace.state_file.write_text(json.dumps(state))
    if happened:
        workspace.cloud.resources.clear()
    assert counts(workspace.preview()) == ({"create": 1} if happened else {})
    assert counts(workspace.up()) == ({"create": 1} if happened else {})
    assert len(workspace.cloud.resources) == 1
    assert workspace.state()["pending_operations"] == []
    assert workspace.names() == ["a"]


def test_wrong_passphrase(workspace: Workspace) -> None:
    workspace.up('Thing("a")')
    stack = Stack("test", workspace.folder, workspace.state_file, "guess", workspace.cloud.provider)
    with pytest.raises(EngineError, match="The passphrase does not open this stack's secrets"):
        stack.preview()
