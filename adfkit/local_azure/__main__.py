"""`python -m adfkit.local_azure FOLDER`: run local Azure in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import logging
import sys
from pathlib import Path

from adfkit.local_azure.app import serve
from adfkit.local_azure.daemon import LOCK_FILE
from adfkit.local_azure.errors import LocalAzureError
from adfkit.local_azure.state import Ports


def main() -> int:
    """Parse the command line and serve; exit status 1 with one line of explanation where that is not possible."""
    parser = argparse.ArgumentParser(prog="python -m adfkit.local_azure", description="Run local Azure.")
    parser.add_argument("folder", type=Path, help="where everything of this local Azure lies")
    parser.add_argument("--tls-port", type=int, default=0, help="loopback port for TLS (default: a free one)")
    parser.add_argument("--proxy-port", type=int, default=0, help="loopback port for the proxy (default: a free one)")
    arguments = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr, force=True
    )
    for name in ("httpx", "azure"):  # their lines hold whole addresses, queries included
        logging.getLogger(name).setLevel(logging.WARNING)
    folder = arguments.folder.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            asyncio.run(serve(folder, Ports(arguments.tls_port, arguments.proxy_port)))
        except BlockingIOError:
            print(f"error: local Azure runs already in {folder}", file=sys.stderr)
            return 1
        except LocalAzureError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
