"""Flights with the weather at their origin, and features for predicting an arrival delay over 15 minutes.

README.md defines each column. Engines differ in rounding, week days and formats, so only integer arithmetic on values
that are not negative, comparisons, joins and counts are used.
"""

from __future__ import annotations

import narwhals.stable.v2 as nw

DAY_MINUTES = 24 * 60
LATE_MINUTES = 15
FASTEST_WIND = 200  # miles an hour; what is above is a faulty reading
WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
HOUR_AT_ORIGIN = ["origin", "time_hour"]


def transform(flights: nw.LazyFrame, weather: nw.LazyFrame) -> nw.LazyFrame:
    """One row a flight; `weather` has at most one row an origin and hour."""
    departures = flights.group_by(HOUR_AT_ORIGIN).agg(nw.col("flight").len().alias("origin_departures"))
    readings = weather.select(*HOUR_AT_ORIGIN, *WEATHER, nw.lit(True).alias("weather_read"))
    joined = flights.join(departures, on=HOUR_AT_ORIGIN, how="left").join(readings, on=HOUR_AT_ORIGIN, how="left")
    return joined.with_columns(
        day_of_week(nw.col("year"), nw.col("month"), nw.col("day")).alias("day_of_week"),
        (nw.col("hour") * 60 + nw.col("minute")).alias("sched_dep_minutes"),
        minutes(nw.col("sched_arr_time")).alias("sched_arr_minutes"),
        minutes(nw.col("dep_time")).alias("dep_minutes"),
        minutes(nw.col("arr_time")).alias("arr_minutes"),
        (~nw.col("weather_read").is_null()).alias("weather_known"),
        plausible_wind(nw.col("wind_speed")).alias("wind_speed"),
        plausible_wind(nw.col("wind_gust")).alias("wind_gust"),
        nw.col("dep_time").is_null().alias("cancelled"),
        (~nw.col("dep_time").is_null() & nw.col("arr_delay").is_null()).alias("diverted"),
        (nw.col("arr_delay") > LATE_MINUTES).alias("late"),
    ).with_columns(
        ((nw.col("sched_arr_minutes") - nw.col("sched_dep_minutes") + DAY_MINUTES) % DAY_MINUTES).alias(
            "sched_clock_minutes"
        )
    )


def minutes(clock: nw.Expr) -> nw.Expr:
    """Minutes since midnight of a time of the form `hhmm`; 2400 is midnight."""
    return (clock // 100 * 60 + clock % 100) % DAY_MINUTES


def plausible_wind(speed: nw.Expr) -> nw.Expr:
    """The speed, or null where no wind blows so fast."""
    return nw.when(speed <= FASTEST_WIND).then(speed)


def day_of_week(year: nw.Expr, month: nw.Expr, day: nw.Expr) -> nw.Expr:
    """ISO day of the week, Monday 1 to Sunday 7, by Zeller's congruence: engines number their own week days unlike."""
    early = (month <= 2).cast(nw.Int64)  # January and February count as months 13 and 14 of the year before
    months, years = month + 12 * early, year - early
    saturday_is_zero = (day + 13 * (months + 1) // 5 + years + years // 4 - years // 100 + years // 400) % 7
    return (saturday_is_zero + 5) % 7 + 1
