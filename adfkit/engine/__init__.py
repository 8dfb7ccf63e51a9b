"""The embedded deployment engine: runs the Pulumi program where no Pulumi CLI is installed."""

from adfkit.engine.errors import EngineError, UnsupportedFeature
from adfkit.engine.events import (
    Diagnostic,
    Event,
    Operation,
    PropertyChange,
    ResourcePlanned,
    Result,
    Step,
    StepFinished,
    StepStarted,
    Summary,
)
from adfkit.engine.stack import Stack

__all__ = [
    "Diagnostic",
    "EngineError",
    "Event",
    "Operation",
    "PropertyChange",
    "ResourcePlanned",
    "Result",
    "Stack",
    "Step",
    "StepFinished",
    "StepStarted",
    "Summary",
    "UnsupportedFeature",
]
