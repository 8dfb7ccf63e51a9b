"""`adfkit local`: Azure on this machine, started and stopped."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adfkit.cli.output import err, out, print_json
from adfkit.cli.project import Project, find_project

if TYPE_CHECKING:
    from adfkit.local_azure.daemon import Status

app = typer.Typer(help="Azure on this machine: start it, stop it, point the official clients at it.")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def start(
    tls_port: Annotated[int, typer.Option(help="Port of the gateway; 0 takes that of the last run or a free one.")] = 0,
    proxy_port: Annotated[int, typer.Option(help="Port of the proxy, which clients connect to; 0 as above.")] = 0,
    json: Json = False,
) -> None:
    """Start local Azure, or say that it runs."""
    from adfkit.local_azure import daemon
    from adfkit.local_azure.app import Ports

    project = find_project()
    project.use_own_cache()
    ports = Ports(tls_port, proxy_port) if tls_port or proxy_port else None
    _print_status(daemon.start(project.local_folder, ports=ports), json)


@app.command()
def stop() -> None:
    """Stop local Azure and all that it started; its state stays."""
    from adfkit.local_azure import daemon

    stopped = daemon.stop(find_project().local_folder)
    out.print("Local Azure is stopped." if stopped else "Local Azure was not running.")


@app.command()
def status(json: Json = False) -> None:
    """Say whether local Azure runs, and where; exit status 1 where it does not."""
    from adfkit.local_azure import daemon

    found = daemon.status(find_project().local_folder)
    _print_status(found, json)
    if not found.running:
        raise typer.Exit(1)


@app.command()
def env(json: Json = False) -> None:
    """Print the variables that point the official clients at local Azure: eval "$(adfkit local env)"."""
    from adfkit.local_azure import daemon

    variables = daemon.environment(find_project().local_folder)
    if json:
        print_json(variables)
        return
    for name, value in sorted(variables.items()):
        # plain print: a shell reads this, so nothing may wrap or colour it
        print(f"export {name}={shlex.quote(value)}")


@app.command()
def reset(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Stop local Azure and delete everything in it, with the state of the stacks deployed to it."""
    import shutil

    from adfkit.local_azure import daemon

    project = find_project()
    if not yes:
        typer.confirm(f"Delete everything in {project.local_folder} and the stacks deployed to it?", abort=True)
    daemon.reset(project.local_folder)
    shutil.rmtree(project.state_folder, ignore_errors=True)
    out.print("Local Azure is empty.")


def enter_local_azure(project: Project) -> None:
    """Start local Azure where it does not run, and point every client of this process and its children at it."""
    from adfkit.local_azure import daemon

    if not daemon.status(project.local_folder).running:
        with err.status("Starting local Azure ..."):
            project.use_own_cache()
            daemon.start(project.local_folder)
    os.environ.update(daemon.environment(project.local_folder))


def _print_status(status: Status, json: bool) -> None:
    details: dict[str, Any] = {"folder": str(status.folder)}
    if status.ports is not None:
        details |= {"pid": status.pid, "proxy": f"http://127.0.0.1:{status.ports.proxy}"}
        details |= {"gateway": f"https://127.0.0.1:{status.ports.tls}", "log": str(status.log)}
    if json:
        print_json({"running": status.running, **details})
        return
    if not status.running:
        out.print("Local Azure is not running: `adfkit local start` starts it.")
        return
    out.print("Local Azure runs.", style="bold")
    for name, value in details.items():
        out.print(f"  {name:<10}{value}", soft_wrap=True)
