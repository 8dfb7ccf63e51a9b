"""The life of resources over several revisions of a program."""

from __future__ import annotations

import threading

from adfkit.engine import Operation, StepFinished
from adfkit.engine.provider import DiffKind
from tests.engine.conftest import Workspace, counts, errors


def test_create_and_nothing_to_do(workspace: Workspace) -> None:
    first = workspace.up(
        """
        a = Thing("a", size="small")
        b = Thing("b", size=a.echo)
        export("echo", b.echo)
        """
    )
    assert first.ok
    assert counts(first) == {"create": 3}
    assert first.outputs == {"echo": "b:a:small:default:default"}
    assert workspace.cloud.changes() == ["create a", "create b"]

    before = workspace.state_file.read_bytes()
    second = workspace.up()
    assert second.ok
    assert not second.changed
    assert second.changes == {Operation.SAME: 3}
    assert workspace.cloud.changes() == []
    assert workspace.state_file.read_bytes() == before
    assert workspace.stack().outputs() == {"echo": "b:a:small:default:default"}


def test_preview_knows_what_it_can_and_changes_nothing(workspace: Workspace) -> None:
    result = workspace.preview(
        """
        a = Thing("a", size="small")
        b = Thing("b", size=a.echo)
        export("size", a.size)
        export("echo", b.echo)
        a.echo.apply(lambda echo: Thing("inside", size=echo))
        """
    )
    assert result.ok
    assert counts(result) == {"create": 3}
    assert result.outputs["size"] == "small"
    assert repr(result.outputs["echo"]) == "UNKNOWN"
    assert workspace.cloud.changes() == []
    assert not workspace.state_file.exists()


def test_update_in_place(workspace: Workspace) -> None:
    workspace.up('Thing("a", size="small", tags={"x": "1", "y": "2"}, list=[1, 2])')
    program = 'Thing("a", size="large", tags={"x": "1", "z": "3"}, list=[1, 3, 4])'
    preview = workspace.preview(program)
    assert counts(preview) == {"update": 1}
    (step,) = [step for step in preview.steps if step.operation is Operation.UPDATE]
    assert [(change.path, change.kind, change.old, change.new) for change in step.changes] == [
        ("list[1]", DiffKind.UPDATE, 2, 3),
        ("list[2]", DiffKind.ADD, None, 4),
        ("size", DiffKind.UPDATE, "small", "large"),
        ("tags.y", DiffKind.DELETE, "2", None),
        ("tags.z", DiffKind.ADD, None, "3"),
    ]
    assert step.reason == "list[1], list[2], size, tags.y, tags.z changed"
    workspace.cloud.changes()
    result = workspace.up()
    assert counts(result) == {"update": 1}
    assert workspace.cloud.changes() == ["update a"]
    assert len(workspace.cloud.resources) == 1


def test_replace_creates_the_new_one_before_it_deletes_the_old(workspace: Workspace) -> None:
    program = """
        a = Thing("a", zone={zone!r})
        b = Thing("b", size=a.label)
        """
    workspace.up(program.format(zone="1"))
    old = set(workspace.cloud.resources)
    preview = workspace.preview(program.format(zone="2"))
    assert counts(preview) == {"replace": 1, "update": 1}
    workspace.cloud.changes()
    result = workspace.up()
    assert counts(result) == {"replace": 1, "update": 1}
    assert workspace.cloud.changes() == ["create a", "update b", "delete a"]
    assert len(workspace.cloud.resources) == 2
    assert len(old & set(workspace.cloud.resources)) == 1
    finished = [(event.operation.value, event.name) for event in workspace.events if isinstance(event, StepFinished)]
    assert finished == [("create-replacement", "a"), ("update", "b"), ("delete-replaced", "a")]
    assert workspace.names() == ["a", "b"]
    assert not workspace.up().changed


def test_replace_that_deletes_first_takes_its_dependents_along(workspace: Workspace) -> None:
    program = """
        a = Thing("a", unique={name!r})
        b = Thing("b", zone=a.unique)
        c = Thing("c", size=b.echo)
        d = Thing("d", opts=ResourceOptions(depends_on=[a]))
        """
    workspace.up(program.format(name="one"))
    workspace.cloud.changes()
    preview = workspace.preview(program.format(name="two"))
    assert counts(preview) == {"replace": 2, "update": 1}
    result = workspace.up()
    assert counts(result) == {"replace": 2}
    assert workspace.cloud.changes() == ["delete b", "delete a", "create a", "create b"]
    assert not workspace.up().changed


