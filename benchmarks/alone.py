"""The transform `flights` alone, on local files, in this process: `python -m benchmarks.alone polars|pandas FOLDER`.

Reads the inputs below FOLDER, writes `FOLDER/result.parquet`, and prints seconds and peak memory as JSON. What imports
take is not counted. The pandas version is what one would write by hand for pandas; it needs pandas and pyarrow.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
HOUR_AT_ORIGIN = ["origin", "time_hour"]


def with_polars() -> Callable[[Path], int]:
    """As the hosts do it, with the transform itself."""
    import narwhals.stable.v2 as nw

    from transforms.hosts import declaration, polars_io, runner

    declared, transform = declaration.load("flights")

    def run(folder: Path) -> int:
        frames = {
            name: nw.from_native(polars_io.read_input(each, (folder / each.path).read_bytes()))
            for name, each in declared.inputs.items()
        }
        made = polars_io.collect(runner.run(declared, transform, frames).to_native())
        (folder / "result.parquet").write_bytes(polars_io.to_parquet(made))
        return made.height

    return run


def with_pandas() -> Callable[[Path], int]:
    """The same rows and columns in plain pandas."""
    import pandas

    def minutes(clock: Any) -> Any:
        return (clock // 100 * 60 + clock % 100) % 1440

    def run(folder: Path) -> int:
        flights = pandas.read_csv(folder / "flights.csv.zip", parse_dates=["time_hour"])
        weather = pandas.read_csv(folder / "weather.csv", parse_dates=["time_hour"])
        flights["origin_departures"] = flights.groupby(HOUR_AT_ORIGIN)["flight"].transform("size")
        weather = weather[[*HOUR_AT_ORIGIN, *WEATHER]].assign(weather_read=True)
        made = flights.merge(weather, on=HOUR_AT_ORIGIN, how="left")
        made["day_of_week"] = pandas.to_datetime(made[["year", "month", "day"]]).dt.dayofweek + 1
        made["sched_dep_minutes"] = made["hour"] * 60 + made["minute"]
        made["sched_arr_minutes"] = minutes(made["sched_arr_time"])
        made["dep_minutes"] = minutes(made["dep_time"])
        made["arr_minutes"] = minutes(made["arr_time"])
        made["weather_known"] = made.pop("weather_read").notna()
        for speed in ("wind_speed", "wind_gust"):
            made[speed] = made[speed].where(made[speed] <= 200)
        made["cancelled"] = made["dep_time"].isna()
        made["diverted"] = made["dep_time"].notna() & made["arr_delay"].isna()
        made["late"] = (made["arr_delay"] > 15).where(made["arr_delay"].notna())
        made["sched_clock_minutes"] = (made["sched_arr_minutes"] - made["sched_dep_minutes"] + 1440) % 1440
        made[list(WEATHER)] = made[list(WEATHER)].round(2)
        made = made.drop(columns=["dep_time", "sched_dep_time", "arr_time", "sched_arr_time", "hour", "minute"])
        made = made.sort_values(list(made.columns))
        made.to_parquet(folder / "result.parquet", compression="zstd", index=False)
        return len(made)

    return run


def main(engine: str, folder: str) -> None:
    """Run it once and print what it took."""
    run = {"polars": with_polars, "pandas": with_pandas}[engine]()
    began, cpu = time.monotonic(), time.process_time()
    rows = run(Path(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    seconds = time.monotonic() - began
    print(json.dumps({"rows": rows, "seconds": seconds, "cpu": time.process_time() - cpu, "peak": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:3])
