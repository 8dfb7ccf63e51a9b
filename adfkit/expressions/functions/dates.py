"""Date functions. Times are texts; each function reads them, and writes its result as round trip (`o`) or as told."""

from __future__ import annotations

from adfkit.expressions import timestamp_formats, timestamps, timezones
from adfkit.expressions.errors import EvaluationError
from adfkit.expressions.functions.signatures import INTEGER, REGISTRY, STRING, Invocation, Parameter
from adfkit.expressions.timestamps import TICKS_PER_DAY, TICKS_PER_SECOND, Kind, Timestamp
from adfkit.expressions.values import Value

date = REGISTRY.category("date")

_ROUND_TRIP = timestamp_formats.ROUND_TRIP
_TICKS = {
    "second": TICKS_PER_SECOND,
    "minute": 60 * TICKS_PER_SECOND,
    "hour": 3600 * TICKS_PER_SECOND,
    "day": TICKS_PER_DAY,
    "week": 7 * TICKS_PER_DAY,
}
_MONTHS = {"month": 1, "year": 12}

_TIME = Parameter(STRING, "its first parameter to be a string that contains the time")
_TIMESTAMP = Parameter(STRING, "its parameter to be a string that represents a timestamp")
_FIRST_TIMESTAMP = Parameter(STRING, "its first parameter to be a string that represents a timestamp")


def _string(place: str, *, late: bool = False) -> Parameter:
    return Parameter(STRING, f"its {place} parameter to be of type string", late)


def _integer(place: str) -> Parameter:
    return Parameter(INTEGER, f"its {place} parameter to be an integer")


def _unit(place: str) -> Parameter:
    return Parameter(STRING, f"its {place} parameter to be a string that contains the time unit")


def _format(place: str) -> Parameter:
    return Parameter(STRING, f"its {place} parameter to be a string that contains a date time format")


def _read(call: Invocation, text: str) -> Timestamp:
    moment = timestamps.parse(text, call.scope.clock().date())
    if moment is None:
        raise EvaluationError(
            f"In function '{call.name}', the value provided for date time string '{text}' was not valid. The datetime "
            "string must match ISO 8601 format."
        )
    return moment


_SECOND_FORMAT, _THIRD_FORMAT = _string("second", late=True), _string("third", late=True)


def _write(call: Invocation, moment: Timestamp, form: str, parameter: Parameter | None = None) -> str:
    """The time in a format; `parameter` is the late one that the format came by."""
    if parameter:
        call.require(parameter, form)
    try:
        return timestamp_formats.write(moment, form)
    except timestamp_formats.FormatError:
        raise call.error(
            f"format parameter '{form}' is not supported. The format must be a valid single format specifier character "
            "(such as 'd' or 'g') or a valid custom format pattern (such as 'MMMM dd, yyyy' or 'hh:mm:ss.ff'). For "
            "details please review the Standard Date and Time Format Strings and the Custom Date and Time Format "
            "Strings of the .Net framework."
        ) from None


@date(
    "utcNow",
    (0, 1),
    "",
    Parameter(STRING, "its parameter to be of type string"),
    arity_message="The function '{name}' can be invoked with no parameters or with an optional format parameter. "
    "The function was invoked with '{count}' parameter(s).",
)
def utc_now(call: Invocation, form: str = _ROUND_TRIP) -> str:
    return _write(call, Timestamp.utc(call.scope.clock()), form)


@date(
    "formatDateTime",
    (1, 3),
    "a timestamp as the first parameter, an optional format string as the second parameter and an optional "
    "locale as the "
    "third parameter",
    _string("first"),
    _SECOND_FORMAT,
    _THIRD_FORMAT,
)
def format_date_time(call: Invocation, text: str, form: str = _ROUND_TRIP, locale: str = "en-US") -> str:
    moment = _read(call, text)
    call.require(_SECOND_FORMAT, form)
    call.require(_THIRD_FORMAT, locale)
    if locale.lower() not in ("", "en", "en-us"):
        raise call.error(f"can't write in the locale '{locale}' here: only 'en-US' is supported.")
    return _write(call, moment, form)


