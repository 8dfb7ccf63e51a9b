"""The functions of the language, by category: one module each, declared in a registry.

=========== ====================================================================================================
Math        `add` `sub` `mul` `div` `mod` `max` `min` `rand` `range`
Collection  `contains` `empty` `length` `first` `last` `skip` `take` `join` `union` `intersection`
Conversion  `int` `float` `bool` `string` `array` `createArray` `coalesce` `json` `base64` `base64ToString`
            `decodeBase64` `base64ToBinary` `binary` `dataUri` `dataUriToBinary` `dataUriToString`
            `decodeDataUri` `uriComponent` `encodeUriComponent` `decodeUriComponent` `uriComponentToString`
            `uriComponentToBinary` `xml` `xpath`
Date        `utcNow` `formatDateTime` `addSeconds` `addMinutes` `addHours` `addDays` `addToTime`
            `subtractFromTime` `getFutureTime` `getPastTime` `ticks` `dayOfMonth` `dayOfWeek` `dayOfYear`
            `startOfHour` `startOfDay` `startOfMonth` `convertFromUtc` `convertToUtc` `convertTimeZone`
Logical     `and` `or` `not` `if` `equals` `greater` `greaterOrEquals` `less` `lessOrEquals`
Scope       `pipeline` `item` `variables` `activity` `trigger` `triggerOutputs` `triggerBody` `dataset`
            `linkedService`
String      `concat` `startsWith` `endsWith` `indexOf` `lastIndexOf` `nthIndexOf` `replace` `split` `substring`
            `toLower` `toUpper` `trim` `guid`
=========== ====================================================================================================
"""

from __future__ import annotations

from adfkit.expressions.functions import (
    arithmetic,
    collection,
    conversion,
    dates,
    encoding,
    logical,
    scopes,
    strings,
    xml,
)
from adfkit.expressions.functions.signatures import REGISTRY, Function

MODULES = (strings, collection, logical, conversion, encoding, xml, arithmetic, dates, scopes)


def find(name: str) -> Function | None:
    """The function of that name in any case; None if the language has none."""
    return REGISTRY.find(name)


def all_functions() -> tuple[Function, ...]:
    """Every function of the language."""
    return REGISTRY.all()
