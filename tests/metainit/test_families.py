"""Three families of tasks: what far means, the two floors, and whose rates are chosen where."""

import pytest
import torch

from ibcore.metainit.experiments import families
from ibcore.metainit.experiments.architectures import present_episodes, random_start
from ibcore.metainit.experiments.arithmetic import OVERSHOOT, run_arithmetic, run_overshoot
from ibcore.metainit.experiments.concepts import seen
from ibcore.metainit.experiments.families import (
    ALPHABETS,
    nearest,
    run_alphabets,
    run_families,
    score,
    tuned_arms,
)
from ibcore.metainit.experiments.omniglot import held_alphabets
from ibcore.runs.experiment import Cell
from ibcore.tasks import Episodes

CPU = torch.device("cpu")


def cell(family: str, **changes: object) -> Cell:
    """Return one MLP of a family, hardly meta-trained."""
    every = families.family_cells(1, families.matched(1000, 60))
    first = next(each for each in every if each["family"] == family)
    return (
        first
        | {"trial": 2, "held": 5, "test": 5, "adam": {"random_10": (2, (0.01, 0.1))}}
        | changes
    )


@pytest.mark.parametrize("family", ["concepts", "numbers", "characters"])
def test_far_tasks_are_not_those_of_training(family: str) -> None:
    raw = families._FAMILIES[family](cell(family, test=20))
    far, near = raw.tests["far"], raw.tests["as trained"]
    assert far.query[1].shape[1] == near.query[1].shape[1]
    if family == "concepts":
        trained = torch.cat([raw.draw(step).query[1] for step in range(50)])
        assert not seen(far.query[1], trained).any()
        assert seen(near.query[1], trained).any()
    if family == "numbers":
        assert near.query[1].max() < 19 <= far.query[1].max()


def test_the_nearest_example_is_right_about_what_was_shown() -> None:
    points = torch.eye(3)[None], torch.tensor([[1.0, 0.0, 1.0]])
    drawn = Episodes(points, points, torch.zeros(1), torch.arange(3)[None])
    assert score(nearest(drawn), drawn) == 1


def test_the_best_constant_has_no_score_on_numbers_and_a_perfect_answer_one() -> None:
    drawn = families._FAMILIES["numbers"](cell("numbers")).tests["far"]
    target = drawn.query[1]
    assert score(target.mean(1, keepdim=True).expand_as(target), drawn) == pytest.approx(0)
    assert score(target, drawn) == 1
    assert score(torch.full_like(target, torch.nan), drawn) < -100


def test_rates_are_chosen_on_held_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    own = cell("concepts", meta=families.Meta(6, 2, 0.1, validation=1))
    held = present_episodes(own["net"], families.concept_family(own).held, CPU)

    def adam(_learner, _start, _steps, rate, drawn):  # 0.1 is right on held rules alone
        return float((rate == 0.1) == torch.equal(drawn.query[1], held.query[1]))

    monkeypatch.setattr(families, "adam_score", adam)
    frame = run_families(own, CPU)
    assert (frame.random_10_rate == 0.1).all() and (frame.random_10 == 0).all()


def test_random_arms_begin_at_the_random_start(monkeypatch: pytest.MonkeyPatch) -> None:
    own, begins = cell("concepts", meta=families.Meta(6, 2, 0.1, validation=1)), []
    real = families.adam_score

    def adam(learner, start, *rest):
        begins.append(start)
        return real(learner, start, *rest)

    monkeypatch.setattr(families, "adam_score", adam)
    run_families(own, CPU)
    model = families.build(own["net"], (4,), 1)
    start = random_start(model, own["network"], seed=own["seed"], device=CPU)
    assert all(torch.equal(begin[name], start[name]) for begin in begins for name in start)


def test_the_whole_learned_step_is_that_of_the_experiment_on_remainders() -> None:
    own = next(iter(OVERSHOOT.plan("smoke").values()))
    learned = own["learned"] | {"meta": families.Meta(3, 2, 0.001), "repeats": 1}
    frame = run_overshoot(own | {"learned": learned}, CPU)
    known = run_arithmetic(learned, CPU)
    known = known[(known.method == "meta") & (known.budget == 1)].groupby("moduli").error.mean()
    whole = frame[frame.share == 1].set_index("moduli").error
    assert whole.to_dict() == pytest.approx(known.to_dict())
    adam = frame[(frame.optimizer == "adam") & frame.chosen].groupby(["moduli", "budget"])
    assert (adam.start.nunique() == 2).all() and (adam.error.nunique() == 2).all()


def alphabets(**changes: object) -> Cell:
    """Return one small MLP on invented alphabets, hardly meta-trained."""
    return next(iter(ALPHABETS.plan("smoke").values())) | {"meta": families.Meta(6, 2)} | changes


def test_choices_are_made_on_alphabets_that_are_neither_trained_on_nor_reported() -> None:
    sets, held = held_alphabets("synthetic", size=8, seed=3)
    rest = {*sets.train.names, *sets.known.names, *sets.new.names}
    assert len(held.names) == 5 and not rest & set(held.names)
    assert held_alphabets("synthetic", size=8, seed=4)[1].names != held.names


def test_an_arm_is_reported_at_the_rate_that_is_best_on_held_alphabets() -> None:
    raw = families.alphabet_family(alphabets())

    def curve(rate: float, on: Episodes, steps: tuple[int, ...]) -> list[float]:
        return [float((rate == 0.1) == (on is raw.held))] * len(steps)  # 0.1 is right there alone

    rows = families.tuned_rows(curve, (0.1, 1.0), (1, 10), raw.held, raw.tests)
    told = {row["alphabets"]: (row["rate"], row["accuracy"]) for row in rows[2:4]}
    assert told == {"known": (0.1, 0.0), "new": (0.1, 0.0)}
    assert [row["budget"] for row in rows] == [1] * 4 + [10] * 4


def test_the_table_on_alphabets_has_every_arm_and_its_grid() -> None:
    frame = run_alphabets(alphabets(), CPU)
    assert set(frame.arm) == {*families.GRIDS, "learned", "half", "nearest"}
    tried = frame[frame.alphabets == "validation"].groupby(["arm", "budget"])
    assert tried.rate.nunique().eq(2).all()


def test_the_arms_on_alphabets_begin_where_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    model = torch.nn.Linear(2, 1)
    start = random_start(model, 0, device=CPU)
    learner = families.MetaLearner(model, params=start, rate=0.1)
    for name in ("optimizer_scores", "rates_scores"):
        monkeypatch.setattr(families, name, lambda _, begin, *rest, **options: begin)
    begins = {arm: curve(0.1, None, (1,)) for arm, curve in tuned_arms(learner, start).items()}
    assert begins["plain"] is start and begins["adam"] is start
    assert begins["learned, adam"] is learner.start.params
