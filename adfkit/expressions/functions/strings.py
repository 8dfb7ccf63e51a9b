"""String functions. Positions and lengths count UTF-16 code units, as .NET does."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from adfkit.expressions import utf16
from adfkit.expressions.errors import EvaluationError
from adfkit.expressions.functions.signatures import INTEGER, REGISTRY, STRING, Invocation, Parameter
from adfkit.expressions.values import Value, to_text

string = REGISTRY.category("string")

_FIRST_STRING = Parameter(STRING, "its first parameter to be of type string")
_SECOND_STRING = Parameter(STRING, "its second parameter to be of type string")
_ONLY_STRING = Parameter(STRING, "its parameter to be a string")


@string("concat", (1, None), "a comma separated list of string and integer parameters", counted="no parameters")
def concat(call: Invocation, *values: Value) -> str:
    return "".join(map(to_text, values))


@string(
    "startsWith",
    2,
    "two parameters: the string as the first parameter, the value to check as the second parameter",
    _FIRST_STRING,
    _SECOND_STRING,
)
def starts_with(call: Invocation, text: str, value: str) -> bool:
    return utf16.fold(text).startswith(utf16.fold(value))


@string(
    "endsWith",
    2,
    "two parameters: the string as the first parameter, the value to check as the second parameter",
    _FIRST_STRING,
    _SECOND_STRING,
)
def ends_with(call: Invocation, text: str, value: str) -> bool:
    return utf16.fold(text).endswith(utf16.fold(value))


@string(
    "indexOf",
    2,
    "two parameters: the string as the first parameter, the value to find the index of as the second parameter",
    _FIRST_STRING,
    _SECOND_STRING,
)
def index_of(call: Invocation, text: str, value: str) -> int:
    return utf16.units(utf16.fold(text)).find(utf16.units(utf16.fold(value)))


@string(
    "lastIndexOf",
    2,
    "two parameters: the string as the first parameter, the value to find the last index of as the second parameter",
    _FIRST_STRING,
    _SECOND_STRING,
)
def last_index_of(call: Invocation, text: str, value: str) -> int:
    return utf16.units(utf16.fold(text)).rfind(utf16.units(utf16.fold(value)))


@string(
    "nthIndexOf",
    3,
    "three parameters: the string as the first parameter, the value to find the index of as the second parameter and a "
    "number parameter to specify which occurrence of the text to find as the third parameter",
    _FIRST_STRING,
    _SECOND_STRING,
    Parameter(INTEGER, "its third parameter to be an integer"),
)
def nth_index_of(call: Invocation, text: str, value: str, occurrence: int) -> int:
    if occurrence == 0:
        raise call.error("expects its third parameter to be a non-zero integer. The provided value is '0'.")
    haystack, needle = utf16.units(utf16.fold(text)), utf16.units(utf16.fold(value))
    if not needle:
        return 0
    found = [index for index in range(len(haystack)) if haystack.startswith(needle, index)]
    if abs(occurrence) > len(found):
        return -1
    return found[occurrence - 1 if occurrence > 0 else occurrence]


@string(
    "replace",
    3,
    "three string parameters: the string to replace characters inside of as the first parameter, the string that "
    "will be "
    "replaced by the new string as the second parameter, and the new string as the third parameter",
    Parameter(STRING, "its first parameter 'string' to be a string"),
    Parameter(STRING, "its second parameter 'old string' to be a string"),
    Parameter(STRING, "its third parameter 'new string' to be a string"),
)
def replace(call: Invocation, text: str, old: str, new: str) -> str:
    if not old:
        raise EvaluationError("The value cannot be an empty string. (Parameter 'oldValue')")
    return text.replace(old, new)


@string(
    "split",
    2,
    "two parameters: the string to split as the first parameter, the separator as the second parameter",
    _FIRST_STRING,
    _SECOND_STRING,
)
def split(call: Invocation, text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else [text]


_LENGTH = Parameter(INTEGER, "its third parameter 'length' to be an integer", late=True)
_TO_THE_END = -(2**63) - 1


@string(
    "substring",
    (2, 3),
    "two parameters: the 'string' to take a section from as the first parameter, the 'start index' as the second "
    "parameter",
    Parameter(STRING, "its first parameter 'string' to be a string"),
    Parameter(INTEGER, "its second parameter 'start index' to be an integer"),
    _LENGTH,
)
def substring(call: Invocation, text: str, start: int, length: int = _TO_THE_END) -> str:
    units = utf16.units(text)
    if not 0 <= start < len(units):
        raise call.error(
            "parameter is out of range: 'start index' must be non-negative integer and should be less than the length "
            "of the string."
        )
    if length == _TO_THE_END:
        return utf16.text(units[start:])
    call.require(_LENGTH, length)
    if length < 0 or start + length > len(units):
        raise call.error(
            "parameters are out of range: 'start index' and 'length' must be non-negative integers and their sum must "
            "be no larger than the length of the string."
        )
    return utf16.text(units[start : start + length])


@string("toLower", 1, "one parameter: the string to convert to lower casing", _ONLY_STRING, counted="parameters")
def to_lower(call: Invocation, text: str) -> str:
    return utf16.lower(text)


@string("toUpper", 1, "one parameter: the string to convert to upper casing", _ONLY_STRING, counted="parameters")
def to_upper(call: Invocation, text: str) -> str:
    return utf16.upper(text)


@string("trim", 1, "", arity_message="The function '{name}' must have only one parameter.")
def trim(call: Invocation, text: Value) -> str:
    if not isinstance(text, str):
        raise EvaluationError(f"The provided parameters for function '{call.name}' are not valid.")
    return text.strip()


def _guid_as_structure(value: uuid.UUID) -> str:
    rest = ",".join(f"0x{byte:02x}" for byte in value.bytes[8:])
    return f"{{0x{value.time_low:08x},0x{value.time_mid:04x},0x{value.time_hi_version:04x},{{{rest}}}}}"


_GUID_FORMATS: dict[str, Callable[[uuid.UUID], str]] = {
    "N": lambda value: value.hex,
    "D": str,
    "B": lambda value: f"{{{value}}}",
    "P": lambda value: f"({value})",
    "X": _guid_as_structure,
}


@string(
    "guid",
    (0, 1),
    "",
    Parameter(STRING, "its parameter to be of type string"),
    arity_message="The function '{name}' can be invoked with no parameters or with an optional format parameter. "
    "The function was invoked with '{count}' parameter(s).",
)
def guid(call: Invocation, form: str = "D") -> str:
    if form not in _GUID_FORMATS:
        supported = ", ".join(_GUID_FORMATS)
        raise call.error(f"format parameter '{form}' is not supported. The supported formats are: '{supported}'.")
    return _GUID_FORMATS[form](uuid.UUID(int=call.scope.random.getrandbits(128), version=4))
