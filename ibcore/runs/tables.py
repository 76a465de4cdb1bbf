"""Frames as Arrow tables, at a fraction of a millisecond for a frame like the one before."""

import functools
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def to_table(frame: "pd.DataFrame") -> "pa.Table":
    """Return a tidy frame as an Arrow table that pandas reads back with the same types.

    Raises
    ------
    ValueError
        If the index carries information, which a tidy frame keeps in columns.

    Examples
    --------
    >>> import pandas as pd
    >>> to_table(pd.DataFrame({"seed": [0, 1]})).column_names
    ['seed']
    """
    import pyarrow as pa

    if frame.index.nlevels > 1 or frame.index.name is not None:
        raise ValueError(
            f"the frame has the index {list(frame.index.names)}; call reset_index() first, "
            "a tidy frame keeps everything in columns"
        )
    names, kinds = tuple(frame.columns), tuple(frame.dtypes)
    schema = _schema(names, kinds)
    if schema is None:  # what an object column holds is seen only by looking at all of it
        bare = frame.copy(deep=False)
        bare.attrs = {}
        return pa.Table.from_pandas(bare, preserve_index=False)
    columns = (column.values for _, column in frame.items())
    arrays = [
        pa.array(column, field.type, from_pandas=True)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def seeds_of(table: "pa.Table") -> tuple[int, ...]:
    """Return the different values of the column ``seed``, sorted; empty without that column.

    Examples
    --------
    >>> import pandas as pd
    >>> seeds_of(to_table(pd.DataFrame({"seed": [3, 1, 3]})))
    (1, 3)
    """
    if "seed" not in table.column_names:
        return ()
    values = table.column("seed").unique().to_pylist()
    return tuple(
        sorted({int(value) for value in values if value is not None and not math.isnan(value)})
    )


@functools.lru_cache(maxsize=64)
def _schema(names: tuple[str, ...], kinds: tuple[object, ...]) -> "pa.Schema | None":
    """Return the schema of frames with these columns; None where the types do not fix it."""
    import pandas as pd
    import pyarrow as pa

    if any(str(kind) not in ("int64", "float64", "bool", "str") for kind in kinds):
        return None
    empty = pd.DataFrame(
        {name: pd.Series([], dtype=str(kind)) for name, kind in zip(names, kinds, strict=True)}
    )
    return pa.Table.from_pandas(empty, preserve_index=False).schema
