"""What figures of stored numbers must show, from the stored tables and without the figures."""

from typing import Any

import numpy as np
import pandas as pd

from ibcore.metainit import gap, gap_reduction
from ibcore.stats import paired_difference


def scores(frame: pd.DataFrame, view: str, method: str, budget: int) -> Any:
    """Return accuracies as `gap_reduction` takes them: support sizes, architectures, networks."""
    rows = frame[(frame["view"] == view) & (frame.method == method) & (frame.budget == budget)]
    table = rows.pivot_table(
        index=["support", "architecture"], columns="network", values="accuracy"
    )
    names = rows.architecture.drop_duplicates().tolist()
    sizes = sorted(rows.support.unique())
    return np.array([[table.loc[(n, name)].to_numpy() for name in names] for n in sizes])


def gaps(frame: pd.DataFrame, *, view: str, budget: int, support: Any) -> dict[str, float]:
    """Return the mean gaps and their reduction with its interval."""
    arms = [scores(frame, view, *arm) for arm in (("random", budget), ("meta", 1))]
    if support != "all":
        arms = [arm[[(5, 10, 15).index(support)]] for arm in arms]
    without, having = (float(np.mean([gap(row) for row in arm])) for arm in arms)
    found = gap_reduction(*arms).of_means
    ends = {"reduction": found.value, "low": found.low, "high": found.high}
    return {"without": without, "with_starts": having, **ends}


def accuracies(frame: pd.DataFrame, p: dict[str, Any]) -> dict[str, Any]:
    """Return mean accuracies of both starts by their steps, and the two bounds."""
    name, _, drawn = p["architecture"].partition(" on ")
    rows = frame[
        (frame["view"] == ("image" if drawn else "bits")) & (frame.support == p["support"])
    ]
    means = rows[rows.architecture == name].groupby(["method", "budget"]).accuracy.mean()
    learned = means.loc["meta"].to_dict()
    bounds = {bound: rows[rows.method == "meta"][bound].mean() for bound in ("floor", "ceiling")}
    return {"random": means.loc["random"].to_dict(), "learned": learned, **bounds}


def differences(frame: pd.DataFrame, measure: str, count: int = 0) -> dict[str, Any]:
    """Return mean, low and high of the paired differences to the unguided networks."""
    rows = frame.sort_values("network").groupby(["condition", "unlabeled"])[measure]
    own = {name: rows.get_group((name, count)) for name, n in rows.groups if n == count}
    base = rows.get_group(("unguided", 0))
    found = {name: paired_difference(values, base) for name, values in own.items()}
    return {name: (f.value, f.low, f.high) for name, f in found.items() if name != "unguided"}


def likenesses(frame: pd.DataFrame, p: dict[str, Any]) -> pd.DataFrame:
    """Return likeness, and whether the pair is compared, by guide layer and target layer."""
    rows = frame[frame.condition == p["condition"]]
    rows = rows[(rows.reference == p["reference"]) & (rows.step == p["step"])]
    return rows.groupby(["guide_layer", "target_layer"])[["similarity", "mapped"]].mean()


def measured(frame: pd.DataFrame, p: dict[str, Any]) -> float:
    """Return the mean of a measure over networks."""
    rows = frame[(frame.condition == p["condition"]) & (frame.step == p["step"])]
    return float(rows.groupby("network")[p["measure"]].first().mean())
