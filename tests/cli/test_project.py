"""The project of a command: found from below, its stacks, its passphrase."""

from __future__ import annotations

from pathlib import Path

import pytest

from adfkit.cli.project import CliError, Project, find_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "Pulumi.yaml").write_text("name: sample\n")
    (tmp_path / "stacks").mkdir()
    for stack in ("local", "prod"):
        (tmp_path / "stacks" / f"Pulumi.{stack}.yaml").write_text("config: {}\n")
    return Project(tmp_path)


def test_a_project_is_found_from_a_folder_below_it(project: Project) -> None:
    below = project.folder / "transforms" / "flights"
    below.mkdir(parents=True)
    assert find_project(below) == project


def test_outside_a_project_the_error_says_what_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(CliError, match=r"there is no Pulumi\.yaml in .* or above it: run adfkit in"):
        find_project(tmp_path)


def test_an_unknown_stack_is_told_with_those_that_there_are(project: Project) -> None:
    with pytest.raises(CliError, match=r"there is no stack 'staging': .*Stacks here: local, prod\."):
        project.stack_file("staging")


def test_a_passphrase_is_made_once_and_only_its_owner_reads_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "ADFKIT_LOCAL_FOLDER"):
        monkeypatch.delenv(name, raising=False)
    first = project.passphrase()
    assert len(first) >= 32
    assert project.passphrase() == first
    assert (project.state_folder / "passphrase").stat().st_mode & 0o777 == 0o600


def test_the_passphrase_of_the_environment_comes_first(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")
    assert project.passphrase() == ""
