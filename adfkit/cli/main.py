"""The entry point: the commands, and how every error reaches the user."""

from __future__ import annotations

import os
import sys
import traceback

import typer

from adfkit.cli import (
    backfill,
    config,
    data_lineage,
    deploy,
    expressions,
    factory,
    history,
    local,
    logs,
    new,
    prune,
    quickstart,
    runs,
)
from adfkit.cli.advise.command import advise
from adfkit.cli.output import fail
from adfkit.cli.project import CliError

app = typer.Typer(
    name="adfkit",
    help="Azure Data Factory ingestion platforms as code, and the whole of them running on one machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(local.app, name="local")
app.add_typer(factory.app, name="factory")
app.add_typer(new.app, name="new")
app.add_typer(config.app, name="config")
app.command()(deploy.preview)
app.command()(deploy.up)
app.command()(deploy.refresh)
app.command()(deploy.destroy)
app.command()(history.history)
app.command()(deploy.outputs)
app.command()(runs.run)
app.command()(runs.runs)
app.command()(logs.logs)
app.command()(data_lineage.lineage)
app.command()(prune.prune)
app.command()(backfill.backfill)
app.command()(quickstart.quickstart)
app.command()(expressions.expr)
app.command()(advise)


def main() -> None:
    """Run the command; an error that the user can mend is one text and exit status 1, never a traceback."""
    try:
        status = app(standalone_mode=False)  # click catches typer.Exit itself and returns its status
    except (KeyboardInterrupt, typer.Abort):
        fail("interrupted; run the same command again to go on.")
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - the one place where every error is told
        sys.exit(_tell(error))
    sys.exit(status if isinstance(status, int) else 0)


def _tell(error: Exception) -> int:
    if isinstance(error, CliError) or _is_known(error):
        fail(_text(error))
        return 1
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # a usage error of the command line itself
        fail(error.format_message())
        return int(error.exit_code)
    fail(f"this is a defect of adfkit: {type(error).__name__}: {error}")
    if os.environ.get("ADFKIT_DEBUG"):
        traceback.print_exception(error)
    else:
        fail("set ADFKIT_DEBUG=1 to see where it was raised.")
    return 1


def _is_known(error: Exception) -> bool:
    """Whether the error is one of a package's own root exceptions or an answer of Azure, whose text is for people."""
    roots = {"LocalAzureError", "EngineError", "ProviderError", "ArtifactError", "ExpressionError", "AzureError"}
    return any(kind.__name__ in roots for kind in type(error).__mro__)


def _text(error: Exception) -> str:
    text = str(error).strip()
    return text or type(error).__name__
