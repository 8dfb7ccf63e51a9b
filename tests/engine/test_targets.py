"""Runs that are limited to some resources."""

from __future__ import annotations

import pytest

from tests.engine.conftest import Workspace, check_order, counts, errors

PROGRAM = """
    a = Thing("a", size={size!r})
    b = Thing("b", size=a.echo)
    c = Thing("c", size={size!r})
    """


def test_update_of_targets_alone(workspace: Workspace) -> None:
    workspace.up(PROGRAM.format(size="small"))
    workspace.program(PROGRAM.format(size="large"))
    stack = workspace.stack()
    assert counts(stack.preview(targets=["c"])) == {"update": 1}
    workspace.cloud.changes()
    assert counts(stack.up(targets=["c"])) == {"update": 1}
    assert workspace.cloud.changes() == ["update c"]
    check_order(workspace.state())
    assert counts(workspace.up()) == {"update": 2}


@pytest.mark.parametrize("target", ["urn:pulumi:test::demo::mem:index:Thing::a", "urn:*::a", "a", "a*"])
def test_how_a_target_is_named(workspace: Workspace, target: str) -> None:
    workspace.up(PROGRAM.format(size="small"))
    workspace.cloud.changes()
    workspace.program(PROGRAM.format(size="large"))
    assert workspace.stack().up(targets=[target]).ok
    assert workspace.cloud.changes() == ["update a"]


def test_new_resources_that_are_no_target_are_not_made(workspace: Workspace) -> None:
    workspace.program(PROGRAM.format(size="small") + 'b.echo.apply(lambda echo: Thing("inside", size=echo.upper()))')
    result = workspace.stack().up(targets=["c"])
    assert result.ok
    assert counts(result) == {"create": 2}
    assert workspace.cloud.changes() == ["create c"]
    assert workspace.names() == ["c"]


def test_a_target_that_needs_what_is_not_made(workspace: Workspace) -> None:
    workspace.program(PROGRAM.format(size="small"))
    result = workspace.stack().up(targets=["b"])
    assert errors(result) == [
        "It depends on urn:pulumi:test::demo::mem:index:Thing::a, which is new and no target. Target that too."
    ]
    assert workspace.cloud.changes() == []


def test_deletes_of_targets_alone(workspace: Workspace) -> None:
    workspace.up(PROGRAM.format(size="small"))
    workspace.cloud.changes()
    workspace.program("")
    assert counts(workspace.stack().up(targets=["c"])) == {"delete": 1}
    assert workspace.cloud.changes() == ["delete c"]
    refused = workspace.stack().destroy(targets=["a"])
    assert errors(refused) == [
        "urn:pulumi:test::demo::mem:index:Thing::a cannot be deleted: urn:pulumi:test::demo::mem:index:Thing::b "
        "depends on it, and is no target. Target both."
    ]
    assert counts(workspace.stack().destroy(targets=["a", "b"])) == {"delete": 2}
    assert workspace.cloud.resources == {}


def test_new_targets_come_after_what_they_need(workspace: Workspace) -> None:
    workspace.up('a = Thing("a")\nb = Thing("b", size=a.echo)')
    workspace.program('z = Thing("z")\nb = Thing("b")\nThing("d", size=b.echo)')
    assert workspace.stack().up(targets=["d", "z"]).ok
    check_order(workspace.state())
    assert sorted(workspace.names()) == ["a", "b", "d", "z"]


def test_what_would_be_replaced_along_with_a_target(workspace: Workspace) -> None:
    program = 'a = Thing("a", unique={name!r})\nb = Thing("b", zone=a.unique)'
    workspace.up(program.format(name="one"))
    workspace.cloud.changes()
    workspace.program(program.format(name="two"))
    refused = workspace.stack().up(targets=["a"])
    assert errors(refused) == [
        "urn:pulumi:test::demo::mem:index:Thing::b would be replaced together with it, and is no target."
    ]
    assert workspace.cloud.changes() == []


def test_a_target_that_there_is_not(workspace: Workspace) -> None:
    workspace.up(PROGRAM.format(size="small"))
    result = workspace.stack().preview(targets=["a", "nothing"])
    assert errors(result) == ["--target: no resource of this stack has the name or URN nothing."]
