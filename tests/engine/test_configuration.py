"""The commands' view of a stack's configuration."""

from __future__ import annotations

import pytest

from adfkit.engine import EngineError
from adfkit.engine.configuration import Configuration, ConfigValue
from tests.engine.conftest import PASSPHRASE, Workspace


def _open(workspace: Workspace, passphrase: str = PASSPHRASE) -> Configuration:
    return Configuration("test", workspace.folder, passphrase)


def test_set_get_remove(workspace: Workspace) -> None:
    workspace.settings("# what it is for\nconfig:\n  short: one  # kept\n  mem:region: north\n")
    file = workspace.folder / "stacks" / "Pulumi.test.yaml"
    before = file.read_text()
    configuration = _open(workspace)
    configuration.set("short", "two")
    configuration.set("demo:sizes.most", "4", path=True)
    configuration.set("demo:number", "4")
    assert configuration.get("demo:short") == ConfigValue("two", False)
    assert configuration.get("sizes") == ConfigValue('{"most":4}', False)
    assert configuration.get("sizes.most", path=True) == ConfigValue("4", False)
    assert "  short: two  # kept\n" in file.read_text()
    assert "  demo:number: '4'\n" in file.read_text()
    configuration.remove("demo:sizes.most", path=True)
    assert configuration.get("sizes") == ConfigValue("{}", False)
    configuration.remove("sizes")
    configuration.remove("number")
    configuration.set("short", "one")
    assert file.read_text() == before


@pytest.mark.parametrize("salt", [True, False])
def test_secrets_reach_the_program_and_are_nowhere_in_plain(workspace: Workspace, salt: bool) -> None:
    file = workspace.folder / "stacks" / "Pulumi.test.yaml"
    if not salt:
        file.write_text("config:\n  mem:region: north\n")
    _open(workspace).set("token", "hush", secret=True)
    _open(workspace).set("login.password", "whisper", secret=True, path=True)
    assert "hush" not in file.read_text()
    assert "whisper" not in file.read_text()
    assert _open(workspace).get("token") == ConfigValue("hush", True)
    assert _open(workspace).values()["demo:login"] == ConfigValue('{"password":"whisper"}', True)
    result = workspace.up('export("token", pulumi.Config().require_secret("token"))')
    assert result.outputs == {"token": "[secret]"}
    assert workspace.stack().outputs(show_secrets=True) == {"token": "hush"}
    with pytest.raises(EngineError, match="The passphrase does not open"):
        _open(workspace, "guess").values()
    with pytest.raises(EngineError, match="The passphrase does not open"):
        _open(workspace, "guess").set("other", "x", secret=True)


@pytest.mark.parametrize("key", ["", "demo:", "demo:a[0]"])
def test_no_key(workspace: Workspace, key: str) -> None:
    with pytest.raises(EngineError, match="is no configuration key"):
        _open(workspace).set(key, "x", path=True)


def test_no_value(workspace: Workspace) -> None:
    with pytest.raises(EngineError, match="The stack 'test' has no configuration nothing"):
        _open(workspace).get("nothing")
    with pytest.raises(EngineError, match="There is no such value"):
        _open(workspace).remove("nothing")
