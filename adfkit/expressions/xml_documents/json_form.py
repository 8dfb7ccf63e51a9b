"""XML in JSON, as Newtonsoft converts it.

An attribute is `@name`, text beside others `#text`, CDATA `#cdata-section`, the declaration `?xml`; elements of the
same name become an array. https://www.newtonsoft.com/json/help/html/ConvertingJSONandXML.htm
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

from adfkit.expressions.values import Value, float_text, json_text
from adfkit.expressions.xml_documents.tree import QUOTE, Node, NodeKind, XmlError, write_element


def to_json(document: Node) -> Value:
    """The JSON form of a document. Comments have none."""
    result: dict[str, Value] = {}
    if document.value:
        pairs = (part.partition("=") for part in document.value.split(" "))
        result["?xml"] = {f"@{name}": text.strip('"') for name, _, text in pairs}
    for child in document.children:
        if child.kind is NodeKind.ELEMENT:
            result[child.name] = _element_to_json(child)
    return result


def _element_to_json(element: Node) -> Value:
    members: dict[str, Value] = {f"@{attribute.name}": attribute.value for attribute in element.attributes}
    for name, group in _groups(element).items():
        converted = [_element_to_json(child) if child.kind is NodeKind.ELEMENT else child.value for child in group]
        members[name] = converted[0] if len(converted) == 1 else converted
    if not members:
        return None
    return members["#text"] if list(members) == ["#text"] else members


_JSON_NAMES = {NodeKind.TEXT: "#text", NodeKind.CDATA: "#cdata-section"}


def _groups(element: Node) -> dict[str, list[Node]]:
    groups: dict[str, list[Node]] = {}
    for child in element.children:
        if child.kind is NodeKind.COMMENT:
            continue
        name = f"?{child.name}" if child.kind is NodeKind.INSTRUCTION else _JSON_NAMES.get(child.kind, child.name)
        groups.setdefault(name, []).append(child)
    return groups


def from_json(value: Mapping[str, Value]) -> str:
    """The document that an object stands for, as text; an empty object makes an empty text. Raises XmlError."""
    written = ""
    roots = 0
    for name, member in value.items():
        if name == "?xml" and isinstance(member, Mapping) and not roots:
            written += f"<?xml{_attributes(member)}?>"
            continue
        roots += len(member) if isinstance(member, list) else 1
        if roots > 1:
            raise XmlError(
                "JSON root object has multiple properties. The root object must have a single property in order to "
                f"create a valid XML document. Consider specifying a DeserializeRootElementName. Path '{name}'."
            )
        written += _member_to_xml(name, member)
    return written


def _member_to_xml(name: str, member: Value) -> str:
    if isinstance(member, list):
        return "".join(_member_to_xml(name, element) for element in member)
    if name == "#text":
        return escape(_scalar(member))
    if name == "#cdata-section":
        return f"<![CDATA[{_scalar(member)}]]>"
    if not isinstance(member, Mapping):
        return write_element(_encoded(name), "", escape(_scalar(member)), member is not None)
    inner = "".join(_member_to_xml(key, element) for key, element in member.items() if not key.startswith("@"))
    return write_element(_encoded(name), _attributes(member), inner, closed=False)


_NOT_IN_NAMES = re.compile(r"^[^A-Za-z_:\u00c0-\U000effff]|[^\w:.\u00b7-]")


def _encoded(name: str) -> str:
    """A name with what XML doesn't take in names as `_x0020_`."""
    return _NOT_IN_NAMES.sub(lambda match: f"_x{ord(match[0]):04X}_", name)


def _attributes(members: Mapping[str, Value]) -> str:
    return "".join(
        f' {_encoded(key[1:])}="{escape(_scalar(text), QUOTE)}"' for key, text in members.items() if key.startswith("@")
    )


def _scalar(value: Value) -> str:
    if isinstance(value, float):
        return float_text(value)
    return "" if value is None else value if isinstance(value, str) else json_text(value)
