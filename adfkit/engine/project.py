"""Pulumi.yaml and the stack's settings file: what to run, and the configuration it reads.

https://www.pulumi.com/docs/iac/concepts/projects/project-file/ and
https://www.pulumi.com/docs/iac/concepts/config/
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from adfkit.engine.errors import EngineError, UnsupportedFeature
from adfkit.engine.passphrase import PassphraseCrypter
from adfkit.engine.properties import Secret


@dataclass(frozen=True, slots=True)
class Project:
    """A Pulumi project: its name and where its program is."""

    name: str
    folder: Path
    program: Path
    """The folder with `__main__.py`, or the file, that runs."""
    stack_config_folder: Path
    config: Mapping[str, Any]
    """The project-wide defaults of configuration, `<namespace>:<key>` to value."""

    @property
    def working_directory(self) -> Path:
        """Where the program runs: in its own folder, as under the Pulumi CLI."""
        return self.program if self.program.is_dir() else self.program.parent


@dataclass(frozen=True, slots=True)
class Config:
    """A stack's configuration as the SDK takes it: strings, with structured values as JSON."""

    values: Mapping[str, str] = field(default_factory=dict)
    secret_keys: frozenset[str] = frozenset()

    def of_package(self, package: str) -> dict[str, str]:
        """What configures the package's default provider, without the namespace."""
        prefix = f"{package}:"
        return {key.removeprefix(prefix): value for key, value in self.values.items() if key.startswith(prefix)}

    def secrets(self) -> list[Secret]:
        """The values that are secret; of a structured one, each text in it."""
        return [Secret(_structured(self.values[key])) for key in sorted(self.secret_keys) if key in self.values]

    def is_secret(self, package: str, key: str) -> bool:
        """Whether a package's key holds a secret."""
        return f"{package}:{key}" in self.secret_keys


@dataclass(frozen=True, slots=True)
class StackSettings:
    """The settings file of one stack."""

    path: Path
    config: Mapping[str, Any]
    encryption_salt: str | None


def _structured(text: str) -> Any:
    """The value of the JSON that a structured value is kept as; a text that is not JSON stands for itself."""
    try:
        return [text, json.loads(text)]
    except ValueError:
        return text


def load_project(folder: Path) -> Project:
    """Read Pulumi.yaml.

    Raises:
        EngineError: it is missing, malformed or not a Python project.
    """
    path = folder / "Pulumi.yaml"
    document = _read(path)
    name = document.get("name")
    if not isinstance(name, str) or not name:
        raise EngineError(f"{path}: `name` is missing.")
    _check_runtime(path, document.get("runtime"))
    program = (folder / str(document.get("main") or ".")).resolve()
    if not program.is_relative_to(folder.resolve()):
        raise EngineError(f"{path}: `main` must be inside the project's folder, and {program} is not.")
    entry = program / "__main__.py" if program.is_dir() else program
    if not entry.is_file():
        raise EngineError(f"{path}: `main` names no program: {entry} does not exist.")
    config = _project_config(path, document.get("config"), name)
    return Project(name, folder.resolve(), program, folder / str(document.get("stackConfigDir") or "."), config)


def _check_runtime(path: Path, runtime: Any) -> None:
    name = runtime.get("name") if isinstance(runtime, dict) else runtime
    if name != "python":
        raise EngineError(f"{path}: the embedded engine runs Python programs, and `runtime` is {name!r}.")


def _project_config(path: Path, section: Any, project: str) -> dict[str, Any]:
    """The defaults among the project's configuration declarations."""
    defaults: dict[str, Any] = {}
    for key, value in _mapping(path, "config", section).items():
        if not isinstance(value, dict):
            defaults[_full_key(key, project)] = value
        elif "value" in value or "default" in value:
            defaults[_full_key(key, project)] = value.get("value", value.get("default"))
    return defaults


def load_stack_settings(project: Project, stack: str) -> StackSettings:
    """Read Pulumi.<stack>.yaml.

    Raises:
        EngineError: it is missing or malformed; UnsupportedFeature for an environment or another secrets provider.
    """
    path = project.stack_config_folder / f"Pulumi.{stack}.yaml"
    if not path.exists():
        stacks = sorted(one.name[7:-5] for one in project.stack_config_folder.glob("Pulumi.*.yaml"))
        raise EngineError(f"There is no stack {stack!r}: {path} does not exist. Stacks: {', '.join(stacks) or 'none'}.")
    document = _read(path)
    if document.get("environment"):
        raise UnsupportedFeature(f"`environment` (Pulumi ESC) in {path.name}")
    provider = document.get("secretsprovider", "passphrase")
    if provider not in ("passphrase", "default", ""):
        raise UnsupportedFeature(f"the secrets provider {provider!r} in {path.name}; only passphrase works here")
    return StackSettings(path, _mapping(path, "config", document.get("config")), document.get("encryptionsalt"))


def resolve_config(project: Project, settings: StackSettings, crypter: PassphraseCrypter) -> Config:
    """The configuration with its secrets decrypted."""
    values: dict[str, str] = {}
    secret_keys: set[str] = set()
    sources = {**project.config, **{_full_key(key, project.name): value for key, value in settings.config.items()}}
    for key, value in sources.items():
        found: list[bool] = []
        try:
            revealed = _reveal(value, crypter, found)
        except EngineError as error:
            raise EngineError(f"{settings.path}: {key}: {error}") from error
        values[key] = _text(revealed)
        if found:
            secret_keys.add(key)
    return Config(values, frozenset(secret_keys))


def has_secrets(value: Any) -> bool:
    """Whether a configuration value holds a `secure:` one."""
    if isinstance(value, Mapping):
        return set(value) == {"secure"} or any(has_secrets(item) for item in value.values())
    return isinstance(value, list) and any(has_secrets(item) for item in value)


def _reveal(value: Any, crypter: PassphraseCrypter, found: list[bool]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            found.append(True)
            return crypter.decrypt(str(value["secure"]))
        return {str(key): _reveal(item, crypter, found) for key, item in value.items()}
    if isinstance(value, list):
        return [_reveal(item, crypter, found) for item in value]
    return value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, datetime.date):
        return value.isoformat()
    return json.dumps(value, separators=(",", ":"), default=_json_default)


def _json_default(value: Any) -> str:
    if isinstance(value, datetime.date):  # YAML reads an unquoted date as one; Pulumi keeps the text
        return value.isoformat()
    raise EngineError(f"A configuration value of type {type(value).__name__} is not supported.")


def _full_key(key: str, project: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _mapping(path: Path, name: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise EngineError(f"{path}: `{name}` must be a mapping, not {type(value).__name__}.")
    return {str(key): item for key, item in value.items()}


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise EngineError(f"{path} does not exist.") from error
    except OSError as error:
        raise EngineError(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise EngineError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(document, dict):
        raise EngineError(f"{path} must be a mapping at its top.")
    return document
