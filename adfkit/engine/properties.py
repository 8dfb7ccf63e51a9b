"""Property values, and how they travel: the SDK's protobuf structs, and the plain values that providers take.

A property bag is a plain dict of JSON values, with three more kinds inside: `Secret`, `UNKNOWN`, and an asset, which
stays the dict with a signature key that the wire and the state file both have. Format:
https://github.com/pulumi/pulumi/blob/master/developer-docs/providers/implementers-guide.md (property values)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adfkit.engine.errors import EngineError, UnsupportedFeature

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct, Value

Properties = dict[str, Any]

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a marker of the wire format
ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
RESOURCE_REFERENCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_LARGEST_EXACT_INTEGER: Final = 2**53


class Unknown(Enum):
    """The type of `UNKNOWN`: a value that a preview cannot know."""

    UNKNOWN = UNKNOWN_STRING

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that never appears in plain in the state, a diff or a message."""

    value: Any

    def __repr__(self) -> str:
        return "Secret([secret])"


def unmarshal(struct: Struct) -> Properties:
    """The property bag in a struct of the SDK.

    Raises:
        UnsupportedFeature: it holds an archive, a remote asset or a resource reference.
        EngineError: an asset's file cannot be read.
    """
    return {key: _unmarshal_value(struct.fields[key]) for key in sorted(struct.fields)}


def unmarshal_value(value: Value) -> Any:
    """One value of a struct, as `unmarshal`."""
    return _unmarshal_value(value)


def _unmarshal_value(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value == UNKNOWN_STRING else value.string_value
        case "number_value":
            return _number(value.number_value)
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_unmarshal_value(item) for item in value.list_value.values]
        case "struct_value":
            return _unmarshal_struct(value.struct_value)
        case _:
            return None


def _number(number: float) -> int | float:
    """Integral numbers as ints, which is how JSON spells them in the state file and in requests."""
    return int(number) if number.is_integer() and abs(number) <= _LARGEST_EXACT_INTEGER else number


def _unmarshal_struct(struct: Struct) -> Any:
    fields = struct.fields
    if SIGNATURE not in fields:
        return unmarshal(struct)
    signature = fields[SIGNATURE].string_value
    if signature == SECRET:
        return Secret(_unmarshal_value(fields["value"]))
    if signature == OUTPUT:
        inner = _unmarshal_value(fields["value"]) if "value" in fields else UNKNOWN
        return Secret(inner) if fields["secret"].bool_value else inner
    if signature == ASSET:
        return asset({key: value.string_value for key, value in fields.items()})
    names = {ARCHIVE: "archives", RESOURCE_REFERENCE: "references to whole resources as property values"}
    raise UnsupportedFeature(names.get(signature, f"values with the signature {signature}"))


def asset(fields: Mapping[str, str]) -> Properties:
    """The asset with the SHA-256 of its content, by which a changed file shows as a change."""
    if "text" in fields:
        content = fields["text"].encode()
    elif "path" in fields:
        try:
            content = Path(fields["path"]).read_bytes()
        except OSError as error:
            raise EngineError(f"The asset {fields['path']} cannot be read: {error.strerror}.") from error
    else:
        raise UnsupportedFeature("assets at a URI")
    return {**fields, SIGNATURE: ASSET, "hash": hashlib.sha256(content).hexdigest()}


def marshal(properties: Mapping[str, Any]) -> Struct:
    """The struct that the SDK takes."""
    from google.protobuf.struct_pb2 import Struct

    struct = Struct()
    for key, item in properties.items():
        _marshal_into(struct.fields[key], item)
    return struct


def _marshal_into(target: Value, value: Any) -> None:
    if value is None:
        target.null_value = 0  # the enum's only member, NULL_VALUE
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif value is UNKNOWN:
        target.string_value = UNKNOWN_STRING
    elif isinstance(value, Secret):
        target.struct_value.fields[SIGNATURE].string_value = SECRET
        _marshal_into(target.struct_value.fields["value"], value.value)
    elif isinstance(value, list | tuple):
        target.list_value.SetInParent()
        for item in value:
            _marshal_into(target.list_value.values.add(), item)
    elif isinstance(value, Mapping):
        target.struct_value.SetInParent()
        for key, item in value.items():
            _marshal_into(target.struct_value.fields[str(key)], item)
    else:
        raise EngineError(f"A provider returned a value of type {type(value).__name__}, which is no property value.")


def plain(value: Any) -> Any:
    """The value with every secret unwrapped, as a provider takes it."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def redacted(value: Any) -> Any:
    """The value for people: `[secret]` for every secret, `UNKNOWN` kept."""
    if isinstance(value, Secret):
        return "[secret]"
    if isinstance(value, Mapping):
        return {key: redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item) for item in value]
    return value


def has_unknown(value: Any) -> bool:
    """Whether `UNKNOWN` is anywhere inside."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(has_unknown(item) for item in value)
    return False


def has_secret(value: Any) -> bool:
    """Whether a `Secret` is anywhere inside."""
    if isinstance(value, Secret):
        return True
    if isinstance(value, Mapping):
        return any(has_secret(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(has_secret(item) for item in value)
    return False


def with_secrets_of(properties: Properties, reference: Mapping[str, Any]) -> Properties:
    """`properties`, which a provider returned in plain, with what is secret in `reference` secret again.

    The same key stands for the same value; a list with one secret element becomes secret as a whole, since its elements
    may have moved.
    """
    result = dict(properties)
    for key, known in reference.items():
        if key not in result or isinstance(result[key], Secret):
            continue
        value = result[key]
        if isinstance(known, Secret):
            result[key] = Secret(value)
        elif isinstance(known, Mapping) and isinstance(value, Mapping):
            result[key] = with_secrets_of(dict(value), known)
        elif isinstance(known, list) and isinstance(value, list) and has_secret(known):
            result[key] = Secret(value)
    return result


def with_secret_keys(properties: Properties, keys: list[str]) -> Properties:
    """`properties` with the top-level `keys` secret (the option additionalSecretOutputs)."""
    return {
        key: Secret(value) if key in keys and not isinstance(value, Secret) else value
        for key, value in properties.items()
    }
