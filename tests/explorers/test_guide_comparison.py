"""The comparison of guides without a browser: its intervals are those of `paired_difference`."""

import numpy as np
import pytest
from guided_frames import GAINS, conditions_frame, pictures_frame, unlabeled_frame
from oracles import differences

from ibcore.explorers import GuideComparison, guided_training
from ibcore.runs import load


@pytest.fixture(scope="module")
def figure():
    return GuideComparison(frame=conditions_frame(), images=unlabeled_frame())


def of_networks(frame, condition, measure, count=0):
    rows = frame[(frame.condition == condition) & (frame.unlabeled == count)]
    return rows.sort_values("network")[measure].to_numpy()


@pytest.mark.parametrize("measure", ["test_accuracy", "test_loss", "cnn_similarity"])
def test_intervals_are_those_of_paired_differences(figure, measure):
    frame = conditions_frame()
    table = figure.setup()["tables"]["conditions"]
    page = table["entries"][measure]["0"]
    base = of_networks(frame, "unguided", measure)
    assert table["unguided"][measure] == pytest.approx(base.mean(), abs=6e-6)
    assert set(page) == set(GAINS) - {"unguided"}
    for name, expected in differences(frame, measure).items():
        values = of_networks(frame, name, measure)
        assert page[name][:3] == pytest.approx(expected, abs=6e-6)
        assert page[name][3] == pytest.approx((values - base).tolist(), abs=6e-6)


def test_images_without_labels_are_compared_with_the_network_that_has_none(figure):
    page = figure.setup()["tables"]["unlabeled"]["entries"]["test_accuracy"]["200"]
    expected = differences(unlabeled_frame(), "test_accuracy", 200)
    assert set(page) == set(expected) == {"untrained CNN", "distillation"}
    for name, ends in expected.items():
        assert page[name][:3] == pytest.approx(ends, abs=6e-6)


def test_conditions_are_grouped_by_what_guides_them(figure):
    groups = dict(figure.setup()["tables"]["conditions"]["groups"])
    assert groups == {
        "Guides": ["untrained CNN", "pixels", "random features", "labels"],
        "Guides used in other ways": ["labels, last layer"],
        "Without a guide": ["unguided, tuned", "distillation"],
    }


def test_the_order_of_rows_does_not_matter(figure):
    shuffled = conditions_frame().sample(frac=1, random_state=0)
    other = GuideComparison(frame=shuffled).setup()["tables"]["conditions"]
    assert other["entries"] == figure.setup()["tables"]["conditions"]["entries"]


def test_one_network_has_differences_without_intervals():
    figure = GuideComparison(frame=conditions_frame(networks=1))
    entries = figure.setup()["tables"]["conditions"]["entries"]["test_accuracy"]["0"]
    value, low, high, _ = entries["labels, last layer"]
    assert (low, high) == (None, None)
    assert value == pytest.approx(0.07, abs=0.03)
    assert figure.to_html()


def test_without_images_only_conditions_can_be_shown():
    frame = conditions_frame().drop(columns="test_loss")
    figure = GuideComparison(frame=frame)
    choices = figure.setup()["choices"]
    assert choices["shown"] == ["conditions"]
    assert choices["measure"] == ["test_accuracy", "cnn_similarity"]
    with pytest.raises(ValueError, match="unknown shown 'unlabeled'; choose one of 'conditions'"):
        GuideComparison(frame=frame, shown="unlabeled")


def test_the_page_stays_small_and_the_poster_names_the_differences(figure):
    assert len(figure.to_html()) < 20_000
    found = differences(conditions_frame(), "test_accuracy")["untrained CNN"][0]
    assert f"untrained CNN {found:+.3f}" in figure.poster().description


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="guide"), "frame has no column guide"),
        (lambda f: f[f.condition != "unguided"], "needs the condition 'unguided'"),
        (lambda f: f[f.condition == "unguided"], "and another one to compare"),
        (lambda f: f[1:], "condition 'unguided', unlabeled 0 has no row for network 0"),
        (lambda f: f.assign(unlabeled=5), "no 'unguided' networks with 0 images"),
        (lambda f: f.iloc[:0], "frame has no rows"),
    ],
)
def test_frames_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        GuideComparison(frame=change(conditions_frame()))


@pytest.mark.parametrize("options", [{"measure": "speed"}, {"unlabeled": 7}], ids=str)
def test_a_value_that_the_frames_do_not_have_is_refused(options):
    name, value = next(iter(options.items()))
    with pytest.raises(ValueError, match=rf"^unknown {name} {value!r}; choose one of"):
        GuideComparison(frame=conditions_frame(), images=unlabeled_frame(), **options)


def test_a_result_that_is_not_stored_is_named_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(guided_training, "load", lambda name: load(name, store=tmp_path))
    with pytest.raises(FileNotFoundError, match=r"python -m ibcore run guidance\.wide"):
        GuideComparison()


def test_pictures_are_those_that_two_networks_judge_differently():
    frame = pictures_frame()
    figure = GuideComparison(frame=conditions_frame(), pictures=frame)
    rows = frame.set_index("condition")
    said = {name: np.frombuffer(row, np.uint8) for name, row in rows.answers.items()}
    labels = np.frombuffer(rows.labels.iloc[0], np.uint8)
    judged = figure.setup()["judged"]
    assert [*judged["found"]] == ["untrained CNN", "trained CNN"]
    for name, (helped, harmed) in judged["found"].items():
        right, plain = said[name] == labels, said["unguided"] == labels
        assert (helped[0], harmed[0]) == ((right & ~plain).sum(), (plain & ~right).sum())
        places = np.flatnonzero(right & ~plain)[:12]
        answers = [[before, now] for _, before, now in helped[1]]
        assert answers == [[said["unguided"][i], said[name][i]] for i in places]
