"""The explorer of step budgets without a browser: its numbers are those of the stored tables."""

import pandas as pd
import pytest
from oracles import accuracies

from ibcore.explorers import StepBudget, architecture_gap
from ibcore.runs import load
from ibcore.stats import mean_interval


@pytest.fixture(scope="module")
def frame():
    return load("metainit.concepts")


@pytest.fixture(scope="module")
def swap():
    return load("metainit.swap")


@pytest.fixture(scope="module")
def figure(frame, swap):
    return StepBudget(frame=frame, swap=swap)


def rows_of(frame, view, architecture, *, method, budget, support):
    chosen = (frame["view"] == view) & (frame.architecture == architecture)
    chosen &= (frame.method == method) & (frame.budget == budget) & (frame.support == support)
    return frame[chosen].accuracy


@pytest.mark.parametrize(
    ("name", "view", "architecture"),
    [("LSTM", "bits", "LSTM"), ("MLP on drawings", "image", "MLP")],
)
def test_curves_are_means_over_networks_with_their_intervals(
    figure, frame, name, view, architecture
):
    setup = figure.setup()
    for method, budgets in (("meta", setup["steps"]), ("random", setup["choices"]["budget"])):
        for i, budget in enumerate(budgets):
            for j, support in enumerate((5, 10, 15)):
                found = setup["curves"][name][method][i][j]
                own = rows_of(
                    frame, view, architecture, method=method, budget=budget, support=support
                )
                expected = mean_interval(own)
                numbers = (expected.value, expected.low, expected.high, 5)
                assert found == pytest.approx(numbers, abs=5e-5)


def test_bounds_are_those_of_the_same_tasks(figure, frame):
    means = frame[frame["view"] == "bits"].groupby("support")[["floor", "ceiling"]].mean()
    floor, ceiling = figure.setup()["limits"]["Transformer"]
    assert floor == pytest.approx(means.floor.tolist(), abs=5e-5)
    assert ceiling == pytest.approx(means.ceiling.tolist(), abs=5e-5)


def test_plain_descent_has_the_constant_rate_with_the_best_mean(figure, swap):
    own = swap[(swap.weights == "random") & (swap.rates == "constant")]
    own = own[(own.architecture == "MLP") & (own.support == 15) & (own.budget == 10)]
    means = own.groupby("rate").accuracy.mean()
    budget, rate, (mean, *_) = figure.setup()["descent"]["MLP"]["15"][1]
    assert (budget, rate) == (10, means.idxmax())
    assert mean == pytest.approx(means.max(), abs=5e-5)
    assert list(figure.setup()["descent"]) == ["MLP", "LSTM"]


def test_it_starts_from_fifty_steps_without_plain_descent(figure, frame):
    start = {"architecture": "MLP", "support": 10, "budget": 50, "descent": False}
    assert figure.initial() == start
    assert len(figure.to_html()) < 20_000
    random = accuracies(frame, start)["random"][50]
    assert f"AdamW reaches {100 * random:.1f} %" in figure.poster().description


def test_without_the_table_of_rates_there_is_no_plain_descent(frame):
    figure = StepBudget(frame=frame)
    assert figure.setup()["descent"] == {}
    with pytest.raises(ValueError, match="unknown descent True; choose one of False"):
        StepBudget(frame=frame, descent=True)


@pytest.mark.parametrize(
    "options", [{"architecture": "CNN"}, {"budget": 7}, {"support": 7}], ids=str
)
def test_a_value_that_the_frame_does_not_have_is_refused(frame, options):
    name, value = next(iter(options.items()))
    with pytest.raises(ValueError, match=rf"^unknown {name} {value!r}; choose one of"):
        StepBudget(frame=frame, **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="rate"), "descent has no column rate"),
        (lambda f: f[f.rates != "constant"], "no rows with random weights and constant rates"),
    ],
)
def test_tables_of_rates_that_do_not_fit_are_refused(frame, swap, change, message):
    with pytest.raises(ValueError, match=message):
        StepBudget(frame=frame, swap=change(swap))


def test_a_result_that_is_not_stored_is_named_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(architecture_gap, "load", lambda name: load(name, store=tmp_path))
    with pytest.raises(FileNotFoundError, match=r"python -m ibcore run metainit\.concepts"):
        StepBudget()


def test_architectures_that_are_not_in_the_figure_have_no_plain_descent(frame, swap):
    others = swap.assign(architecture="CNN")
    assert StepBudget(frame=frame, swap=others).setup()["descent"] == {}
    more = StepBudget(frame=frame, swap=pd.concat([swap, others[:-1]]))
    assert more.setup()["descent"] == StepBudget(frame=frame, swap=swap).setup()["descent"]
