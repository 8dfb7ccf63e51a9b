"""Default and explicit providers, their configuration, and functions."""

from __future__ import annotations

from tests.engine.conftest import Workspace, counts, errors


def _echoes(workspace: Workspace) -> set[str]:
    return {str(resource["echo"]) for resource in workspace.cloud.resources.values()}


def test_default_provider_is_configured_from_the_stack(workspace: Workspace) -> None:
    workspace.settings(
        "config: {mem:region: north, mem:token: {secure: not-used}}\n".replace("{secure: not-used}", "t")
    )
    workspace.up('Thing("a")')
    assert _echoes(workspace) == {"a::north"}
    (provider,) = [one for one in workspace.state()["resources"] if one["type"] == "pulumi:providers:mem"]
    assert provider["urn"] == "urn:pulumi:test::demo::pulumi:providers:mem::default_1_2_3"
    assert provider["inputs"] == {"region": "north", "token": "t", "version": "1.2.3", "__internal": {}}
    workspace.settings("config: {mem:region: south}\n")
    result = workspace.up()
    assert not result.changed  # a provider's new configuration changes no resource
    workspace.up('Thing("a", size="large")')
    assert _echoes(workspace) == {"a:large:south"}


def test_explicit_providers(workspace: Workspace) -> None:
    program = """
        east, west = Provider("east", region="east"), Provider("west", region="west")
        Thing("a", opts=ResourceOptions(provider=east))
        group = Group("group", opts=ResourceOptions(providers=[west]))
        Thing("b", opts=ResourceOptions(parent=group))
        Thing("c")
        """
    assert workspace.preview(program).ok
    assert workspace.up().ok
    assert _echoes(workspace) == {"a::east", "b::west", "c::default"}
    assert not workspace.up().changed
    providers = {
        one["urn"].rsplit("::", 1)[-1]: one["inputs"]
        for one in workspace.state()["resources"]
        if one["type"] == "pulumi:providers:mem"
    }
    assert providers["east"] == {"region": "east", "version": "1.2.3", "__internal": {}}
    assert counts(workspace.up("")) == {"delete": 6}
    assert workspace.cloud.resources == {}
    assert workspace.state()["resources"][0]["type"] == "pulumi:pulumi:Stack"
    assert len(workspace.state()["resources"]) == 1


def test_provider_with_an_unknown_configuration(workspace: Workspace) -> None:
    program = """
        a = Thing("a", size="small")
        late = Provider("late", region=a.echo)
        b = Thing("b", opts=ResourceOptions(provider=late))
        export("b", b.echo)
        """
    preview = workspace.preview(program)
    assert preview.ok
    assert repr(preview.outputs["b"]) == "UNKNOWN"
    assert workspace.up().outputs == {"b": "b::a:small:default"}


def test_bad_provider_configuration(workspace: Workspace) -> None:
    result = workspace.up('Thing("a", opts=ResourceOptions(provider=Provider("p", region="nowhere")))')
    assert errors(result) == ["region: there is no such region"]


def test_functions(workspace: Workspace) -> None:
    workspace.settings("config: {mem:region: north}\n")
    result = workspace.up(
        """
        found = pulumi.runtime.invoke("mem:index:whoami", {"x": 1}, pulumi.InvokeOptions(version="1.2.3"))
        export("region", found.value["region"])
        secret = pulumi.runtime.invoke_output("mem:index:whoami", {"x": pulumi.Output.secret("s")})
        export("secret", secret["x"])
        """
    )
    assert result.outputs == {"region": "north", "secret": "[secret]"}
    failed = workspace.up('pulumi.runtime.invoke("mem:index:nothing", {})')
    assert errors(failed) == ["invoke of mem:index:nothing failed: There is no function mem:index:nothing."]
    assert failed.errors[0].location == "program/__main__.py:4"
