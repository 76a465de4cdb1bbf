"""Meta-learned starts on Boolean concepts, end to end: what they reach and what bounds them."""

import pytest

from ibcore.metainit import (
    MetaLearner,
    TaskPrior,
    accuracy,
    believe,
    guess_accuracy,
    memorize_majority,
    optimizer_curve,
    random_starts,
)
from ibcore.nets import MLP
from ibcore.tasks import concept_inputs, concept_prior, sample_concepts, table_episodes

TASKS = 200


@pytest.fixture(scope="module")
def learned():
    """Meta-train a small MLP on concepts with Meta-SGD and one inner step."""
    net, x = MLP(4, 1, depth=2, width=32), concept_inputs()
    start = {name: value[0] for name, value in random_starts(net, 1).items()}
    tables = sample_concepts(10_000, seed=0).float()
    learner = MetaLearner(net, params=start, rate=1e-3, loss="binary")
    learner.fit(
        lambda step: table_episodes(x, tables, tasks=8, support=(2, 19), seed=step), steps=1000
    )
    return learner


def episodes(n):
    pool = sample_concepts(TASKS, seed=2).float()
    return table_episodes(concept_inputs(), pool, support=n, seed=77)


@pytest.mark.slow
def test_one_step_goes_from_chance_to_four_fifths_at_five_examples(learned):
    drawn = episodes(5)
    scores = [
        accuracy(learned.predict(drawn.support, drawn.query[0], inner_steps=k), drawn.query[1])
        for k in (0, 1)
    ]
    assert 0.45 < scores[0].mean() < 0.55
    assert scores[1].mean() >= 0.80


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 10, 15])
def test_learners_lie_between_memory_and_the_ideal_learner(learned, n):
    drawn = episodes(n)
    prior = TaskPrior(*concept_prior(draws=60))
    ceiling = believe(prior, drawn.picked, drawn.support[1]).expected_accuracy().mean()
    guesses = memorize_majority(drawn.picked, drawn.support[1], 16)
    floor = guess_accuracy(guesses, drawn.query[1]).mean()
    scores = accuracy(learned.predict(drawn.support, drawn.query[0]), drawn.query[1])
    error = scores.std() / TASKS**0.5
    assert floor <= scores.mean() <= ceiling + 2 * error


@pytest.mark.slow
def test_at_fifteen_examples_two_hundred_plain_steps_beat_the_one_learned_step(learned):
    drawn = episodes(15)
    starts = random_starts(learned.model, TASKS, seed=5)
    curve = optimizer_curve(
        learned.model, starts, drawn.support, drawn.query[0], steps=(1, 50, 200), loss="binary"
    )
    plain = accuracy(curve, drawn.query[1]).mean(-1)
    learned_score = accuracy(learned.predict(drawn.support, drawn.query[0]), drawn.query[1]).mean()
    assert plain[0] < 0.6 < learned_score
    assert bool(plain.diff().gt(0).all())
    assert plain[-1] >= learned_score
