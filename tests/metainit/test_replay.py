"""Replayed meta-gradients are those of the plain way, to the last bit."""

import pytest
import torch
from torch import nn

from ibcore.metainit import MetaLearner, replay
from ibcore.nets import LSTM, MLP


def episodes(shape, classes=3, points=6):
    def draw(step):
        rng = torch.Generator().manual_seed(step)
        sets = [
            (
                torch.randn(4, n, *shape, generator=rng),
                torch.randint(classes, (4, n), generator=rng),
            )
            for n in (points, points + 1)
        ]
        return tuple(sets)

    return draw


MODELS = {
    "mlp": (lambda: MLP(2, 3, depth=1, width=4, activation="tanh"), (2,), {"inner_steps": 2}),
    "lstm": (lambda: LSTM(2, 3, width=3), (2, 2), {"adapted": ["head"], "task_chunk": 3}),
    "torch": (lambda: nn.Sequential(nn.Linear(2, 4), nn.LayerNorm(4), nn.Linear(4, 3)), (2,), {}),
    "first order": (lambda: MLP(2, 3, depth=1, width=4), (2,), {"first_order": True}),
}


def fitted(build, options, draw, steps, loss="cross_entropy"):
    torch.manual_seed(0)
    learner = MetaLearner(build(), rate=0.1, loss=loss, **options)
    return learner.fit(draw, steps=steps, learning_rate=0.01)


@pytest.fixture
def traces(monkeypatch):
    """Trace at the second step, however quick it is, and keep what was traced."""
    made, plain = [], replay._traced
    monkeypatch.setattr(replay, "_WORTH", 0.0)

    def traced(*job):
        made.append(plain(*job))
        return made[-1]

    monkeypatch.setattr(replay, "_traced", traced)
    return made


SLOW = dict.fromkeys(("lstm", "first order"), pytest.mark.slow)


@pytest.mark.parametrize("name", [pytest.param(n, marks=SLOW.get(n, ())) for n in MODELS])
def test_a_fit_is_the_same_to_the_last_bit(name, traces, monkeypatch):
    build, shape, options = MODELS[name]
    found = fitted(build, options, episodes(shape), 6)
    assert len(traces) == 1
    monkeypatch.setattr(replay, "_computes_alike", lambda inner: False)
    wanted = fitted(build, options, episodes(shape), 6)
    assert len(traces) == 1 and torch.equal(found.losses, wanted.losses)
    for part in ("params", "rates"):
        for key, value in getattr(wanted.last, part).items():
            assert torch.equal(getattr(found.last, part)[key], value), key


@pytest.mark.slow
def test_tasks_of_another_size_have_a_trace_of_their_own(traces):
    build, shape, options = MODELS["mlp"]
    draws = [episodes(shape, points=n) for n in (5, 6)]
    fitted(build, options, lambda step: draws[step % 2](step), 8)
    assert len(traces) == 2


def test_a_replayed_step_refuses_what_a_plain_one_refuses(traces):
    build, shape, options = MODELS["mlp"]

    def draw(step):
        return episodes(shape, classes=3 if step < 4 else 9)(step)

    with pytest.raises(ValueError, match=r"y holds class [3-8], but the networks have 3 outputs"):
        fitted(build, options, draw, 6)
    assert len(traces) == 1


class Counting(nn.Module):
    """Does something else at every call."""

    def __init__(self):
        super().__init__()
        self.linear, self.calls = nn.Linear(2, 3), 0

    def forward(self, x):
        self.calls += 1
        return self.linear(x) * self.calls


@pytest.mark.parametrize("build", [Counting, lambda: nn.Sequential(nn.Linear(2, 3), nn.Dropout())])
def test_what_may_differ_from_step_to_step_is_not_replayed(build, traces):
    fitted(build, {}, episodes((2,)), 4)
    assert not traces


def test_a_short_fit_is_not_traced(traces, monkeypatch):
    monkeypatch.setattr(replay, "_WORTH", 3600.0)
    build, shape, options = MODELS["mlp"]
    fitted(build, options, episodes(shape), 4)
    assert not traces
