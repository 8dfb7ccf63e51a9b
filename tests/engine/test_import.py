"""Resources that exist before the stack, and values of other stacks."""

from __future__ import annotations

from adfkit.engine import Stack
from tests.engine.conftest import PASSPHRASE, Workspace, counts, errors

PROGRAM = """
    a = Thing("a", size={size!r}, label="there", opts=ResourceOptions(import_="id-there"))
    export("echo", a.echo)
    """


def _exists(workspace: Workspace) -> None:
    workspace.cloud.resources["id-there"] = {"label": "there", "size": "small", "echo": "hello"}


def test_import(workspace: Workspace) -> None:
    _exists(workspace)
    assert counts(workspace.preview(PROGRAM.format(size="small"))) == {"create": 1, "import": 1}
    result = workspace.up()
    assert counts(result) == {"create": 1, "import": 1}
    assert result.changed
    assert result.outputs == {"echo": "hello"}
    assert workspace.cloud.changes() == []
    assert not workspace.up().changed
    assert counts(workspace.up(PROGRAM.format(size="large"))) == {"update": 1}
    assert (
        counts(workspace.up(PROGRAM.format(size="large").replace(', opts=ResourceOptions(import_="id-there")', "")))
        == {}
    )
    assert workspace.up("").ok
    assert workspace.cloud.resources == {}


def test_import_of_what_is_not_as_the_program_says(workspace: Workspace) -> None:
    _exists(workspace)
    result = workspace.up(PROGRAM.format(size="large"))
    assert errors(result) == [
        "What is to be imported has other values: size. Write them as they are, import it, and change them then."
    ]
    assert workspace.names() == []
    assert workspace.cloud.changes() == []


def test_import_of_nothing(workspace: Workspace) -> None:
    result = workspace.up(PROGRAM.format(size="small"))
    assert errors(result) == ["There is no mem:index:Thing with the id id-there to import."]


REFERENCE = """
    other = pulumi.StackReference("other", stack_name={name!r})
    export("size", other.get_output("size"))
    export("token", other.require_output("token"))
    """


def _other(workspace: Workspace) -> None:
    settings = workspace.folder / "stacks" / "Pulumi.test.yaml"
    (workspace.folder / "stacks" / "Pulumi.base.yaml").write_text(settings.read_text())
    workspace.program('export("size", [1, {"a": 2}])\nexport("token", pulumi.Output.secret("hush"))')
    state_file = workspace.state_file.with_name("base.json")
    assert Stack("base", workspace.folder, state_file, PASSPHRASE, workspace.cloud.provider).up().ok


def test_stack_reference(workspace: Workspace) -> None:
    _other(workspace)
    for name in ("base", "organization/demo/base"):
        result = workspace.up(REFERENCE.format(name=name))
        assert result.ok
        assert result.outputs == {"size": [1, {"a": 2}], "token": "[secret]"}
        assert workspace.stack().outputs(show_secrets=True)["token"] == "hush"
    assert "hush" not in workspace.state_file.read_text()
    assert workspace.stack().refresh().ok
    assert workspace.stack().destroy().ok


ALONE = 'pulumi.StackReference("other", stack_name={name!r})'


def test_stack_references_that_lead_nowhere(workspace: Workspace) -> None:
    assert errors(workspace.up(ALONE.format(name="nothing"))) == [
        "The stack 'nothing' is not deployed: deploy it first, with the embedded engine."
    ]
    for name in ("organization/elsewhere/base", "../state/test"):
        (error,) = errors(workspace.up(ALONE.format(name=name)))
        assert error.startswith("The embedded engine knows the stacks of the project demo alone")
