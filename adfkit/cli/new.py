"""`adfkit new transform`: a transform to begin with."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from typing import Annotated

import typer
from jinja2 import Environment, StrictUndefined

from adfkit.cli.output import out, print_json
from adfkit.cli.project import CliError, find_project

app = typer.Typer(no_args_is_help=True, help="Write something new to begin with.")
TEMPLATES = Path(__file__).parent / "new_transform"
SUFFIX = ".j2"
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
TAKEN = frozenset({"hosts", "machine_learning"})
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def new() -> None:
    """Write something new to begin with."""


@app.command()
def transform(
    name: Annotated[str, typer.Argument(help="Its name: lower-case letters, digits and underscores.")],
    json: Json = False,
) -> None:
    """Write a transform with its declaration, README, sample input and tests, which pass as they are."""
    project = find_project().folder
    if not NAME.fullmatch(name) or keyword.iskeyword(name) or name in TAKEN:
        raise CliError(
            f"'{name}' can be no transform's name: it takes a letter, then letters, digits and underscores, all in "
            f"lower case, and is not {', '.join(sorted(TAKEN))} or a word of Python."
        )
    written = _contents(name)
    there = [path for path in written if (project / path).exists()]
    if there or (project / "transforms" / name).exists():
        raise CliError(f"{there[0] if there else f'transforms/{name}'} is there already: choose another name.")
    for path, text in written.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text, encoding="utf-8")
    if json:
        print_json({"files": list(written)})
        return
    for path in written:
        out.print(f"  {path}", markup=False)
    out.print(_next(name), markup=False)


def _contents(name: str) -> dict[str, str]:
    """The files to write, by their path in the project."""
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    folder, tests = f"transforms/{name}", f"tests/transforms/{name}"
    title = name.replace("_", " ").capitalize()
    written = {f"{folder}/__init__.py": f'"""The transform {name}."""\n'}
    for path in sorted(each for each in TEMPLATES.rglob("*") if each.suffix in (SUFFIX, ".csv")):
        target = path.relative_to(TEMPLATES).as_posix().removesuffix(SUFFIX)
        place = tests if target.startswith("test_") else folder
        text = path.read_text(encoding="utf-8")
        rendered = environment.from_string(text).render(name=name, title=title) if path.suffix == SUFFIX else text
        written[f"{place}/{target}"] = rendered
    return written


def _next(name: str) -> str:
    return f"""
Test it:  pytest tests/transforms/{name}
Run it:   name it in the stack file, then `adfkit up` and `adfkit run {name}`:

    # stacks/Pulumi.local.yaml, below adfkit:ingestions
    {name}:
      source: {name}
      transform: {name}
      technique: azure_function
      machine_learning:
        call: batch_endpoint
"""
