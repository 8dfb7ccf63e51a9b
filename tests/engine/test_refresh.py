"""The state takes what its resources are like now."""

from __future__ import annotations

from adfkit.engine import Operation
from tests.engine.conftest import Workspace, check_order, counts, errors

PROGRAM = """
    group = Group("group")
    a = Thing("a", size="small", token=pulumi.Output.secret("hush"), opts=ResourceOptions(parent=group))
    b = Thing("b", size=a.echo, opts=ResourceOptions(parent=a))
    """


def _id(workspace: Workspace, name: str) -> str:
    return next(id for id in workspace.cloud.resources if id.startswith(f"id-{name}-"))


def test_nothing_to_tell(workspace: Workspace) -> None:
    workspace.up(PROGRAM)
    before = workspace.state_file.read_bytes()
    workspace.cloud.changes()
    result = workspace.stack().refresh()
    assert result.ok
    assert result.changes == {Operation.SAME: 4}
    assert workspace.cloud.changes() == []
    assert workspace.state_file.read_bytes() == before


def test_a_resource_that_changed_is_put_right_by_the_next_up(workspace: Workspace) -> None:
    workspace.up(PROGRAM)
    workspace.cloud.resources[_id(workspace, "a")]["size"] = "large"
    preview = workspace.stack().refresh(preview=True)
    assert counts(preview) == {"update": 1}
    (step,) = [step for step in preview.steps if step.operation is Operation.UPDATE]
    assert [(change.path, change.old, change.new) for change in step.changes] == [("size", "small", "large")]
    assert not workspace.preview().changed  # a preview of a refresh notes nothing
    assert counts(workspace.stack().refresh()) == {"update": 1}
    assert counts(workspace.up()) == {"update": 1}
    assert workspace.cloud.resources[_id(workspace, "a")]["size"] == "small"
    assert "hush" not in workspace.state_file.read_text()


def test_a_resource_that_is_gone_is_made_again(workspace: Workspace) -> None:
    workspace.up(PROGRAM)
    del workspace.cloud.resources[_id(workspace, "a")]
    result = workspace.stack().refresh()
    assert counts(result) == {"delete": 1}
    assert workspace.names() == ["group", "b"]
    check_order(workspace.state())
    assert counts(workspace.up()) == {"create": 1}
    assert workspace.names() == ["group", "a", "b"]
    assert not workspace.up().changed


def test_a_resource_that_cannot_be_read_stays(workspace: Workspace) -> None:
    workspace.up(PROGRAM)
    state = workspace.state_file.read_text()
    broken = state.replace("pulumi:providers:mem::default_1_2_3::", "pulumi:providers:mem::gone::")
    workspace.state_file.write_text(broken)
    result = workspace.stack().refresh()
    assert not result.ok
    assert len(errors(result)) == 2
    assert errors(result)[0].startswith("It could not be read. The provider 'urn:pulumi:test::demo::")
    assert workspace.names() == ["group", "a", "b"]


def test_targets_alone_are_read(workspace: Workspace) -> None:
    workspace.up(PROGRAM)
    for name in ("a", "b"):
        workspace.cloud.resources[_id(workspace, name)]["size"] = "large"
    assert counts(workspace.stack().refresh(targets=["b"])) == {"update": 1}
    assert counts(workspace.preview()) == {"update": 1}


def test_history(workspace: Workspace) -> None:
    assert workspace.stack().history() == []
    workspace.up('Thing("a")')
    workspace.preview()
    workspace.up('a = Thing("a")\nThing("b", size=a.echo, fail="create")')
    workspace.stack().refresh()
    workspace.stack().destroy()
    assert [(one.version, one.kind, one.result, one.resourceChanges) for one in workspace.stack().history()] == [
        (4, "destroy", "succeeded", {"delete": 2}),
        (3, "refresh", "succeeded", {"same": 2}),
        (2, "update", "failed", {"same": 2, "create": 1}),
        (1, "update", "succeeded", {"create": 2}),
    ]
    for one in workspace.stack().history():
        assert one.startTime <= one.endTime
