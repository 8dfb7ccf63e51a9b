"""XML as a value: reading it, writing it as .NET does, and its JSON form as Newtonsoft converts it.

In JSON an attribute is `@name`, text beside others `#text`, CDATA `#cdata-section`, the declaration `?xml`; elements of the
same name become an array. https://www.newtonsoft.com/json/help/html/ConvertingJSONandXML.htm
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.dom import minidom
from xml.dom.minidom import Document, Element, Node
from xml.parsers.expat import ExpatError
from xml.sax.saxutils import escape

from adfkit.expressions.values import XML_TYPE, Value, content, json_text, to_text


class XmlError(ValueError):
    """A text or object that makes no XML document."""


def parse(data: bytes | str) -> Document:
    """The document, without white space between elements; raises XmlError. Entities aren't expanded."""
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise XmlError("For security reasons DTD is prohibited in this XML document.")
    if not text.strip():
        raise XmlError("Root element is missing.")
    try:
        document = minidom.parseString(text.removeprefix("\ufeff").encode())  # noqa: S318 - DTDs are refused above
    except ExpatError as error:
        raise XmlError(f"{str(error).capitalize()}.") from None
    _drop_space(document)
    return document


def _drop_space(node: Node) -> None:
    for child in list(node.childNodes):
        if child.nodeType == Node.TEXT_NODE and not child.data.strip() and len(node.childNodes) > 1:
            node.removeChild(child)
        else:
            _drop_space(child)


def value(node: Node) -> dict[str, str]:
    """A node as an expression's value."""
    return content(write(node).encode(), XML_TYPE)


def write(node: Node) -> str:
    """The text of a node and all below it, as .NET writes it: no line breaks, `<a />` where there is no content."""
    match node.nodeType:
        case Node.DOCUMENT_NODE:
            return _declaration(node) + "".join(map(write, node.childNodes))
        case Node.ELEMENT_NODE:
            attributes = "".join(f' {name}="{escape(text, _QUOTE)}"' for name, text in node.attributes.items())
            inner = "".join(map(write, node.childNodes))
            return (
                f"<{node.tagName}{attributes}>{inner}</{node.tagName}>" if inner else f"<{node.tagName}{attributes} />"
            )
        case Node.ATTRIBUTE_NODE:
            return f'{node.name}="{escape(node.value, _QUOTE)}"'
        case Node.CDATA_SECTION_NODE:
            return f"<![CDATA[{node.data}]]>"
        case Node.COMMENT_NODE:
            return f"<!--{node.data}-->"
        case Node.PROCESSING_INSTRUCTION_NODE:
            return f"<?{node.target} {node.data}?>"
    return escape(node.data)


_QUOTE = {'"': "&quot;"}


def _declaration(document: Document) -> str:
    if not document.version:
        return ""
    encoding = f' encoding="{document.encoding}"' if document.encoding else ""
    return f'<?xml version="{document.version}"{encoding}?>'


def xml_to_json(data: bytes) -> Value:
    """The JSON form of a document."""
    document = parse(data)
    result: dict[str, Value] = {}
    if document.version:
        result["?xml"] = {"@version": document.version}
        if document.encoding:
            result["?xml"]["@encoding"] = document.encoding
    root = document.documentElement
    result[root.tagName] = _element_to_json(root)
    return result


def _element_to_json(element: Element) -> Value:
    members: dict[str, Value] = {f"@{name}": text for name, text in element.attributes.items()}
    for child in element.childNodes:
        name, converted = _child_to_json(child)
        if name not in members:
            members[name] = converted
        elif isinstance(members[name], list):
            members[name].append(converted)
        else:
            members[name] = [members[name], converted]
    if not members:
        return None
    return members["#text"] if list(members) == ["#text"] else members


def _child_to_json(child: Node) -> tuple[str, Value]:
    match child.nodeType:
        case Node.ELEMENT_NODE:
            return child.tagName, _element_to_json(child)
        case Node.CDATA_SECTION_NODE:
            return "#cdata-section", child.data
        case Node.COMMENT_NODE:
            return "#comment", child.data
        case Node.PROCESSING_INSTRUCTION_NODE:
            return f"?{child.target}", child.data
    return "#text", child.data


def json_to_xml(value: Mapping[str, Value]) -> str:
    """The document that an object stands for, as text; an empty object makes an empty text. Raises XmlError."""
    written = ""
    roots = 0
    for name, member in value.items():
        if name == "?xml" and isinstance(member, Mapping):
            attributes = "".join(f' {key[1:]}="{to_text(text)}"' for key, text in member.items())
            written += f"<?xml{attributes}?>"
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
        inner = escape(_scalar(member))
        return f"<{name}>{inner}</{name}>" if inner else f"<{name} />"
    attributes = "".join(
        f' {key[1:]}="{escape(_scalar(text), _QUOTE)}"' for key, text in member.items() if key.startswith("@")
    )
    inner = "".join(_member_to_xml(key, element) for key, element in member.items() if not key.startswith("@"))
    return f"<{name}{attributes}>{inner}</{name}>" if inner else f"<{name}{attributes} />"


def _scalar(value: Value) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json_text(value)
