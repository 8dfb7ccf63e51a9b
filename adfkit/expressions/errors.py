"""What goes wrong in an expression: one root, a text in Azure's words, and the place it points at."""

from __future__ import annotations


class ExpressionError(Exception):
    """An expression that can't be read or evaluated.

    `str(error)` is the sentence that Data Factory reports (its error code is `InvalidTemplate`); `render()` adds the
    line of the expression with a caret below `position`, an offset into `text` (the expression without its `@`).
    """

    def __init__(self, message: str, text: str | None = None, position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.position = position

    def render(self) -> str:
        """The message, the line it is about, and a caret at the place."""
        if self.text is None or self.position is None:
            return self.message
        position = min(self.position, len(self.text))
        start = self.text.rfind("\n", 0, position) + 1
        end = self.text.find("\n", position)
        line = self.text[start : end if end >= 0 else len(self.text)]
        indent = "".join("\t" if character == "\t" else " " for character in line[: position - start])
        return f"{self.message}\n  {line}\n  {indent}^"


class ExpressionSyntaxError(ExpressionError):
    """A text that is no expression."""


class EvaluationError(ExpressionError):
    """A well formed expression that has no value in this scope."""