def test_delete_before_replace_as_an_option(workspace: Workspace) -> None:
    program = 'Thing("a", zone={zone!r}, opts=ResourceOptions(delete_before_replace=True))'
    workspace.up(program.format(zone="1"))
    workspace.cloud.changes()
    workspace.up(program.format(zone="2"))
    assert workspace.cloud.changes() == ["delete a", "create a"]


def test_delete_in_dependency_order(workspace: Workspace) -> None:
    workspace.up(
        """
        a = Thing("a")
        b = Thing("b", size=a.echo)
        c = Thing("c", opts=ResourceOptions(depends_on=[b]))
        d = Thing("d")
        """
    )
    workspace.cloud.changes()
    result = workspace.up('Thing("d")')
    assert counts(result) == {"delete": 3}
    assert workspace.cloud.changes() == ["delete c", "delete b", "delete a"]
    assert workspace.names() == ["d"]


def test_destroy_needs_no_program(workspace: Workspace) -> None:
    workspace.up(
        """
        group = Group("group")
        a = Thing("a", opts=ResourceOptions(parent=group))
        Thing("b", size=a.echo, opts=ResourceOptions(parent=group))
        """
    )
    workspace.cloud.changes()
    workspace.program("raise RuntimeError('not run')")
    preview = workspace.stack().destroy(preview=True)
    assert counts(preview) == {"delete": 4}
    assert workspace.cloud.changes() == []
    result = workspace.stack().destroy()
    assert result.ok
    assert counts(result) == {"delete": 4}
    assert workspace.cloud.changes() == ["delete b", "delete a"]
    assert workspace.cloud.resources == {}
    assert workspace.state()["resources"] == []


def test_rename_by_alias(workspace: Workspace) -> None:
    workspace.up(
        """
        group = Group("old")
        child = Thing("old-child", opts=ResourceOptions(parent=group))
        Thing("other", opts=ResourceOptions(parent=child))
        """
    )
    workspace.cloud.changes()
    result = workspace.up(
        """
        group = Group("new", opts=ResourceOptions(aliases=[pulumi.Alias(name="old")]))
        child = Thing("new-child", opts=ResourceOptions(parent=group))
        Thing("other", opts=ResourceOptions(parent=child))
        """
    )
    assert result.ok
    assert not result.changed
    assert [step.old_urn.rsplit("::", 1)[-1] for step in result.steps] == ["", "old", "old-child", ""]
    assert workspace.cloud.changes() == []
    assert "::old" not in workspace.state_file.read_text()


def test_retyped_parent_keeps_its_children(workspace: Workspace) -> None:
    program = """
        group = Group("group", type={type!r}, opts=ResourceOptions(aliases=[pulumi.Alias(type_="mem:index:Group")]))
        Thing("child", opts=ResourceOptions(parent=group))
        """
    workspace.up(program.format(type="Group"))
    result = workspace.up(program.format(type="Team"))
    assert result.ok
    assert not result.changed
    assert "mem:index:Group" not in workspace.state_file.read_text()


def test_moved_out_of_its_parent(workspace: Workspace) -> None:
    workspace.up(
        """
        group = Group("group")
        Thing("a", opts=ResourceOptions(parent=group))
        """
    )
    result = workspace.up(
        """
        group = Group("group")
        Thing("a", opts=ResourceOptions(aliases=[pulumi.Alias(parent=group)]))
        """
    )
    assert result.ok
    assert not result.changed


def test_ignore_changes(workspace: Workspace) -> None:
    program = 'Thing("a", size={size!r}, tags={{"x": {x!r}}}, opts=ResourceOptions(ignore_changes=["size", "tags.x"]))'
    workspace.up(program.format(size="small", x="1"))
    result = workspace.up(program.format(size="large", x="2"))
    assert not result.changed
    workspace.up(program.format(size="large", x="2") + '\nThing("b", size="small")')
    assert {resource.get("size") for resource in workspace.cloud.resources.values()} == {"small"}


