"""The state file: its format, its secrets, and its way to and from the Pulumi CLI."""

from __future__ import annotations

import hashlib
import json

import pytest

from adfkit.engine import EngineError
from adfkit.engine.passphrase import PassphraseCrypter
from tests.engine.conftest import PASSPHRASE, Workspace, errors

_SECRETS = """
a = Thing("a", password=pulumi.Output.secret("hush-1"), list=["open", pulumi.Output.secret("hush-2")])
b = Thing("b", tags={"inner": pulumi.Output.secret({"deep": "hush-3"})})
export("copy", a.password)
export("open", "visible")
"""


def test_deployment_format(workspace: Workspace) -> None:
    workspace.up(
        """
        group = Group("group")
        a = Thing("a", size=1, opts=ResourceOptions(parent=group))
        b = Thing("b", size=a.label, opts=ResourceOptions(depends_on=[a], protect=True, ignore_changes=["x"]))
        """
    )
    document = json.loads(workspace.state_file.read_text())
    assert document["version"] == 3
    manifest = document["deployment"]["manifest"]
    assert manifest["magic"] == hashlib.sha256(manifest["version"].encode()).hexdigest()
    assert document["deployment"]["secrets_providers"]["type"] == "passphrase"
    resources = {one["urn"].rsplit("::", 1)[-1]: one for one in document["deployment"]["resources"]}
    assert list(resources) == ["demo-test", "group", "default_1_2_3", "a", "b"]
    provider = resources["default_1_2_3"]
    urn = "urn:pulumi:test::demo::mem:index:Group$mem:index:Thing::a"
    b = resources["b"]
    assert b["dependencies"] == [urn]
    assert b["propertyDependencies"] == {"size": [urn]}
    assert b["provider"] == f"{provider['urn']}::{provider['id']}"
    assert b["protect"] is True
    assert b["ignoreChanges"] == ["x"]
    assert resources["a"]["inputs"]["size"] == 1
    assert workspace.state_file.stat().st_mode & 0o777 == 0o600


def test_secrets_are_never_in_plain(workspace: Workspace) -> None:
    result = workspace.up(_SECRETS)
    assert result.ok
    assert "hush" not in workspace.state_file.read_text()
    assert "hush" not in repr(workspace.events)
    assert "hush" not in repr(workspace.stack().resources())
    assert workspace.stack().outputs() == {"copy": "[secret]", "open": "visible"}
    assert workspace.stack().outputs(show_secrets=True) == {"copy": "hush-1", "open": "visible"}
    assert workspace.cloud.resources  # the provider itself got the plain values
    assert "hush-1" in repr(workspace.cloud.resources)
    changed = workspace.up(_SECRETS.replace("hush-1", "hush-9"))
    assert "hush" not in repr(workspace.events)
    (change,) = [change for step in changed.steps for change in step.changes]
    assert (change.path, change.old, change.new) == ("password", "[secret]", "[secret]")


def test_secret_configuration(workspace: Workspace) -> None:
    settings = workspace.folder / "stacks" / "Pulumi.test.yaml"
    crypter = PassphraseCrypter(PASSPHRASE, settings.read_text().split(": ", 1)[1].strip())
    workspace.settings(
        f"""
        config:
          demo:token:
            secure: {crypter.encrypt("hush-4")}
          login:
            user: me
            password: {{secure: "{crypter.encrypt("hush-5")}"}}
          count: 3
          flag: true
          names: [a, b]
        """
    )
    result = workspace.up(
        """
        config = pulumi.Config()
        assert config.require_int("count") == 3 and config.require_bool("flag")
        assert config.require_object("names") == ["a", "b"]
        Thing("a", token=config.require_secret("token"), login=config.require_secret_object("login"))
        """
    )
    assert [one.message for one in result.errors] == []
    (made,) = workspace.cloud.resources.values()
    assert made["token"] == "hush-4"
    assert made["login"] == {"user": "me", "password": "hush-5"}
    assert "hush" not in workspace.state_file.read_text()


def test_a_new_stack_makes_its_own_salt(workspace: Workspace) -> None:
    (workspace.folder / "stacks" / "Pulumi.test.yaml").write_text("config: {}\n")
    workspace.up('Thing("a", x=pulumi.Output.secret("hush"))')
    assert workspace.state()["secrets_providers"]["state"]["salt"].startswith("v1:")
    assert not workspace.up().changed


def test_a_salt_line_of_the_pulumi_cli_opens() -> None:
    """The known answer in the CLI's own tests (pkg/secrets/passphrase)."""
    salt_line = "v1:fozI5u6B030=:v1:F+6ZduKKd8G0/V7L:PGMFeIzwobWRKmEAzUdaQHqC5mMRIQ=="
    assert PassphraseCrypter("password", salt_line).salt_line == salt_line
    with pytest.raises(EngineError, match="does not open"):
        PassphraseCrypter("not the password", salt_line)


def test_secrets_open_with_their_passphrase_alone() -> None:
    crypter = PassphraseCrypter("p")
    opened = PassphraseCrypter("p", crypter.salt_line)
    assert opened.decrypt(crypter.encrypt('"text"')) == '"text"'
    assert crypter.encrypt("same") == crypter.encrypt("same")
    with pytest.raises(EngineError, match="cannot be decrypted"):
        opened.decrypt("v1:AAAAAAAAAAAAAAAA:AAAA")
    with pytest.raises(EngineError, match="does not open"):
        PassphraseCrypter("q", crypter.salt_line)


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 2, "deployment": {}}', '{"version": 3}'])
def test_damaged_state_files(workspace: Workspace, content: str) -> None:
    workspace.state_file.parent.mkdir()
    workspace.state_file.write_text(content)
    workspace.program("")
    with pytest.raises(EngineError, match="The state file"):
        workspace.stack().up()
    assert workspace.state_file.read_text() == content


def test_state_that_cannot_be_written(workspace: Workspace) -> None:
    workspace.up('Thing("a")')
    blocked = workspace.state_file.with_name("test.json.new")
    workspace.cloud.hooks["create b"] = blocked.mkdir
    result = workspace.up('Thing("a")\nThing("b")')
    assert errors(result) == [f"The state file {workspace.state_file} cannot be written: Is a directory."]
    blocked.rmdir()
    assert workspace.up().ok
    assert len(workspace.cloud.resources) == 2


def test_folder_of_the_state_is_a_file(workspace: Workspace) -> None:
    workspace.state_file.parent.write_text("")
    with pytest.raises(EngineError, match=r"The (lock|state) file .* cannot be"):
        workspace.stack().up()


def test_state_of_another_secrets_provider(workspace: Workspace) -> None:
    workspace.up('Thing("a")')
    text = workspace.state_file.read_text().replace('"passphrase"', '"cloud"')
    workspace.state_file.write_text(text)
    with pytest.raises(EngineError, match="only passphrase is supported"):
        workspace.stack().resources()


def test_what_the_cli_wrote_besides_is_kept(workspace: Workspace) -> None:
    workspace.up('Thing("a", size="small")')
    document = json.loads(workspace.state_file.read_text())
    document["deployment"]["resources"][-1]["sourcePosition"] = "project:///__main__.py#3"
    workspace.state_file.write_text(json.dumps(document))
    workspace.up('Thing("a", size="large")')
    assert workspace.state()["resources"][-1]["sourcePosition"] == "project:///__main__.py#3"
