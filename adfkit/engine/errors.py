"""Errors of the engine: one root, so that a caller catches everything it refuses with one name."""

from __future__ import annotations


class EngineError(Exception):
    """Anything that the engine refuses or cannot do; its text says what, where and what to do."""


class UnsupportedFeature(EngineError):
    """A request feature of Pulumi that this engine does not have, by name."""

    def __init__(self, feature: str) -> None:
        super().__init__(
            f"The embedded engine does not support {feature} yet. Deploy this stack with `--engine pulumi`, "
            "or leave the feature out."
        )
        self.feature = feature


class RunStopped(EngineError):
    """Nothing more is started in this run, because a step of it failed or the user interrupted it."""

    def __init__(self) -> None:
        super().__init__("The deployment stopped after an earlier failure.")


class StepFailed(EngineError):
    """A step failed; the diagnostic that says why is already reported."""
