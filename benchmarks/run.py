"""Run the benchmarks and write the table of ratios, as ``make bench`` does.

Each workload is computed by ibcore, by a plain loop and by every peer that is installed (the extra
``bench``); results must agree before anything is timed.  The variants alternate in one process on
one thread.  A ratio is the CPU time of a peer divided by ours, the median over rounds.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import pandas as pd
import torch

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # as a script only the folder of this file is there
    sys.path.insert(0, str(ROOT))

from benchmarks.compare import Size, Workload, table  # noqa: E402 -- after the path
from benchmarks.sampling import evaluation_share  # noqa: E402
from benchmarks.shares import calibrate  # noqa: E402
from ibcore.runs.store import (  # noqa: E402
    machine,
    now,
    write_atomically,
)

FAMILIES = ("meta", "sampling", "training", "similarity", "complexity")
PEERS: tuple[str, ...] = (
    "higher",
    "torchopt",
    "jax",
    "optax",
    "torch-cka",
    "pytorch-cka",
    "ckatorch",
)
PEERS += ("antropy", "numba", "scipy")
RESULTS = ROOT / "book" / "results" / "benchmarks"


def workloads(families: Sequence[str], size: Size) -> list[Workload]:
    """Return the workloads of some families."""
    found: list[Workload] = []
    for family in families:
        found += import_module(f"benchmarks.{family}").workloads(size)
    return found


def facts(rounds: int, seconds: float) -> dict[str, object]:
    """Return what a reader needs to know to repeat the numbers."""
    versions = {}
    for name in PEERS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    here, does = machine(torch.device("cpu")), calibrate()
    return {
        "date": now(),
        "processor": here.processor,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": 1,
        "rounds": rounds,
        "seconds": seconds,
        "calibration": does,
        "share": evaluation_share(does["gigaflops"]),
        "load": os.getloadavg()[0],
        "versions": dict(here.versions) | versions,
    }


def markdown(frame: pd.DataFrame, known: Mapping[str, Any]) -> str:
    """Return the table, with a profile and a cause wherever ibcore is not ahead as it should be."""
    lines = [
        f"# Benchmarks with {known['instructions']}",
        "",
        "CPU time of another variant divided by that of ibcore for the same result: above 1,",
        f"ibcore is faster. Median of {known['rounds']} rounds, and the range; one thread; "
        f"{known['processor']}, torch {torch.__version__}, {str(known['date'])[:10]}; "
        f"{known['seconds'] / 60:.0f} minutes in all.",
        "",
        _processor(known),
        "",
        "| computation | variant | ratio | range | largest difference | aim | why |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = frame.to_dict("records")
    behind = sorted((row for row in rows if row["reason"]), key=_place(rows))
    numbers = {(row["family"], row["workload"], row["peer"]): n for n, row in enumerate(behind, 1)}
    lines += [_line(row, numbers) for row in rows]
    notes = [f"- {row['family']}: {row['workload']}: {row['note']}." for row in rows if row["note"]]
    whys = ["", "## Where an aim is missed or another variant is ahead", "", _HOW] if behind else []
    for number, row in enumerate(behind, 1):
        if number == 1 or row["reason"] != behind[number - 2]["reason"]:
            whys += ["", f"{row['family'].capitalize()}: {row['reason']}.", ""]
        said = row["profile"] or "no profile was taken"
        whys.append(f"{number}. {row['workload']}, {row['peer']}: {said}.")
    return "\n".join([*lines, "", *dict.fromkeys(notes), *whys]).rstrip() + "\n"


_HOW = (
    "The numbers are those of the last column, rows with the same cause together. Shares of time "
    "are those of one run under the profiler of torch, which does not see what runs outside torch."
)


def _place(rows: Sequence[Mapping[Any, Any]]) -> Callable[[Mapping[Any, Any]], int]:
    """Return the place of a row's cause in the order in which causes appear."""
    causes = list(dict.fromkeys(row["reason"] for row in rows))
    return lambda row: causes.index(row["reason"])


def _line(row: Mapping[Any, Any], numbers: Mapping[tuple[str, str, str], int]) -> str:
    """Return a line of the table."""
    aim = "" if math.isnan(row["target"]) else f"{row['target']:.2g}"
    missed = " (missed)" if aim and row["ratio"] < row["target"] else ""
    why = numbers.get((row["family"], row["workload"], row["peer"]), "")
    return (
        f"| {row['family']}: {row['workload']} | {row['peer']} | {row['ratio']:.2f} "
        f"| {row['low']:.2f} to {row['high']:.2f} | {row['error']:.0e} | {aim}{missed} | {why} |"
    )


def _processor(known: Mapping[str, Any]) -> str:
    """Say what the processor does by itself, and which peers are absent."""
    does, load = known["calibration"], known["load"]
    each = ", ".join(f"{name} {does[f'{name}_ns']:.2g}" for name in ("relu", "tanh", "gelu"))
    absent = ", ".join(n for n in PEERS if known["versions"][n] == "absent") or "none"
    return (
        f"Measured in the same process: a matrix product {does['gigaflops']:.0f} GFLOP/s, an "
        f"activation of one number {each} ns; random networks of ReLU are evaluated at "
        f"{known['share']:.0%} of the rate of the product, activations included; other programs "
        f"ran meanwhile if this is above 1: load {load:.1f}. Peers that are absent: {absent}."
    )


def store(frame: pd.DataFrame, path: Path, known: Mapping[str, Any]) -> None:
    """Write a table with facts in its metadata, atomically."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    stored = pa.Table.from_pandas(frame, preserve_index=False)
    stored = stored.replace_schema_metadata(
        {**(stored.schema.metadata or {}), b"ibcore.benchmarks": json.dumps(known).encode()}
    )
    partial = path.with_name(f"{path.name}.new")
    pq.write_table(stored, partial)
    partial.replace(path)


def write(frame: pd.DataFrame, folder: Path, known: Mapping[str, Any]) -> tuple[Path, Path]:
    """Write the page and the data of this instruction set; facts are in the data's metadata."""
    name = f"ratios.{str(known['instructions']).lower()}"
    page, data = folder / f"{name}.md", folder / f"{name}.parquet"
    store(frame, data, known)
    write_atomically(page, markdown(frame, known).encode())
    return page, data


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure, write and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("family", nargs="*", help=f"of {', '.join(FAMILIES)}; all by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="tiny sizes: seconds, no meaning")
    parser.add_argument("--store", type=Path, default=RESULTS, help="folder of the table")
    chosen = parser.parse_args(arguments)
    if unknown := sorted(set(chosen.family) - set(FAMILIES)):
        parser.error(f"unknown family {', '.join(unknown)}; choose of {', '.join(FAMILIES)}")
    if chosen.smoke and chosen.store == RESULTS:
        parser.error("--smoke says nothing about speed; name another folder with --store")
    print(f"instructions: {torch.backends.cpu.get_cpu_capability()}", file=sys.stderr, flush=True)
    frames, start = [], time.monotonic()
    size: Size = "tiny" if chosen.smoke else "full"
    for family in chosen.family or FAMILIES:
        works = workloads([family], size)
        frames.append(table(works, rounds=chosen.rounds, profiled=not chosen.smoke))
        print(f"{family}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    known = facts(chosen.rounds, time.monotonic() - start)
    page, data = write(pd.concat(frames, ignore_index=True), chosen.store, known)
    print(page.read_text("utf-8"))
    print(f"written: {page}, {data}", file=sys.stderr)


if __name__ == "__main__":
    main()
