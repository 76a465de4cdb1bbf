"""What the script computes for the diagonal net equals what ibcore and torch compute."""

import numpy as np
import pytest
import torch

from ibcore.explorers import DiagonalNetwork, base
from ibcore.explorers.random_network import TIMES
from ibcore.memory import woodworth_solution

pytestmark = pytest.mark.browser

_RUN = """([setup, params]) => {
  const run = IBExplorers.diagonalRun(IBExplorers.diagonalProblem(setup), params, setup.times);
  const done = run.work();
  const plain = (look) => ({...look, beta: Array.from(look.beta)});
  return {done, diverged: run.diverged, looks: run.looks.map(plain)};
}"""


@pytest.fixture(scope="module")
def page(new_visits, tmp_path_factory):
    visits = new_visits(tmp_path_factory.mktemp("diagonal"))
    yield visits.open(f"<script>{base.script()}</script>")
    visits.close()


@pytest.fixture(scope="module")
def figure():
    return DiagonalNetwork()


def run(page, figure, **params):
    return page.evaluate(_RUN, [figure.setup(), {**figure.initial(), **params}])


def assert_equal(look, answer):
    beta = np.frombuffer(answer.frame, dtype=np.float32)
    np.testing.assert_allclose(look["beta"], beta, rtol=0, atol=1e-6)
    names = {"effective": "effective_scale", "risk": "excess_risk", "error": "train_error"}
    for name, fact in {**names, "explicit": "explicit", "noise": "noise"}.items():
        assert look[name] == pytest.approx(answer.facts[fact], rel=1e-6, abs=1e-6), name


@pytest.mark.parametrize(
    ("weight_scale", "weight_decay"), [(0.03, 0.1), (0.3, 0.0), (3.0, 0.0), (3.0, 0.03)]
)
def test_flow_equals_ibcores_at_every_time(page, figure, weight_scale, weight_decay):
    params = {"weight_scale": weight_scale, "weight_decay": weight_decay, "batch": "flow"}
    found = run(page, figure, **params)
    assert found["done"]
    assert [look["time"] for look in found["looks"]] == list(TIMES)
    net = figure._flow({**figure.initial(), **params}, TIMES)
    shown = torch.tensor([look["beta"] for look in found["looks"]], dtype=torch.float64)
    assert (shown - net.beta).abs().max() < 1e-6
    for look in found["looks"][::12]:
        assert_equal(look, figure.answer({**figure.initial(), **params, "time": look["time"]}))


@pytest.mark.parametrize(
    "params",
    [
        {"batch": "all", "label_noise": False, "weight_decay": 0.1},
        {"batch": "all", "label_noise": True, "weight_decay": 0.0},
        {"batch": 5, "label_noise": True, "weight_decay": 0.003},
        {"batch": 1, "label_noise": False, "weight_decay": 0.0},
        {"batch": 1, "label_noise": True, "weight_decay": 0.03},
    ],
    ids=str,
)
def test_steps_equal_ibcores_with_the_same_points_and_noise(page, figure, params):
    params = {"weight_scale": 0.3, "learning_rate": 0.005, **params}
    found = run(page, figure, **params)
    for time in (0.1, 5.0, 30.0):
        look = found["looks"][TIMES.index(time)]
        assert_equal(look, figure.answer({**figure.initial(), **params, "time": time}))


def test_the_interpolator_of_least_potential_equals_ibcores(page, figure):
    scales = figure.setup()["curve_scales"]
    found = page.evaluate(
        """setup => setup.curve_scales.map(scale => Array.from(
             IBExplorers.woodworthSolution(IBExplorers.diagonalProblem(setup), scale)))""",
        figure.setup(),
    )
    column = torch.tensor(scales, dtype=torch.float64)[:, None]
    expected = woodworth_solution(figure.task.x, figure.task.y, column)
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-7)


def test_work_in_parts_ends_where_work_at_once_does(page, figure):
    parts = _RUN.replace(
        "const done = run.work();",
        "let rounds = 0, left = 0; while (!run.work(() => left-- > 0)) { left = 5; rounds++; }"
        " const done = rounds > 20;",
    )
    params = {**figure.initial(), "batch": 1, "label_noise": True}
    found = page.evaluate(parts, [figure.setup(), params])
    assert found["done"], "the work was not done in parts"
    assert found["looks"] == run(page, figure, **params)["looks"]


def test_both_sides_say_that_too_long_steps_diverge(page, figure):
    params = {"weight_scale": 3.0, "learning_rate": 0.02, "batch": 1, "label_noise": True}
    found = run(page, figure, **params)
    assert found["diverged"]
    assert len(found["looks"]) < len(TIMES)
    assert figure.answer({**figure.initial(), **params, "time": 10.0}).facts == {"diverged": True}
