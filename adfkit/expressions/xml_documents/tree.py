"""XML documents: reading them, and writing them as .NET does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from xml.parsers import expat
from xml.sax.saxutils import escape

from adfkit.expressions.values import XML_TYPE, content


class XmlError(ValueError):
    """A text or object that makes no XML document."""


class NodeKind(Enum):
    DOCUMENT = "document"
    ELEMENT = "element"
    ATTRIBUTE = "attribute"
    TEXT = "text"
    CDATA = "cdata"
    COMMENT = "comment"
    INSTRUCTION = "instruction"


@dataclass(eq=False, slots=True)
class Node:
    """A node of a document. `name` is the qualified name, or the instruction's target; `order` counts through the text.

    A document's `value` is its XML declaration. `closed` tells an element written `<a></a>` from one written `<a />`.
    """

    kind: NodeKind
    name: str = ""
    value: str = ""
    parent: Node | None = None
    order: int = 0
    children: list[Node] = field(default_factory=list)
    attributes: list[Node] = field(default_factory=list)
    closed: bool = False

    @property
    def local_name(self) -> str:
        return self.name.rpartition(":")[2]

    @property
    def namespace(self) -> str:
        """The URI of the node's namespace; empty where it has none."""
        prefix = self.name.rpartition(":")[0]
        if self.kind is NodeKind.ATTRIBUTE and not prefix:
            return ""
        return self.resolve(prefix)

    def resolve(self, prefix: str) -> str:
        """The URI that a prefix stands for at this node."""
        declaration = f"xmlns:{prefix}" if prefix else "xmlns"
        for node in self.ancestors_and_self():
            for attribute in node.attributes:
                if attribute.name == declaration:
                    return attribute.value
        return "http://www.w3.org/XML/1998/namespace" if prefix == "xml" else ""

    def ancestors_and_self(self) -> Iterator[Node]:
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent

    def descendants(self) -> Iterator[Node]:
        """All nodes below this one in document order, without attributes."""
        for child in self.children:
            yield child
            yield from child.descendants()

    def text(self) -> str:
        """The string value that XPath gives a node."""
        if self.kind in (NodeKind.DOCUMENT, NodeKind.ELEMENT):
            return "".join(node.value for node in self.descendants() if node.kind in (NodeKind.TEXT, NodeKind.CDATA))
        return self.value


MAXIMUM_DEPTH = 200


class _Builder:
    def __init__(self) -> None:
        self._document = Node(NodeKind.DOCUMENT)
        self._current = self._document
        self._count = 0
        self._depth = 0
        self._in_cdata = False
        self._data = b""
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.ordered_attributes = True
        self.parser.XmlDeclHandler = self._declaration
        self.parser.StartDoctypeDeclHandler = self._refuse_document_type
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartCdataSectionHandler = self._start_cdata
        self.parser.EndCdataSectionHandler = self._end_cdata
        self.parser.CommentHandler = lambda text: self._add(NodeKind.COMMENT, value=text)
        self.parser.ProcessingInstructionHandler = lambda name, text: self._add(NodeKind.INSTRUCTION, name, text)

    def build(self, text: str) -> Node:
        self._data = text.encode("utf-8", "replace")
        self.parser.Parse(self._data, True)
        return self._document

    def _add(self, kind: NodeKind, name: str = "", value: str = "") -> Node:
        node = Node(kind, name, value, self._current, self._next_order())
        self._current.children.append(node)
        return node

    def _next_order(self) -> int:
        self._count += 1
        return self._count

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        parts = [f'version="{version}"']
        parts += [f'encoding="{encoding}"'] if encoding else []
        parts += [f'standalone="{"yes" if standalone else "no"}"'] if standalone >= 0 else []
        self._document.value = " ".join(parts)

    def _refuse_document_type(self, *_: object) -> None:
        raise XmlError("For security reasons DTD is prohibited in this XML document.")

    def _start(self, name: str, attributes: list[str]) -> None:
        self._depth += 1
        if self._depth > MAXIMUM_DEPTH:
            raise XmlError(f"The document is nested more than {MAXIMUM_DEPTH} levels deep.")
        element = self._add(NodeKind.ELEMENT, name)
        for key, value in zip(attributes[::2], attributes[1::2], strict=True):
            element.attributes.append(Node(NodeKind.ATTRIBUTE, key, value, element, self._next_order()))
        self._current = element

    def _end(self, _: str) -> None:
        self._depth -= 1
        # The parser stands behind `<a />`, but before `</a>`.
        empty = not self._current.children and self._data.endswith(b"/>", 0, self.parser.CurrentByteIndex)
        self._current.closed = not empty
        self._current = self._current.parent or self._document

    def _text(self, text: str) -> None:
        if self._in_cdata:
            self._current.children[-1].value += text
        elif text.strip():
            self._add(NodeKind.TEXT, value=text)

    def _start_cdata(self) -> None:
        self._in_cdata = True
        self._add(NodeKind.CDATA)

    def _end_cdata(self) -> None:
        self._in_cdata = False


