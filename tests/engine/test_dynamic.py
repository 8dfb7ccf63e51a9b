"""Dynamic resources, whose providers come with the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.conftest import Workspace, counts, errors

NOTES = """
from pathlib import Path
from pulumi import dynamic
class Notes(dynamic.ResourceProvider):
    def check(self, olds, news):
        failures = [dynamic.CheckFailure("text", "must not be empty")] if not news["text"] else []
        return dynamic.CheckResult(news, failures)
    def diff(self, id, olds, news):
        changed = [key for key in ("path", "text") if olds.get(key) != news.get(key)]
        return dynamic.DiffResult(bool(changed), [key for key in changed if key == "path"], delete_before_replace=True)
    def create(self, props):
        Path(props["path"]).write_text(props["text"])
        return dynamic.CreateResult(props["path"], {**props, "length": len(props["text"])})
    def update(self, id, olds, news):
        Path(id).write_text(news["text"])
        return dynamic.UpdateResult({**news, "length": len(news["text"])})
    def delete(self, id, props):
        Path(id).unlink()
class Note(dynamic.Resource):
    def __init__(self, name, path, text, opts=None, **props):
        super().__init__(Notes(), name, {"path": path, "text": text, "length": None, **props}, opts)
"""


def test_life_of_a_dynamic_resource(workspace: Workspace) -> None:
    one, two = workspace.folder / "one", workspace.folder / "two"

    def program(path: Path, text: str) -> str:
        return f"{NOTES}note = Note('note', {str(path)!r}, {text!r})\nexport('length', note.length)"

    assert counts(workspace.preview(program(one, "hello"))) == {"create": 2}
    assert not one.exists()
    result = workspace.up()
    assert result.outputs == {"length": 5}
    assert one.read_text() == "hello"
    assert not workspace.up().changed
    assert counts(workspace.up(program(one, "bye"))) == {"update": 1}
    assert one.read_text() == "bye"
    moved = workspace.up(program(two, "bye"))
    assert counts(moved) == {"replace": 1}
    assert not one.exists()
    assert two.read_text() == "bye"
    workspace.program("raise RuntimeError('not run')")
    assert workspace.stack().destroy().ok
    assert not two.exists()


def test_the_pickled_provider_is_a_secret_in_the_state(workspace: Workspace) -> None:
    workspace.up(NOTES + f"Note('note', {str(workspace.folder / 'one')!r}, 'hello')")
    (note,) = [one for one in workspace.state()["resources"] if one["type"].startswith("pulumi-python:")]
    assert set(note["inputs"]["__provider"]) == {"4dabf18193072939515e22adb298388d", "ciphertext"}
    assert set(note["outputs"]["__provider"]) == {"4dabf18193072939515e22adb298388d", "ciphertext"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise RuntimeError('The service said no.')", "The service said no."),
        ("return props['missing']", "KeyError: 'missing' (program/__main__.py:7)"),
    ],
)
def test_errors_of_a_dynamic_provider(workspace: Workspace, body: str, message: str) -> None:
    result = workspace.up(
        "from pulumi import dynamic\n"
        "class Bad(dynamic.ResourceProvider):\n"
        f"    def create(self, props):\n        {body}\n"
        "class Resource(dynamic.Resource):\n    pass\n"
        "Resource(Bad(), 'bad', {})\n"
    )
    assert errors(result) == [message]


def test_failed_check_of_a_dynamic_provider(workspace: Workspace) -> None:
    assert errors(workspace.up(NOTES + "Note('note', '/nowhere', '')")) == ["text: must not be empty"]


def test_values_arrive_as_under_the_pulumi_cli(workspace: Workspace) -> None:
    result = workspace.up(
        """
        from pulumi import dynamic
        class Echo(dynamic.ResourceProvider):
            def create(self, props):
                del props["__provider"]
                return dynamic.CreateResult("id", {"seen": repr(sorted(props.items()))})
            def configure(self, req):
                assert req.config.get("size") == "small"
        class Resource(dynamic.Resource):
            def __init__(self, name, **props):
                super().__init__(Echo(), name, {"seen": None, **props})
        echo = Resource("echo", n=1, f=1.5, b=True, none=None, list=[1, {"x": 2}], secret=pulumi.Output.secret("s"))
        export("seen", echo.seen)
        """
        if not workspace.settings("config: {size: small}\n")
        else ""
    )
    assert result.outputs == {
        "seen": "[('b', True), ('f', 1.5), ('list', [1.0, {'x': 2.0}]), ('n', 1.0), ('secret', 's')]"
    }


@pytest.mark.slow
def test_many_dynamic_resources(workspace: Workspace) -> None:
    folder = workspace.folder
    result = workspace.up(NOTES + f"for n in range(400): Note(f'note-{{n}}', f'{folder}/{{n}}.txt', 'hello')")
    assert result.ok
    assert counts(result) == {"create": 401}
    assert not workspace.up().changed