def _added(call: Invocation, text: str, count: int, unit: str, form: str) -> str:
    moment = _read(call, text)
    try:
        return _write(call, moment.plus(count * _TICKS[unit]), form, _THIRD_FORMAT)
    except OverflowError:
        raise call.error(
            f"second parameter '{count}' is not valid. The added or subtracted value results in an unrepresentable "
            "DateTime."
        ) from None


def _declare_adder(name: str, unit: str) -> None:
    @date(
        name,
        (2, 3),
        f"a timestamp as the first parameter, the number of {unit}s to add as the second parameter, and an optional "
        "format string as the third parameter",
        _TIME,
        _integer("second"),
        _THIRD_FORMAT,
    )
    def add(call: Invocation, text: str, count: int, form: str = _ROUND_TRIP) -> str:
        return _added(call, text, count, unit, form)


for _name, _unit_name in (("addSeconds", "second"), ("addMinutes", "minute"), ("addHours", "hour"), ("addDays", "day")):
    _declare_adder(_name, _unit_name)


def _shifted(call: Invocation, moment: Timestamp, interval: int, unit: str) -> Timestamp:
    folded = unit.lower()
    if folded not in _TICKS and folded not in _MONTHS:
        raise call.error(
            "expects its second parameter to be a string that represents a valid time unit. The provided value "
            f"'{unit}' is not a valid time unit."
        )
    try:
        if folded in _TICKS:
            return moment.plus(interval * _TICKS[folded])
        return moment.plus_months(interval * _MONTHS[folded])
    except OverflowError:
        raise call.error(
            f"could not create time value with time interval '{interval}' and time unit '{unit}'. It results in an out "
            "of time range value."
        ) from None


_SHIFT = (
    "a timestamp as the first parameter, an interval as the second parameter, a time unit as the third "
    "parameter, and an "
    "optional format string as the fourth parameter"
)


@date("addToTime", (3, 4), _SHIFT, _TIME, _integer("second"), _unit("third"), _format("fourth"))
def add_to_time(call: Invocation, text: str, interval: int, unit: str, form: str = _ROUND_TRIP) -> str:
    return _write(call, _shifted(call, _read(call, text), interval, unit), form)


@date("subtractFromTime", (3, 4), _SHIFT, _TIME, _integer("second"), _unit("third"), _format("fourth"))
def subtract_from_time(call: Invocation, text: str, interval: int, unit: str, form: str = _ROUND_TRIP) -> str:
    return _write(call, _shifted(call, _read(call, text), -interval, unit), form)


_FROM_NOW = (
    "an interval as the first parameter, a time unit as the second parameter, and an optional format string as "
    "the third "
    "parameter"
)


@date("getFutureTime", (2, 3), _FROM_NOW, _integer("first"), _unit("second"), _format("third"))
def get_future_time(call: Invocation, interval: int, unit: str, form: str = _ROUND_TRIP) -> str:
    return _write(call, _shifted(call, Timestamp.utc(call.scope.clock()), interval, unit), form)


@date("getPastTime", (2, 3), _FROM_NOW, _integer("first"), _unit("second"), _format("third"))
def get_past_time(call: Invocation, interval: int, unit: str, form: str = _ROUND_TRIP) -> str:
    return _write(call, _shifted(call, Timestamp.utc(call.scope.clock()), -interval, unit), form)


_ONE_TIMESTAMP = "a single parameter that is a timestamp"


@date("ticks", 1, _ONE_TIMESTAMP, _TIMESTAMP)
def ticks(call: Invocation, text: str) -> int:
    return _read(call, text).ticks


@date("dayOfMonth", 1, _ONE_TIMESTAMP, _TIMESTAMP)
def day_of_month(call: Invocation, text: str) -> int:
    return _read(call, text).moment.day


@date("dayOfWeek", 1, _ONE_TIMESTAMP, _TIMESTAMP)
def day_of_week(call: Invocation, text: str) -> int:
    """0 for Sunday to 6 for Saturday."""
    return _read(call, text).moment.isoweekday() % 7


@date("dayOfYear", 1, _ONE_TIMESTAMP, _TIMESTAMP)
def day_of_year(call: Invocation, text: str) -> int:
    return _read(call, text).moment.timetuple().tm_yday