def parse(data: bytes | str) -> Node:
    """The document, without text that is white space only. Raises XmlError; document types are refused."""
    text = (data if isinstance(data, str) else data.decode("utf-8", "replace")).removeprefix("\ufeff")
    if not text.strip():
        raise XmlError("Root element is missing.")
    content_start = len(text) - len(text.lstrip())
    if text[content_start] != "<":
        line = text.count("\n", 0, content_start) + 1
        column = content_start - text.rfind("\n", 0, content_start)
        raise XmlError(f"Data at the root level is invalid. Line {line}, position {column}.")
    try:
        return _Builder().build(text)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise XmlError(f"{reason.capitalize()}. Line {error.lineno}, position {error.offset + 1}.") from None


def value(node: Node) -> dict[str, str]:
    """A document or element as an expression's value."""
    return content(write(node).encode(), XML_TYPE)


QUOTE = {'"': "&quot;"}


def write(node: Node) -> str:
    """The text of a node, as .NET writes it: no line breaks, `<a />` where there is no content.

    An element cut out of its document declares the namespaces that it gets from above.
    """
    return _write(node, _inherited_declarations(node))


def write_indented(node: Node) -> str:
    """The text of a node with elements on lines of their own, two spaces a level, where they have no text beside."""
    return _indented(node, _inherited_declarations(node), 0)


def _indented(node: Node, declarations: str, level: int) -> str:
    texts = any(child.kind in (NodeKind.TEXT, NodeKind.CDATA) for child in node.children)
    if texts or not node.children:
        return _write(node, declarations)
    if node.kind is NodeKind.DOCUMENT:
        return "\n".join(_indented(child, "", level) for child in node.children)
    attributes = declarations + "".join(f" {_write(attribute)}" for attribute in node.attributes)
    lines = "".join(f"\n{'  ' * (level + 1)}{_indented(child, '', level + 1)}" for child in node.children)
    return f"<{node.name}{attributes}>{lines}\n{'  ' * level}</{node.name}>"


def _inherited_declarations(node: Node) -> str:
    declarations = ""
    if node.kind is NodeKind.ELEMENT and node.parent is not None and node.parent.kind is NodeKind.ELEMENT:
        for prefix in sorted(_prefixes(node)):
            own = {attribute.name for attribute in node.attributes}
            name = f"xmlns:{prefix}" if prefix else "xmlns"
            uri = node.resolve(prefix)
            if uri and name not in own and prefix != "xml":
                declarations += f' {name}="{escape(uri, QUOTE)}"'
    return declarations


def _prefixes(node: Node) -> set[str]:
    elements = [node, *(below for below in node.descendants() if below.kind is NodeKind.ELEMENT)]
    used = {element.name.rpartition(":")[0] for element in elements}
    attributes = (attribute.name.rpartition(":")[0] for element in elements for attribute in element.attributes)
    return used | {prefix for prefix in attributes if prefix not in ("", "xmlns")}


def _write(node: Node, declarations: str = "") -> str:
    match node.kind:
        case NodeKind.DOCUMENT:
            declaration = f"<?xml {node.value}?>" if node.value else ""
            return declaration + "".join(map(_write, node.children))
        case NodeKind.ELEMENT:
            attributes = declarations + "".join(f" {_write(attribute)}" for attribute in node.attributes)
            return write_element(node.name, attributes, "".join(map(_write, node.children)), node.closed)
        case NodeKind.ATTRIBUTE:
            return f'{node.name}="{escape(node.value, QUOTE)}"'
        case NodeKind.CDATA:
            return f"<![CDATA[{node.value}]]>"
        case NodeKind.COMMENT:
            return f"<!--{node.value}-->"
        case NodeKind.INSTRUCTION:
            return f"<?{node.name} {node.value}?>"
        case NodeKind.TEXT:
            return escape(node.value)


def write_element(name: str, attributes: str, inner: str, closed: bool) -> str:
    """An element from the text of its parts; one that isn't `closed` may be written `<a />`."""
    return f"<{name}{attributes}>{inner}</{name}>" if inner or closed else f"<{name}{attributes} />"
