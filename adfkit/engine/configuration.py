"""A stack's configuration as `config get|set|rm|list` see it: values in its settings file, secrets encrypted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adfkit.engine import settings_file
from adfkit.engine.errors import EngineError
from adfkit.engine.passphrase import PassphraseCrypter
from adfkit.engine.project import (
    Project,
    StackSettings,
    has_secrets,
    load_project,
    load_stack_settings,
    resolve_config,
)
from adfkit.engine.settings_file import CONFIG, SALT


@dataclass(frozen=True, slots=True)
class ConfigValue:
    """One value, as text (structured ones as JSON), and whether a part of it is secret."""

    value: str
    secret: bool


class Configuration:
    """The configuration of one stack."""

    def __init__(self, stack: str, project_folder: Path, passphrase: str) -> None:
        """Open; `passphrase` encrypts the secrets of the settings file."""
        self._stack = stack
        self._folder = project_folder
        self._passphrase = passphrase

    def values(self) -> dict[str, ConfigValue]:
        """All values by `<namespace>:<key>`, secrets decrypted.

        Raises:
            EngineError: the settings cannot be read, or the passphrase does not open their secrets.
        """
        project, settings = self._load()
        if any(has_secrets(value) for value in settings.config.values()) and settings.encryption_salt is None:
            raise EngineError(f"{settings.path} has secrets, and no `{SALT}` to open them with.")
        config = resolve_config(project, settings, _Lazy(self._passphrase, settings.encryption_salt))
        return {key: ConfigValue(value, key in config.secret_keys) for key, value in sorted(config.values.items())}

    def get(self, key: str, *, path: bool = False) -> ConfigValue:
        """One value; with `path`, `key` goes on into a structured one: `<namespace>:<key>.<name>`.

        Raises:
            EngineError: there is none; else as `values`.
        """
        steps = self._steps(key, path)
        found = self.values().get(steps[0])
        if found is None:
            raise EngineError(f"The stack '{self._stack}' has no configuration {key}.")
        value: Any = found.value
        for step in steps[1:]:
            inner = json.loads(value) if isinstance(value, str) and value.startswith("{") else value
            if not isinstance(inner, dict) or step not in inner:
                raise EngineError(f"The stack '{self._stack}' has no configuration {key}.")
            value = inner[step]
        return ConfigValue(value if isinstance(value, str) else json.dumps(value), found.secret)

    def set(self, key: str, value: str, *, secret: bool = False, path: bool = False) -> None:
        """Set a value; `path` as for `get`, and true, false and whole numbers are then set as such.

        Raises:
            EngineError: as `values`, or the file cannot be changed.
        """
        _, settings = self._load()
        steps = self._in_file(settings, key, path)
        written: Any = value if secret or not path else _typed(value)

        def change(text: str) -> str:
            if not secret:
                return settings_file.set_value(text, (CONFIG, *steps), written)
            crypter = PassphraseCrypter(self._passphrase, settings.encryption_salt)
            text = settings_file.set_value(text, (CONFIG, *steps), {"secure": crypter.encrypt(value)})
            return settings_file.set_value(text, (SALT,), crypter.salt_line)

        settings_file.edit(settings.path, change)

    def remove(self, key: str, *, path: bool = False) -> None:
        """Take a value out of the settings file.

        Raises:
            EngineError: it is not in there, or the file cannot be changed.
        """
        _, settings = self._load()
        steps = self._in_file(settings, key, path)
        settings_file.edit(settings.path, lambda text: settings_file.remove(text, (CONFIG, *steps)))

    def _load(self) -> tuple[Project, StackSettings]:
        project = load_project(self._folder)
        return project, load_stack_settings(project, self._stack)

    def _steps(self, key: str, path: bool) -> tuple[str, ...]:
        """The full key, and the names inside its value."""
        namespace, separator, name = key.rpartition(":")
        names = name.split(".") if path else [name]
        if not all(names) or "[" in name:
            raise EngineError(f"{key!r} is no configuration key; write <namespace>:<key>, or <key> for the project's.")
        namespace = namespace if separator else load_project(self._folder).name
        return f"{namespace}:{names[0]}", *names[1:]

    def _in_file(self, settings: StackSettings, key: str, path: bool) -> tuple[str, ...]:
        """The same as the file has it, which may leave the project's name out."""
        full, *inner = self._steps(key, path)
        short = full.removeprefix(f"{load_project(self._folder).name}:")
        return (short if full not in settings.config and short in settings.config else full), *inner


class _Lazy(PassphraseCrypter):
    """Derives its key, which takes half a second, only where there is something to decrypt."""

    def __init__(self, passphrase: str, salt_line: str | None) -> None:
        self._passphrase, self._line = passphrase, salt_line
        self._opened: PassphraseCrypter | None = None

    def decrypt(self, ciphertext: str) -> str:
        if self._opened is None:
            self._opened = PassphraseCrypter(self._passphrase, self._line)
        return self._opened.decrypt(ciphertext)


def _typed(value: str) -> bool | int | str:
    if value in ("true", "false"):
        return value == "true"
    return int(value) if value.isdecimal() and str(int(value)) == value else value
