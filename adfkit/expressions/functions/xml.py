"""`xml()` and `xpath()`."""

from __future__ import annotations

from adfkit.expressions.errors import EvaluationError
from adfkit.expressions.functions.signatures import REGISTRY, Invocation, Parameter
from adfkit.expressions.values import XML_TYPE, Value, content, content_bytes, is_xml, type_name
from adfkit.expressions.xml_documents import tree, xpath
from adfkit.expressions.xml_documents.json_form import from_json
from adfkit.expressions.xml_documents.tree import Node, NodeKind, XmlError
from adfkit.expressions.xml_documents.xpath_parser import XPathError

conversion = REGISTRY.category("conversion")


@conversion(
    "xml",
    1,
    "one parameter: the string or object to be converted",
    Parameter(frozenset({"String", "Object"}), "its parameter to be a string or an object"),
)
def xml(call: Invocation, value: Value) -> Value:
    data = content_bytes(value)
    if data is not None:
        return content(data, XML_TYPE)
    try:
        if isinstance(value, str):
            return tree.value(tree.parse(value))
        return content(from_json(value).encode("utf-8", "replace"), XML_TYPE)
    except XmlError as error:
        raise call.error(f"parameter is not valid. The provided value cannot be converted to XML: '{error}'.") from None


@conversion("xpath", 2, "two parameters: an XML object and an XPath expression")
def xpath_(call: Invocation, document: Value, path: Value) -> Value:
    """Elements come as XML, text as strings, attributes as `name="value"`."""
    if not is_xml(document):
        raise call.error(
            f"expects its first parameter to be an XML object. The provided value is of type '{type_name(document)}'."
        )
    if not isinstance(path, str):
        raise call.error(
            f"expects its second parameter to be a string. The provided value is of type '{type_name(path)}'."
        )
    try:
        result = xpath.select(tree.parse(content_bytes(document) or b""), path)
    except XmlError:
        raise call.error("failed to parse the provided XML.") from None
    except XPathError:
        raise call.error(
            "parameters are invalid: the 'xpath' parameter must be a supported, well formed XPath expression."
        ) from None
    return [_from_node(node) for node in result] if isinstance(result, list) else result


def _from_node(node: Node) -> Value:
    if node.kind is NodeKind.COMMENT:
        raise EvaluationError("The node type 'Comment' is not a supported XPath node type.")
    if node.kind in (NodeKind.DOCUMENT, NodeKind.ELEMENT):
        return content(tree.write_indented(node).encode(), XML_TYPE)
    return node.value if node.kind in (NodeKind.TEXT, NodeKind.CDATA) else tree.write(node)
