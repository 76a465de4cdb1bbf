"""The measure language: what it computes, and what it refuses."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from ibcore.runs.measure import Measure, MeasureError, Sample

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "network": np.tile(np.arange(20), 6),
        "depth": np.repeat([1, 2, 3], 40),
        "kind": np.tile(np.repeat(["relu", "tanh"], 20), 3),
        "norm": np.repeat([None, "layer"], 60),
        "flag": np.tile([True, False], 60),
        "x": RNG.normal(size=120),
        "y": RNG.exponential(size=120),
    }
)


def value(text: str, frame: pd.DataFrame = FRAME) -> float:
    (result,) = np.asarray(Measure(text)(Sample(frame, "network")))
    return float(result)


CASES: dict[str, Callable[[pd.DataFrame], float]] = {
    "mean('x')": lambda f: f["x"].mean(),
    "mean('x', kind='relu', depth=2)": lambda f: f.query("kind=='relu' and depth==2")["x"].mean(),
    "mean('x', depth=[1, 3])": lambda f: f[f["depth"] != 2]["x"].mean(),
    "mean('x', norm=None)": lambda f: f[f["norm"].isna()]["x"].mean(),
    "mean('x', norm=[None, 'layer'])": lambda f: f["x"].mean(),
    "mean('x', flag=True)": lambda f: f[f["flag"]]["x"].mean(),
    "mean('flag')": lambda f: f["flag"].mean(),
    "quantile('y', 0.9)": lambda f: np.quantile(f["y"], 0.9),
    "quantile('y', 0)": lambda f: f["y"].min(),
    "quantile('y', 1.0)": lambda f: f["y"].max(),
    "max_over('x', 'depth')": lambda f: f.groupby("depth")["x"].mean().max(),
    "min_over('x', ['depth', 'kind'])": lambda f: f.groupby(["depth", "kind"])["x"].mean().min(),
    "max_over('x', by='norm')": lambda f: f.groupby("norm", dropna=False)["x"].mean().max(),
    "spearman('x', 'y', by=['depth', 'kind'])": lambda f: (
        scipy.stats.spearmanr(f.groupby(["depth", "kind"])[["x", "y"]].mean()).statistic
    ),
    "spearman('depth', 'y', by='depth', kind='tanh')": lambda f: (
        scipy.stats.spearmanr(
            [1, 2, 3], f[f["kind"] == "tanh"].groupby("depth")["y"].mean()
        ).statistic
    ),
    "2 + 3 * 4 - 6 / 4": lambda f: 12.5,
    "min(3, 2, 4) * max(1, 5)": lambda f: 10.0,
    "mean('y', kind='tanh') / mean('y', kind='relu')": lambda f: (
        f[f["kind"] == "tanh"]["y"].mean() / f[f["kind"] == "relu"]["y"].mean()
    ),
}


@pytest.mark.parametrize("text", CASES)
def test_a_measure_equals_the_same_with_pandas(text: str) -> None:
    assert value(text) == pytest.approx(CASES[text](FRAME), rel=1e-12)


@pytest.mark.parametrize("text", [text for text in CASES if "'" in text])
def test_a_draw_equals_the_frame_with_its_replicates_repeated(text: str) -> None:
    drawn = np.random.default_rng(1).integers(20, size=20)
    copies = pd.concat([FRAME[FRAME["network"] == network] for network in drawn])
    sample = Sample(FRAME, "network")
    sample.weights = np.bincount(drawn, minlength=20)[None].astype(float)
    (result,) = np.asarray(Measure(text)(sample))
    assert result == pytest.approx(CASES[text](copies), rel=1e-9, abs=1e-12)


@given(
    st.lists(st.floats(-10, 10), min_size=1, max_size=12),
    st.floats(0, 1),
    st.integers(0, 1000),
)
def test_a_weighted_quantile_is_that_of_the_repeated_values(
    values: list[float], q: float, seed: int
) -> None:
    copies = np.random.default_rng(seed).integers(0, 4, len(values))
    if copies.sum() == 0:
        return
    sample = Sample(pd.DataFrame({"network": range(len(values)), "x": values}), "network")
    sample.weights = copies[None].astype(float)
    (result,) = np.asarray(Measure(f"quantile('x', {q})")(sample))
    assert result == pytest.approx(np.quantile(np.repeat(values, copies), q), abs=1e-9)


def test_a_tuple_gives_one_entry_each() -> None:
    measure = Measure("(mean('x', depth=1), mean('x', depth=2))")
    assert measure.length == 2
    assert len(measure(Sample(FRAME, "network"))) == 2


def test_rows_that_are_not_finite_are_left_out_and_counted() -> None:
    frame = FRAME.assign(x=FRAME["x"].where(FRAME["network"] > 4))
    frame.loc[frame["network"] == 7, "x"] = np.inf
    sample = Sample(frame, "network")
    (result,) = np.asarray(Measure("mean('x', depth=1)")(sample))
    kept = frame[(frame["depth"] == 1) & np.isfinite(frame["x"])]["x"]
    assert result == pytest.approx(kept.mean())
    assert sample.used.sum() == 40 and sample.nonfinite.sum() == 12


def test_no_finite_row_at_all_is_an_error() -> None:
    with pytest.raises(MeasureError, match="none of the 40 rows has a finite 'x'"):
        value("mean('x', depth=1)", FRAME.assign(x=np.nan))


def test_a_group_without_a_finite_row_is_named() -> None:
    frame = FRAME.assign(x=FRAME["x"].where(FRAME["depth"] != 2))
    for text in ("max_over('x', 'depth')", "spearman('x', 'y', by='depth')"):
        with pytest.raises(MeasureError, match=r"1 of 3 groups.*depth = \(2,\)"):
            value(text, frame)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mean('x', depth=7)", "no row matches depth=7; available: depth in 1, 2, 3"),
        ("mean('x', kind='relu', depth=[])", "no row matches"),
        ("mean('x', kind='gelu')", "kind in relu, tanh"),
        ("mean('z')", "no column 'z'; the frame has network, depth"),
        ("mean('x', widht=3)", "no column 'widht'"),
        ("mean('kind')", "'kind' does not hold numbers"),
        ("max_over('x', 'z')", "no column 'z'"),
        ("quantile('x', 2)", "q between 0 and 1, got 2"),
        ("spearman('x', 'y', by='depth', depth=1)", "at least two groups"),
    ],
)
def test_a_measure_that_does_not_fit_the_frame_is_refused(text: str, message: str) -> None:
    with pytest.raises(MeasureError, match=message):
        value(text)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "open('x')",
        "x",
        "'text'",
        "True",
        "1j",
        "mean",
        "mean('x').real",
        "mean('x')[0]",
        "mean(*['x'])",
        "min(*[1, 2])",
        "mean('x', **{'depth': 1})",
        "mean(column)",
        "mean('x', depth=lambda: 1)",
        "mean('x', depth={1})",
        "mean('x', depth=[[1], 2])",
        "mean('x', depth=1j)",
        "mean(f'{x}')",
        "mean('x', depth=1 + 1)",
        "mean()",
        "mean('x', 'y')",
        "spearman('x', 'y')",
        "max()",
        "max('x', 1)",
        "log(1)",
        "-1",
        "2 ** 9",
        "min(1)",
        "1 < 2",
        "1 if 1 else 2",
        "1 // 2",
        "1 @ 2",
        "not 1",
        "~1",
        "1 and 2",
        "(1, (2, 3))",
        "[1, 2]",
        "(1, 2) + 3",
        "[y for y in 'x']",
        "(y := 1)",
        "1 +",
        "",
        "1; 2",
        "mean(-'x')",
    ],
)
def test_anything_but_a_measure_is_refused_when_it_is_read(text: str) -> None:
    with pytest.raises(MeasureError):
        Measure(text)


def test_the_replicate_column_must_exist_and_be_filled() -> None:
    with pytest.raises(MeasureError, match="no column 'member'"):
        Sample(FRAME, "member")
    with pytest.raises(MeasureError, match=r"'norm' is empty in 60 rows.*resample"):
        Sample(FRAME, "norm")
