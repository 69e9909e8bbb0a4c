"""Results as tables: the columns of `classify --format csv`, in pandas or in Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .records import FileResult

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# The type of each column: text, a real number, a whole number, true or false, a time of the day in UTC.
_COLUMNS = {
    "summary": {"file": "text", "seconds": "real", "rank": "whole", "label": "text", "p": "real"},
    "windows": {"file": "text", "t0": "real", "t1": "real", "rank": "whole", "label": "text", "p": "real"},
    "events": {
        "file": "text",
        "id": "text",
        "label": "text",
        "t0": "real",
        "t1": "real",
        "p_max": "real",
    },
    "frames": {
        "file": "text",
        "frame": "whole",
        "sample": "whole",
        "t": "real",
        "warm": "flag",
        "rank": "whole",
        "label": "text",
        "p": "real",
        "dbfs": "real",
    },
}
_PANDAS = {"text": "string", "real": "float64", "whole": "Int64", "flag": "boolean", "time": "datetime64[ns, UTC]"}


class Table:
    """The form of a table for one kind of records."""

    def __init__(self, emit: str, windowed: bool, has_time: bool = False) -> None:
        kind = "windows" if windowed else "frames" if emit == "changes" else emit
        self.columns = dict(_COLUMNS[kind])
        if has_time:
            self.columns["time"] = "time"
        self.columns["error"] = "text"

    def rows(self, result: FileResult) -> list[dict[str, Any]]:
        """The rows of a recording, each with every column."""
        rows = [row for record in result.records for row in _rows(record)]
        if result.error is not None:
            rows.append({"error": result.error})
        if result.cut is not None:
            rows.append({"error": f"cut: {result.cut}"})
        return [{column: {"file": result.file, **row}.get(column) for column in self.columns} for row in rows]

    def frame(self, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
        import pandas as pd

        columns = {}
        for column, kind in self.columns.items():
            values = [row[column] for row in rows]
            if kind == "time":
                columns[column] = pd.Series(pd.to_datetime(pd.Series(values, dtype="float64"), unit="s", utc=True))
                columns[column] = columns[column].dt.round("ms").astype(_PANDAS[kind])
            else:
                columns[column] = pd.Series(values, dtype=_PANDAS[kind])
        return pd.DataFrame(columns)

    def schema(self) -> pa.Schema:
        import pyarrow as pa

        types = {
            "text": pa.string(),
            "real": pa.float64(),
            "whole": pa.int64(),
            "flag": pa.bool_(),
            "time": pa.timestamp("ms", "UTC"),
        }
        return pa.schema([(column, types[kind]) for column, kind in self.columns.items()])

    def arrow(self, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        import pyarrow as pa

        def value(column: str, row: Mapping[str, Any]) -> Any:
            found = row[column]
            return round(found * 1000) if self.columns[column] == "time" and found is not None else found

        schema = self.schema()
        arrays = [
            pa.array([value(field.name, row) for row in rows], pa.int64()).cast(field.type)
            if self.columns[field.name] == "time"
            else pa.array([value(field.name, row) for row in rows], field.type)
            for field in schema
        ]
        return pa.table(arrays, schema=schema)


def _rows(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of a record. Starts of events, and of streams, have none."""
    kind = record["type"]
    if kind == "event" and record["phase"] == "end":
        yield dict(record)
    elif kind in ("summary", "window"):
        # A recording or a window without a prediction has a row, too.
        for rank, score in enumerate(record["top"], start=1):
            yield {**record, **score, "rank": rank}
        if not record["top"]:
            yield dict(record)
    elif kind == "frame":
        for rank, score in enumerate(record["top"], start=1):
            yield {**record, **score, "rank": rank}
