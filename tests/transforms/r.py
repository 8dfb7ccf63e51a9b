"""Tests that need R: they skip, and say so, where there is none, except in continuous integration."""

from __future__ import annotations

import os
from shutil import which

import pytest


def require_r() -> None:
    """Skip the test, or fail it in continuous integration, where there is no Rscript."""
    if which("Rscript") is not None:
        return
    if os.environ.get("CI"):
        pytest.fail("There is no Rscript: .ci/run installs Debian's r-base-core.")
    pytest.skip("There is no Rscript: install Debian's r-base-core.")
