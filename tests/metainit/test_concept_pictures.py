"""The two experiments whose tables hold what one network answers for each object."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from ibcore.metainit import optimizer_curve, posterior, rates_curve
from ibcore.metainit.experiments import arithmetic, complexity
from ibcore.metainit.experiments.architectures import Meta
from ibcore.metainit.experiments.arithmetic import learn_moduli, run_arithmetic
from ibcore.metainit.experiments.concepts import (
    concept_objects_for,
    grammar_prior,
    learn_concepts,
)
from ibcore.tasks import sample_concepts
from ibcore.tasks.concepts import concept_objects

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def cell():
    found = next(iter(complexity.PICTURES.plan("smoke").values()))
    return {**found, "learned": {**found["learned"], "meta": Meta(steps=5)}}


@pytest.fixture(scope="module")
def frame(cell):
    return complexity.run_pictures(cell, CPU)


@pytest.fixture(scope="module")
def number_cells():
    cells = [*arithmetic.REMAINDERS.plan("smoke").values()]
    return [{**c, "meta": replace(c["meta"], steps=5), "support": (20,)} for c in cells[:2]]


def probabilities(rows):
    return np.stack([np.frombuffer(row, np.uint8) for row in rows]) / 200


def test_each_rule_says_in_words_what_its_table_holds():
    color, shape, size, stripes = concept_objects().T
    expected = {
        "blue": color,
        "small and striped": size & stripes,
        "red, or a triangle": ~color | shape,
        "small, or a striped triangle": size | (stripes & shape),
        "anything but a small blue triangle": ~(size & color & shape),
        "striped if and only if blue": stripes == color,
    }
    assert list(complexity.RULES) == list(expected)
    for name, table in expected.items():
        assert complexity.rule_table(complexity.RULES[name]).tolist() == table.astype(int).tolist()


def test_every_rule_is_in_the_prior_of_the_ideal_learner():
    prior = grammar_prior()
    for rule in complexity.RULES.values():
        assert (prior.tables == complexity.rule_table(rule)).all(1).sum() == 1


def test_probabilities_after_steps_are_those_of_the_network(cell, frame):
    own = cell["learned"]
    pool = sample_concepts(own["concepts"], seed=own["seed"]).float()
    learner, start = learn_concepts(own, pool, CPU)
    x, name = concept_objects_for(own, CPU), "small and striped"
    table = complexity.rule_table(complexity.RULES[name])
    picked = complexity.showing_orders(1)[:, :4]
    points = x[picked], table[picked].float()
    learned = rates_curve(
        learner.model, learner.start.params, learner.start.rates, points, x[None],
        steps=(0, 1, 10), loss="binary",
    )  # fmt: skip
    plain = optimizer_curve(learner.model, start, points, x[None], steps=(20,), loss="binary")
    rows = frame[(frame.concept == name) & (frame.support == 4)]
    for method, curve in (("meta", learned), ("random", plain)):
        found = probabilities(rows[rows.method == method].probabilities)
        assert np.allclose(found, curve[:, 0, :, 0].sigmoid(), atol=0.0051)


def test_the_ideal_learner_sees_the_examples_that_the_network_sees(frame):
    row = frame.query("method == 'ideal' and support == 8 and concept == 'blue'").iloc[0]
    picked = torch.tensor([[*row.shown[:8]]])
    labels = torch.tensor([[*row.labels]]).gather(1, picked)
    belief = posterior(grammar_prior(), picked, labels).mean
    assert np.allclose(probabilities([row.probabilities]), belief, atol=0.0051)


def test_accuracy_is_that_of_the_stored_probabilities(frame):
    guesses = probabilities(frame.probabilities)
    labels = np.stack([np.frombuffer(row, np.uint8) for row in frame.labels])
    right = np.where(guesses == 0.5, 0.5, (guesses > 0.5) == labels).mean(1)
    assert np.allclose(frame.accuracy, right, atol=1e-12)


def test_with_nothing_shown_a_network_answers_as_its_start_does(frame):
    shown = frame[(frame.support == 0) & (frame.method == "meta")]
    assert shown.probabilities.nunique() == 1
    before = frame[(frame.support == 8) & (frame.method == "meta") & (frame.budget == 0)]
    assert set(before.probabilities) == set(shown.probabilities)


def test_answers_for_numbers_are_the_networks_and_their_errors_those_of_the_experiment(
    number_cells,
):
    cell = number_cells[0]
    frame, learner = arithmetic.run_remainders(cell, CPU), learn_moduli(cell, CPU)
    tables = torch.arange(100) % 7
    row = frame.query("modulus == 7 and support == 20 and budget == 1").iloc[0]
    outputs = np.frombuffer(row.outputs, np.float16).astype(float)
    assert row.error == pytest.approx(((outputs - tables.numpy()) ** 2).mean(), rel=2e-3)
    assert sum(row.shown) == 20
    before = frame[frame.budget == 0]
    assert before.outputs.nunique() == 1
    assert set(learner.start.params) == {name for name, _ in learner.model.named_parameters()}
    measured = run_arithmetic(cell, CPU)
    measured = measured[(measured.method == "meta") & (measured.budget == 1)]
    both = measured.set_index("modulus").error, frame[frame.budget == 1].set_index("modulus").error
    pd.testing.assert_series_equal(*both, rtol=1e-5)


def test_both_views_are_shown_the_same_numbers(number_cells):
    bits, circular = (arithmetic.run_remainders(cell, CPU) for cell in number_cells)
    assert (bits.view.unique(), circular.view.unique()) == (["bits"], ["circular"])
    assert bits.shown.tolist() == circular.shown.tolist()
