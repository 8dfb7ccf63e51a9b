"""No secret in anything that a run tells, however it got there."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from tests.engine.conftest import Workspace

CANARY = 'canary "é" 7/7'
SPELLED = ("canary", "7/7", "%22", "u00e9")
PROGRAM = f"""
    import json
    secret = pulumi.Output.secret({CANARY!r})
    Thing("plain", size="before {CANARY.replace('"', chr(92) + '"')} after", revision=%s)
    Thing("json", text=json.dumps({{"key": {CANARY!r}}}), revision=%s)
    Thing("secret", password=secret, revision=%s)
    pulumi.log.warn("the password is " + {CANARY!r})
    """


def _told(workspace: Workspace, result: object) -> str:
    return repr([workspace.events, result])


@pytest.mark.parametrize("command", ["preview", "up"])
def test_a_secret_is_masked_where_it_is_a_part_of_a_text(workspace: Workspace, command: str) -> None:
    result = getattr(workspace, command)(PROGRAM % (1, 1, 1))
    assert result.ok
    for step in result.steps:
        assert not [word for word in SPELLED if word in repr(asdict(step))], step.name


def test_old_and_new_values_are_masked(workspace: Workspace) -> None:
    workspace.up(PROGRAM % (1, 1, 1))
    result = workspace.preview((PROGRAM % (2, 2, 2)).replace("before", "other"))
    [plain] = [step for step in result.steps if step.name == "plain"]
    [size] = [change for change in plain.changes if change.path == "size"]
    assert (size.old, size.new) == ("before [secret] after", "other [secret] after")
    [json] = [step for step in result.steps if step.name == "json"]
    assert json.before is not None
    assert json.after is not None
    assert (json.before["text"], json.after["text"]) == ('{"key": "[secret]"}', '{"key": "[secret]"}')
    assert not [word for word in SPELLED if word in _told(workspace, result)]


def test_messages_and_errors_are_masked(workspace: Workspace) -> None:
    result = workspace.up(
        f'secret = Thing("secret", password=pulumi.Output.secret({CANARY!r}))\n'
        f'Thing("bad", fail="create", size={CANARY!r}, opts=ResourceOptions(depends_on=[secret]))\n'
        f'secret.echo.apply(lambda _: pulumi.log.warn("it is " + {CANARY!r}))\n'
    )
    assert [one.message for one in result.diagnostics if one.severity == "warning"] == ["it is [secret]"]
    assert not result.ok
    assert not [word for word in SPELLED if word in _told(workspace, result)]


def test_the_masks_of_deleted_resources(workspace: Workspace) -> None:
    workspace.up(PROGRAM % (1, 1, 1))
    result = workspace.up("")
    assert [step.before is not None for step in result.steps if step.operation.value == "delete"] == [True] * 3
    assert not [word for word in SPELLED if word in _told(workspace, result)]
