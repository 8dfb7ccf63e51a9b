"""SQL as the cells of notebooks hold it."""

from __future__ import annotations


def statements(text: str) -> list[str]:
    """SQL statements between semicolons that stand in no quotes and no comment."""
    found, current, quote, index = [], "", "", 0
    while index < len(text):
        letter = text[index]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"`":
            quote = letter
        elif text.startswith("--", index):
            end = text.find("\n", index)
            index = len(text) if end < 0 else end
            current += "\n"
            continue
        elif letter == ";":
            found.append(current)
            current, letter = "", ""
        current += letter
        index += 1
    return [each for each in (*found, current) if each.strip()]
