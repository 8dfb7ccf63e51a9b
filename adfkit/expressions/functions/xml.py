"""`xml()` and `xpath()`."""

from __future__ import annotations

from adfkit.expressions import xml_values
from adfkit.expressions.functions.signatures import REGISTRY, Invocation, Parameter
from adfkit.expressions.values import Value, content_bytes

conversion = REGISTRY.category("conversion")


@conversion(
    "xml",
    1,
    "one parameter: the string or object to be converted",
    Parameter(frozenset({"String", "Object"}), "its parameter to be a string or an object"),
)
def xml(call: Invocation, value: Value) -> Value:
    data = content_bytes(value)
    try:
        if data is None and not isinstance(value, str):
            text = xml_values.json_to_xml(value)
            return xml_values.content(text.encode(), xml_values.XML_TYPE)
        return xml_values.value(xml_values.parse(value if data is None else data))
    except xml_values.XmlError as error:
        raise call.error(f"parameter is not valid. The provided value cannot be converted to XML: '{error}'.") from None