def test_replace_on_changes(workspace: Workspace) -> None:
    program = 'Thing("a", tags={{"x": {x!r}}}, opts=ResourceOptions(replace_on_changes=["tags.*"]))'
    workspace.up(program.format(x="1"))
    assert counts(workspace.up(program.format(x="2"))) == {"replace": 1}


def test_protect(workspace: Workspace) -> None:
    workspace.up('Thing("a", zone="1", opts=ResourceOptions(protect=True))')
    replaced = workspace.up('Thing("a", zone="2", opts=ResourceOptions(protect=True))')
    assert not replaced.ok
    assert errors(replaced) == [
        "It would be replaced because zone changed, and it is protected. Say protect=False to let it."
    ]
    removed = workspace.up("")
    assert not removed.ok
    assert errors(removed) == [
        "It is no longer in the program and would be deleted, but it is protected. Put it back, or deploy it once with "
        "protect=False."
    ]
    assert not workspace.stack().destroy().ok
    assert len(workspace.cloud.resources) == 1
    workspace.up('Thing("a", zone="1", opts=ResourceOptions(protect=False))')
    assert workspace.up("").ok
    assert workspace.cloud.resources == {}


def test_retain_on_delete_and_deleted_with(workspace: Workspace) -> None:
    workspace.up(
        """
        a = Thing("a")
        Thing("kept", opts=ResourceOptions(retain_on_delete=True))
        Thing("inside", opts=ResourceOptions(deleted_with=a))
        """
    )
    workspace.cloud.changes()
    result = workspace.up("")
    assert result.ok
    assert workspace.cloud.changes() == ["delete a"]
    assert counts(result) == {"delete": 2, "discard": 1}
    assert workspace.names() == []


def test_replaced_with_what_it_is_deleted_with(workspace: Workspace) -> None:
    program = """
        a = Thing("a", zone={zone!r})
        Thing("inside", opts=ResourceOptions(deleted_with=a))
        """
    workspace.up(program.format(zone="1"))
    assert counts(workspace.up(program.format(zone="2"))) == {"replace": 2}
    assert not workspace.up().changed


def test_component_turned_into_a_resource(workspace: Workspace) -> None:
    workspace.up('Group("a")')
    result = workspace.up('Thing("a", type="Group")')
    assert errors(result)[0].startswith("The embedded engine does not support turning a component into a resource")


def test_read_leaves_the_resource_alone(workspace: Workspace) -> None:
    workspace.cloud.resources["id-there"] = {"label": "there", "echo": "hello"}
    program = """
        found = Thing("found", opts=ResourceOptions(id="id-there"))
        export("echo", found.echo)
        """
    result = workspace.up(program)
    assert result.ok
    assert result.outputs == {"echo": "hello"}
    assert workspace.cloud.changes() == []
    assert workspace.up("").ok
    assert set(workspace.cloud.resources) == {"id-there"}

    missing = workspace.up('Thing("found", opts=ResourceOptions(id="id-gone"))')
    assert errors(missing) == ["There is no mem:index:Thing with the id id-gone."]


def test_parallel_steps(workspace: Workspace) -> None:
    names = [f"t{number}" for number in range(15)]
    all_at_once, three_at_once = threading.Barrier(15, timeout=30), threading.Barrier(3, timeout=30)
    for name in names:
        workspace.cloud.hooks[f"create {name}"] = lambda: all_at_once.wait() and None
        workspace.cloud.hooks[f"delete {name}"] = lambda: three_at_once.wait() and None
    assert workspace.up(f"[Thing(name) for name in {names}]").ok
    assert workspace.cloud.most_running == 15
    workspace.cloud.most_running = 0
    assert workspace.stack(parallel=3).destroy().ok
    assert workspace.cloud.most_running == 3


def test_additional_secret_outputs_and_timeouts(workspace: Workspace) -> None:
    options = (
        'ResourceOptions(additional_secret_outputs=["key"], custom_timeouts=pulumi.CustomTimeouts(create="1h30m"))'
    )
    result = workspace.up(f'a = Thing("a", opts={options})\nexport("key", a.key)')
    assert result.outputs == {"key": "[secret]"}
    assert "key-of-a" not in workspace.state_file.read_text()
    assert workspace.stack().outputs(show_secrets=True) == {"key": "key-of-a"}
    (thing,) = [one for one in workspace.state()["resources"] if one["type"] == "mem:index:Thing"]
    assert thing["customTimeouts"] == {"create": 5400}
