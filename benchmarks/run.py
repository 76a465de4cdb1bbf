"""Run the benchmarks and write the table of ratios, as ``make bench`` does.

Each workload is computed by ibcore, by a plain loop and by every peer that is installed (the extra
``bench``); results must agree before anything is timed.  The variants alternate in one process on
one thread.  A ratio is the CPU time of a peer divided by ours, the median over rounds.
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module, metadata
from pathlib import Path

import pandas as pd
import torch

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # as a script only the folder of this file is there
    sys.path.insert(0, str(ROOT))

from benchmarks.compare import Size, Workload, table  # noqa: E402 -- after the path
from ibcore.runs.provenance import machine, now  # noqa: E402

FAMILIES = ("meta", "sampling", "training", "similarity", "complexity")
PEERS = ("higher", "torchopt", "torch-cka", "antropy", "numba", "scipy")
RESULTS = ROOT / "book" / "results" / "benchmarks"


def workloads(families: Sequence[str], size: Size) -> list[Workload]:
    """Return the workloads of some families."""
    found: list[Workload] = []
    for family in families:
        found += import_module(f"benchmarks.{family}").workloads(size)
    return found


def facts(rounds: int) -> dict[str, object]:
    """Return what a reader needs to know to repeat the numbers."""
    versions = {}
    for name in PEERS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    here = machine(torch.device("cpu"))
    return {
        "date": now(),
        "processor": here.processor,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": 1,
        "rounds": rounds,
        "versions": dict(here.versions) | versions,
    }


def markdown(frame: pd.DataFrame, known: Mapping[str, object]) -> str:
    """Return the table with a line on where it was measured."""
    lines = [
        "# Benchmarks",
        "",
        "CPU time of another variant divided by that of ibcore for the same result: above 1,",
        f"ibcore is faster. Median of {known['rounds']} rounds, and the range; one thread; "
        f"{known['processor']}, torch {torch.__version__}, {str(known['date'])[:10]}.",
        "",
        "| computation | variant | ratio | range | largest difference | aim |",
        "|---|---|---|---|---|---|",
    ]
    notes = []
    for row in frame.to_dict("records"):
        aim = "" if math.isnan(row["target"]) else f"{row['target']:g}"
        missed = " (missed)" if aim and row["ratio"] < row["target"] else ""
        lines.append(
            f"| {row['family']}: {row['workload']} | {row['peer']} | {row['ratio']:.2f} "
            f"| {row['low']:.2f} to {row['high']:.2f} | {row['error']:.0e} | {aim}{missed} |"
        )
        if row["note"]:
            notes.append(f"- {row['family']}: {row['workload']}: {row['note']}.")
    return "\n".join([*lines, "", *dict.fromkeys(notes)]).rstrip() + "\n"


def write(frame: pd.DataFrame, folder: Path, known: Mapping[str, object]) -> tuple[Path, Path]:
    """Write ``ratios.md`` and ``ratios.parquet``, which carries the facts in its metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    page, data = folder / "ratios.md", folder / "ratios.parquet"
    stored = pa.Table.from_pandas(frame, preserve_index=False)
    stored = stored.replace_schema_metadata(
        {**(stored.schema.metadata or {}), b"ibcore.benchmarks": json.dumps(known).encode()}
    )
    pq.write_table(stored, data)
    page.write_text(markdown(frame, known), encoding="utf-8")
    return page, data


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure, write and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("family", nargs="*", help=f"of {', '.join(FAMILIES)}; all by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", choices=("tiny", "full"), default="full")
    parser.add_argument("--store", type=Path, default=RESULTS, help="folder of the table")
    chosen = parser.parse_args(arguments)
    if unknown := sorted(set(chosen.family) - set(FAMILIES)):
        parser.error(f"unknown family {', '.join(unknown)}; choose of {', '.join(FAMILIES)}")
    frames = []
    for family in chosen.family or FAMILIES:
        print(f"{family} ...", file=sys.stderr, flush=True)
        frames.append(table(workloads([family], chosen.size), rounds=chosen.rounds))
    known = facts(chosen.rounds)
    page, data = write(pd.concat(frames, ignore_index=True), chosen.store, known)
    print(page.read_text("utf-8"))
    print(f"written: {page}, {data}", file=sys.stderr)


if __name__ == "__main__":
    main()