def _start(call: Invocation, text: str, unit: str, form: str) -> str:
    moment = _read(call, text)
    start = moment.plus(-(moment.ticks % _TICKS["hour" if unit == "hour" else "day"]))
    if unit == "month":
        start = start.plus(-(start.moment.day - 1) * TICKS_PER_DAY)
    return _write(call, start, form, _SECOND_FORMAT)


_START = "a timestamp as the first parameter and an optional format string as the second parameter"


@date("startOfHour", (1, 2), _START, _FIRST_TIMESTAMP, _SECOND_FORMAT)
def start_of_hour(call: Invocation, text: str, form: str = _ROUND_TRIP) -> str:
    return _start(call, text, "hour", form)


@date("startOfDay", (1, 2), _START, _FIRST_TIMESTAMP, _SECOND_FORMAT)
def start_of_day(call: Invocation, text: str, form: str = _ROUND_TRIP) -> str:
    return _start(call, text, "day", form)


@date("startOfMonth", (1, 2), _START, _FIRST_TIMESTAMP, _SECOND_FORMAT)
def start_of_month(call: Invocation, text: str, form: str = _ROUND_TRIP) -> str:
    return _start(call, text, "month", form)


def _zone(call: Invocation, name: str) -> timezones.Zone:
    zone = timezones.find(name)
    if zone is None:
        raise EvaluationError(
            f"In the function '{call.name}', the value provided for the time zone id '{name}' was not valid. "
        )
    return zone


def _time_zone(place: str, which: str) -> Parameter:
    return Parameter(STRING, f"its {place} parameter to be a string that contains {which} time zone")


@date(
    "convertFromUtc",
    (2, 3),
    "a timestamp as the first parameter, a target time zone as the second parameter, and an optional format "
    "string as the "
    "third parameter",
    _TIME,
    _time_zone("second", "the target"),
    _format("third"),
)
def convert_from_utc(call: Invocation, text: str, target: str, form: str = _ROUND_TRIP) -> str:
    moment = _read(call, text)
    if moment.kind is not Kind.UTC:
        raise call.error(
            "expects its first parameter to be a string that contains a UTC date time. The value was "
            f"'{timestamp_formats.write(moment, _ROUND_TRIP)}'."
        )
    return _write(call, _zone(call, target).from_utc(moment), form)


def _to_utc(call: Invocation, moment: Timestamp, zone: timezones.Zone) -> Timestamp:
    converted = zone.to_utc(moment)
    if converted is None:
        raise call.error(
            f"was given a timestamp '{timestamp_formats.write(moment, _ROUND_TRIP)}' that was invalid or ambiguous in "
            f"the source time zone '{zone.name}'."
        )
    return converted


@date(
    "convertToUtc",
    (2, 3),
    "a timestamp as the first parameter, a source time zone as the second parameter, and an optional format "
    "string as the "
    "third parameter",
    _TIME,
    _time_zone("second", "the source"),
    _format("third"),
)
def convert_to_utc(call: Invocation, text: str, source: str, form: str = _ROUND_TRIP) -> str:
    zone = _zone(call, source)
    moment = _read(call, text)
    if moment.kind is not Kind.UNSPECIFIED and not zone.is_utc:
        raise call.error(
            "expects its second parameter to be a time zone matching the time zone indicated by the timestamp. The "
            f"provided value '{zone.name}' is not valid or does not match the timestamp "
            f"'{timestamp_formats.write(moment, _ROUND_TRIP)}'."
        )
    return _write(call, _to_utc(call, moment, zone), form)


@date(
    "convertTimeZone",
    (3, 4),
    "a timestamp as the first parameter, a source time zone as the second parameter, a target time zone as the third "
    "parameter, and an optional format string as the fourth parameter",
    _TIME,
    _time_zone("second", "a source"),
    _time_zone("third", "the target"),
    _format("fourth"),
)
def convert_time_zone(call: Invocation, text: str, source: str, target: str, form: str = _ROUND_TRIP) -> Value:
    moment = _read(call, text)
    source_zone, target_zone = _zone(call, source), _zone(call, target)
    if moment.kind is Kind.UNSPECIFIED:
        moment = _to_utc(call, moment, source_zone)
    return _write(call, target_zone.from_utc(moment), form)
