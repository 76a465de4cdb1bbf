"""The player of guided training without a browser: its numbers are those of the table."""

import numpy as np
import pytest
from guided_frames import curves_frame
from oracles import measured

from ibcore.explorers import GuidedTraining, guided_training
from ibcore.runs import load
from ibcore.stats import mean_interval


@pytest.fixture(scope="module")
def frame():
    return curves_frame()


@pytest.fixture(scope="module")
def figure(frame):
    return GuidedTraining(frame=frame)


def rows_of(frame, condition, reference, step):
    return frame[
        (frame.condition == condition) & (frame.reference == reference) & (frame.step == step)
    ]


@pytest.mark.parametrize("reference", ["untrained CNN", "trained CNN"])
@pytest.mark.parametrize("step", [0, 50])
def test_the_table_holds_the_mean_likeness_of_each_pair_of_layers(figure, frame, reference, step):
    own = rows_of(frame, "distillation", reference, step)
    table = own.pivot_table(index="guide_layer", columns="target_layer", values="similarity")
    at = figure.setup()["choices"]["step"].index(step)
    page = figure.setup()["likeness"]["distillation"][reference][at]
    assert np.allclose(page, table, atol=5.1e-4)


@pytest.mark.parametrize("measure", ["test_accuracy", "train_accuracy", "test_loss"])
def test_curves_are_means_over_networks_with_their_intervals(figure, frame, measure):
    curve = figure.setup()["curves"]["untrained CNN"][measure]
    for step, found in zip(figure.setup()["choices"]["step"], curve, strict=True):
        rows = rows_of(frame, "untrained CNN", "trained CNN", step)
        networks = rows.groupby("network")[measure].first()
        expected = mean_interval(networks)
        assert found == pytest.approx((expected.value, expected.low, expected.high), abs=5.1e-5)


def test_compared_pairs_are_those_of_the_table(figure, frame):
    for reference, table in figure.setup()["mapped"].items():
        rows = rows_of(frame, "unguided", reference, 0).query("network == 0")
        expected = rows.pivot_table(index="guide_layer", columns="target_layer", values="mapped")
        assert np.array_equal(table, expected.astype(bool))


def test_the_order_of_rows_does_not_matter(figure, frame):
    other = GuidedTraining(frame=frame.sample(frac=1, random_state=0))
    assert other.setup()["likeness"] == figure.setup()["likeness"]


def test_it_starts_from_the_first_guide_at_the_last_step(figure, frame):
    assert figure.initial() == {
        "condition": "untrained CNN",
        "reference": "untrained CNN",
        "measure": "test_accuracy",
        "step": 200,
    }
    assert len(figure.to_html()) < 20_000
    value, plain = (
        measured(frame, {**figure.initial(), "condition": name})
        for name in ("untrained CNN", "unguided")
    )
    words = f"test accuracy {value:.3f}, unguided {plain:.3f}; "
    assert words in figure.poster().description


def test_without_an_unguided_network_there_is_nothing_beside_the_curve(frame):
    alone = GuidedTraining(frame=frame[frame.condition == "distillation"])
    assert alone.setup()["baseline"] is None
    assert "unguided" not in alone.poster().description


@pytest.mark.parametrize(
    "options",
    [{"condition": "none"}, {"reference": "pixels"}, {"measure": "x"}, {"step": 3}],
    ids=str,
)
def test_a_value_that_the_frame_does_not_have_is_refused(frame, options):
    name, value = next(iter(options.items()))
    with pytest.raises(ValueError, match=rf"^unknown {name} {value!r}; choose one of"):
        GuidedTraining(frame=frame, **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="similarity"), "frame has no column similarity"),
        (
            lambda f: f[1:],
            "'unguided', reference 'untrained CNN' has no row for step 0",
        ),
        (lambda f: f.assign(network=0), "40 combinations of step.*keep one of each"),
        (lambda f: f.iloc[:0], "frame has no rows"),
    ],
)
def test_frames_that_do_not_fit_are_refused(frame, change, message):
    with pytest.raises(ValueError, match=message):
        GuidedTraining(frame=change(frame))


def test_a_result_that_is_not_stored_is_named_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(guided_training, "load", lambda name: load(name, store=tmp_path))
    with pytest.raises(FileNotFoundError, match=r"python -m ibcore run guidance\.curves"):
        GuidedTraining()
