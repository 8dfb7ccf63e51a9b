"""Whether a transform keeps to the operations that give the same values on every engine it may run on."""

from adfkit.neutral.check import Refusal, refusals

__all__ = ["Refusal", "refusals"]
