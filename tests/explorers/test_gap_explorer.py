"""The explorer of the gap without a browser: its numbers are those of `gap_reduction`."""

import numpy as np
import pytest
from oracles import gaps, scores

from ibcore.explorers import ArchitectureGap, ConceptLearner, StepBudget, architecture_gap
from ibcore.metainit import gap, gap_reduction
from ibcore.runs import load
from ibcore.stats import mean_interval


@pytest.fixture(scope="module")
def frame():
    return load("metainit.concepts")


@pytest.fixture(scope="module")
def figure(frame):
    return ArchitectureGap(frame=frame)


@pytest.mark.parametrize("budget", [1, 50, 200])
@pytest.mark.parametrize("support", [10, "all"])
def test_gaps_and_reductions_are_those_of_the_package(figure, frame, budget, support):
    arms = scores(frame, "bits", "random", budget), scores(frame, "bits", "meta", 1)
    if support != "all":
        arms = arms[0][1:2], arms[1][1:2]
    expected = gap_reduction(*arms)
    found = figure.setup()["reductions"][f"bits {budget} {support}"]
    numbers = [np.mean([gap(row) for row in arm]) for arm in arms]
    for interval in (expected.of_means, expected.mean):
        numbers += [interval.value, interval.low, interval.high]
    assert found == pytest.approx(numbers, abs=5e-7)


def test_accuracies_are_means_over_networks_with_their_intervals(figure, frame):
    own = scores(frame, "image", "random", 100)
    page = figure.setup()["accuracies"]["image"]["random"][
        figure.setup()["choices"]["budget"].index(100)
    ]
    for row, values in zip(page, [*own, own.mean(0)], strict=True):
        for found, networks in zip(row, values, strict=True):
            interval = mean_interval(networks)
            expected = (interval.value, interval.low, interval.high, 5)
            assert found == pytest.approx(expected, abs=5e-5)
    learned = scores(frame, "bits", "meta", 1).mean((0, 2))
    shown = [mean for mean, *_ in figure.setup()["accuracies"]["bits"]["learned"][-1]]
    assert shown == pytest.approx(learned.tolist(), abs=5e-5)


def test_it_starts_from_fifty_steps_and_all_support_sizes(figure, frame):
    assert figure.initial() == {"view": "bits", "budget": 50, "support": "all"}
    assert len(figure.to_html()) < 20_000
    facts = gaps(frame, **figure.initial())
    assert f"a reduction of {100 * facts['reduction']:.0f} %" in figure.poster().description


def test_where_random_starts_are_equally_accurate_nothing_is_reduced(frame):
    level = frame.copy()
    level.loc[(level.method == "random") & (level.budget == 1), "accuracy"] = 0.5
    figure = ArchitectureGap(frame=level[level["view"] == "bits"])
    assert figure.setup()["reductions"]["bits 1 5"] is None
    named = ArchitectureGap(budget=1, frame=level[level["view"] == "bits"])
    assert "no gap to reduce" in named.poster().description


@pytest.mark.parametrize("options", [{"view": "sound"}, {"budget": 0}, {"support": 7}], ids=str)
def test_a_value_that_the_frame_does_not_have_is_refused(frame, options):
    name, value = next(iter(options.items()))
    with pytest.raises(ValueError, match=rf"^unknown {name} {value!r}; choose one of"):
        ArchitectureGap(frame=frame[frame.support == 5], **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="floor"), "frame has no column floor"),
        (
            lambda f: f[1:],
            "'bits', method 'meta' has no row for budget 0, .* 'MLP'",
        ),
        (lambda f: f[f.method == "meta"], "view 'bits', method 'random' has no rows"),
        (lambda f: f[f.architecture == "MLP"], "a gap needs two"),
        (lambda f: f[(f.method != "meta") | (f.budget != 1)], "unknown steps of learned starts"),
        (lambda f: f.assign(network=0), "keep one of each"),
    ],
)
def test_frames_that_do_not_fit_are_refused(frame, change, message):
    with pytest.raises(ValueError, match=message):
        ArchitectureGap(frame=change(frame))


def test_a_result_that_is_not_stored_is_named_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(architecture_gap, "load", lambda name: load(name, store=tmp_path))
    with pytest.raises(FileNotFoundError, match=r"python -m ibcore run metainit\.concepts"):
        ArchitectureGap()


@pytest.mark.parametrize("kind", [ArchitectureGap, StepBudget])
def test_objects_that_are_judged_rightly_are_those_of_the_concept_learner(kind):
    learner, boards = ConceptLearner(), kind().setup()["boards"]
    looks = boards["hits"]["LSTM"]
    assert {"meta 1", "random 200"} <= set(looks)
    for look, concepts in looks.items():
        for at, support in enumerate(boards["supports"]):
            chosen = {"architecture": "LSTM", "look": look, "concept": "blue", "support": support}
            judged = [int(hit) / (10 if hit == "5" else 1) for hit in concepts["blue"][at]]
            assert sum(judged) == learner._hits({**learner.initial(), **chosen})[0]
            examples = learner.setup()["shown"][learner.setup()["choices"]["concept"].index("blue")]
            where = [i for i, sign in enumerate(boards["shown"]["blue"][at]) if sign == "1"]
            assert where == sorted(examples[0][:support])
