"""The experiments on meta-learned starts: cells and tables; the ledger holds what they find."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from ibcore.metainit import accuracy, meta_gradient
from ibcore.metainit.experiments import (
    EXPERIMENTS,
    arithmetic,
    concepts,
    omniglot,
)
from ibcore.metainit.experiments.architectures import (
    LARGE,
    Meta,
    Net,
    SequenceTransformer,
    build,
    conditions,
    meta_learn,
    position_code,
    present,
    random_start,
)
from ibcore.nets import count_parameters
from ibcore.population import member_seed
from ibcore.runs.experiment import experiments
from ibcore.tasks import concept_inputs, number_inputs, sample_concepts, table_episodes

CPU = torch.device("cpu")
ONE_NETWORK = ("metainit.pictures", "metainit.remainders")  # for figures, not for means
ONE = Meta(steps=1, tasks=2)
SMALL = {"tasks": 4, "support": (5, 15), "budgets": (0, 1), "steps": (0, 1)}


def concept_cell(net=Net(), view="bits", **changes):  # noqa: B008 -- frozen
    cells = concepts.concept_cells(conditions(view, net), 1, meta=ONE, test=SMALL)
    return {**cells[0], **changes}


def test_the_laboratory_lists_its_experiments():
    assert experiments("metainit") == EXPERIMENTS
    assert len(EXPERIMENTS) == 15


def of_start(cell):
    """Return what says how the start of a cell is learned: the cell itself, or a part of it."""
    return cell["learned"] if isinstance(cell.get("learned"), dict) else cell


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.name)
def test_every_tier_has_a_plan_and_laptop_has_its_networks(experiment):
    smoke, laptop, paper = ([*experiment.plan(t).values()] for t in ("smoke", "laptop", "paper"))
    assert len(smoke) <= 16 and len(smoke) <= len(laptop) <= len(paper)
    networks = {of_start(cell)["network"] for cell in laptop}
    few = 1 if experiment.name in ONE_NETWORK else 5
    many = {
        "metainit.tuned": 10,
        "metainit.overshoot": 10,
        "metainit.families": 3,
        "metainit.coverage": 10,
    }
    assert networks == set(range(many.get(experiment.name, few)))
    assert all(of_start(cell)["meta"].steps <= 200 for cell in smoke)


def test_the_paper_tier_has_the_forty_three_conditions_of_ten_networks_each():
    plan = {e.name.split(".")[1]: [*e.plan("paper").values()] for e in EXPERIMENTS}
    numbers = [c for c in plan["arithmetic"] if c["condition"]["view"] != "circular"]
    assert len(plan["concepts"]) == 7 * 10
    assert len(numbers) == 16 * 10
    assert len(plan["omniglot"]) == 20 * 10
    for name in ("concepts", "arithmetic"):
        assert {c["condition"]["net"] for c in plan[name]} <= set(LARGE)
    assert {c["source"] for c in plan["omniglot"]} == {"full"}


VIEWS = {
    "concept bits": (concept_inputs, "binary"),
    "concept image": (lambda: concept_inputs("image", size=16), "binary"),
    "number": (lambda: number_inputs("number"), "mse"),
    "number image": (lambda: number_inputs("image", size=16), "mse"),
}


@pytest.mark.parametrize("net", LARGE, ids=lambda n: n.architecture)
@pytest.mark.parametrize("view", VIEWS)
def test_networks_of_the_paper_tier_have_one_size_and_a_finite_meta_gradient(net, view):
    make, loss = VIEWS[view]
    x = make()
    if net.architecture == "ConvNet" and x.ndim == 2:
        with pytest.raises(ValueError, match="ConvNet reads images"):
            present(net, x)
        return
    x = present(net, x)[:3]
    model = build(net, tuple(x.shape[1:]), 1)
    assert abs(count_parameters(model) / 65_000 - 1) < 0.1
    start = random_start(model, 0, device=CPU)
    y = torch.tensor([[0.0, 1.0, 1.0]])
    points = x[None], y if loss == "binary" else y[..., None]
    value, slopes = meta_gradient(model, start, 1e-3, points, points, loss=loss)
    assert value.isfinite()
    assert all(slope.isfinite().all() for slope in slopes["params"].values())
    assert any(bool(slope.ne(0).any()) for slope in slopes["rates"].values())


@pytest.mark.parametrize(
    ("net", "shape", "message"),
    [
        (Net("ConvNet", norm="layer"), (3, 16, 16), "batch norm or none"),
        (Net("LSTM", norm="batch"), (4, 1), "layer norm or none"),
        (Net("Transformer", width=6), (4, 1), "heads must divide"),
    ],
)
def test_a_network_that_cannot_be_built_is_refused(net, shape, message):
    with pytest.raises(ValueError, match=message):
        build(net, shape, 1)


def test_an_unknown_architecture_is_refused_by_name():
    with pytest.raises(ValueError, match="'Perceptron'"):
        present(Net("Perceptron"), torch.zeros(2, 4))


def test_a_transformer_sees_every_place_and_their_order():
    net = SequenceTransformer(1, 1, length=4, width=8)
    net.load_state_dict(random_start(net, 0, device=CPU))
    x = torch.tensor([[1.0, -1.0, 1.0, 1.0]])[..., None]
    changed = [x.clone() for _ in range(4)]
    for place, other in enumerate(changed):
        other[0, place] = 3.0
    with torch.no_grad():
        answers = torch.cat([net(z) for z in (x, x.flip(1), *changed)]).flatten()
    assert len(answers.unique()) == 6
    assert len(position_code(64, 8).unique(dim=0)) == 64


def test_a_rule_for_the_size_overrides_the_width():
    assert count_parameters(build(Net(parameters=500), (4,), 1)) == pytest.approx(500, abs=60)


def test_test_tasks_are_the_same_for_all_architectures_and_differ_between_networks():
    nets = (("MLP", "bits"), ("LSTM", "bits"), ("MLP", "image"))
    drawn = [concepts.new_tasks(concept_cell(Net(n), v), 5, CPU) for n, v in nets]
    other = concepts.new_tasks(concept_cell(network=1), 5, CPU)
    for each in drawn[1:]:
        assert torch.equal(each.picked, drawn[0].picked)
        assert torch.equal(each.query[1], drawn[0].query[1])
    assert not torch.equal(other.picked, drawn[0].picked)


def test_a_cell_on_concepts_is_the_learner_that_it_describes():
    cell = concept_cell(meta=Meta(steps=3, tasks=2), network=2)
    frame = concepts.run_concepts(cell, CPU)
    x = concept_inputs()
    model = build(cell["condition"]["net"], (4,), 1)
    tables = sample_concepts(cell["concepts"], seed=0).float()
    learner = meta_learn(
        model,
        random_start(model, 2, device=CPU),
        lambda seed: table_episodes(x, tables, tasks=2, support=(2, 19), seed=seed),
        cell["meta"],
        loss="binary",
        seed=member_seed(0, 2),
    )
    drawn = concepts.new_tasks(cell, 15, CPU)
    wanted = accuracy(learner.predict(drawn.support, drawn.query[0]), drawn.query[1]).mean()
    found = frame[(frame.method == "meta") & (frame.budget == 1) & (frame.support == 15)]
    assert found.accuracy.item() == wanted.item()
    assert (frame.network == 2).all() and (frame.seed == 0).all()


def test_a_second_run_of_a_cell_gives_identical_numbers():
    cell = concept_cell()
    first, second = (concepts.run_concepts(cell, CPU) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def scores(values):
    """Return a table as of `run_concepts` from (method, budget, support) to two accuracies."""
    return pd.DataFrame(
        [
            {
                "view": "bits",
                "architecture": name,
                "method": method,
                "budget": budget,
                "support": support,
                "accuracy": value,
                "network": 0,
                "seed": 0,
            }
            for (method, budget, support), pair in values.items()
            for name, value in zip(("MLP", "LSTM"), pair, strict=True)
        ]
    )


def test_gaps_are_averaged_over_support_sizes_and_not_over_their_signs():
    frame = scores(
        {
            ("meta", 1, 5): (0.8, 0.9),
            ("meta", 1, 15): (0.9, 0.8),
            ("random", 50, 5): (0.5, 0.9),
            ("random", 50, 15): (0.7, 0.7),
            ("random", 200, 5): (0.7, 0.7),
            ("random", 200, 15): (0.7, 0.7),
        }
    )
    found = concepts.gap_table(frame).set_index("budget")
    assert found.gap_meta.tolist() == pytest.approx([0.1, 0.1])
    assert found.gap_random.tolist() == pytest.approx([0.2, 0.0])
    assert found.reduction[50] == pytest.approx(0.5) and np.isnan(found.reduction[200])
    assert found.advantage.tolist() == pytest.approx([0.15, 0.15])


def test_a_view_with_one_architecture_has_no_gap():
    frame = scores({("meta", 1, 5): (0.8, 0.9), ("random", 50, 5): (0.5, 0.9)})
    images = frame[frame.architecture == "MLP"].assign(view="image")
    assert concepts.gap_table(pd.concat([frame, images])).view.tolist() == ["bits"]


def test_a_cell_of_the_gap_compares_the_network_that_it_names():
    sizes = {"meta": ONE, "test": SMALL}
    cell = concepts.gap_cells(concepts.BITS[:2], 4, concepts=50, **sizes)[3]
    own = concepts.concept_cells(concepts.BITS[:2], 4, concepts=(50,), **sizes)[-2:]
    wanted = concepts.gap_table(pd.concat([concepts.run_concepts(c, CPU) for c in own]))
    pd.testing.assert_frame_equal(concepts.run_gap(cell, CPU), wanted)
    assert (wanted.network == 3).all()


@pytest.fixture(scope="module")
def remainders():
    learners = [one for view in ("bits", "circular") for one in conditions(view, *arithmetic.MLP)]
    sizes = {"splits": ("extrapolation",), "meta": ONE, "support": (20, 100), "repeats": 1}
    cells = arithmetic.number_cells(learners, 1, **sizes)
    return pd.concat([arithmetic.run_arithmetic(cell, CPU) for cell in cells], ignore_index=True)


def test_the_constant_line_is_that_of_the_moduli(remainders):
    lines = remainders.groupby("moduli").constant.mean()
    assert lines["train"] == pytest.approx(11.9, abs=0.05)
    assert lines["test"] == pytest.approx(78.1, abs=0.05)
    assert set(remainders[remainders.moduli == "test"].modulus) == set(range(21, 41))


def relative(frame, **where):
    for name, value in where.items():
        frame = frame[frame[name] == value]
    return frame.error.mean() / frame.constant.mean()


def test_circular_features_extrapolate_with_ridge(remainders):
    where = {"view": "circular", "moduli": "test", "support": 100}
    assert relative(remainders, method="ridge", **where) < 0.3


def test_ridge_regression_is_that_of_a_library():
    from sklearn.linear_model import Ridge

    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 9, 3, generator=rng), torch.randn(2, 9, 1, generator=rng)
    found = arithmetic.ridge((x, y), x, penalty=0.7)
    for task in range(2):
        model = Ridge(alpha=0.7).fit(x[task].double(), y[task, :, 0].double())
        np.testing.assert_allclose(found[task, :, 0], model.predict(x[task].double()))


def test_shuffled_rates_are_the_same_numbers_in_other_places():
    rates = {"w": torch.arange(12.0).reshape(3, 4), "b": torch.arange(3.0)}
    mixed = concepts.shuffled(rates, 5)
    for name, rate in rates.items():
        assert mixed[name].shape == rate.shape
        assert torch.equal(mixed[name].flatten().sort().values, rate.flatten())
    assert not torch.equal(mixed["w"], rates["w"])
    assert torch.equal(mixed["w"], concepts.shuffled(rates, 5)["w"])


def few_cell(pool, **changes):
    return {**concept_cell(), "concepts": pool, **changes}


def test_a_pool_is_the_first_draws_and_each_network_has_its_own():
    small, large = concepts.draw_pool(few_cell(3)), concepts.draw_pool(few_cell(10))
    assert torch.equal(large[:3], small)
    assert not torch.equal(concepts.draw_pool(few_cell(10, network=1)), large)


def test_held_out_concepts_are_those_not_in_the_pool():
    test = {**SMALL, "tasks": 60}
    frame = concepts.run_few(few_cell(30, test=test), CPU)
    drawn = concepts.new_tasks(few_cell(30, test=test), 5, CPU)
    pool = {tuple(t) for t in concepts.draw_pool(few_cell(30)).tolist()}
    absent = sum(tuple(t) not in pool for t in drawn.query[1].tolist())
    held = frame[frame.concepts == "held out"]
    assert held.tasks.tolist() == [absent] * 2 and 0 < absent < 60
    assert frame[frame.concepts == "all"].tasks.tolist() == [60] * 2


def test_held_characters_share_alphabets_but_no_character_with_those_learned_from():
    sets = omniglot.glyph_sets("synthetic", "european", size=8)
    assert set(sets.known.names) == set(sets.train.names)
    assert not set(sets.new.names) & set(sets.train.names)
    assert len(sets.known) * 3 == len(sets.train)
    wide = omniglot.glyph_sets("synthetic", "all", size=8)
    assert torch.equal(wide.new.images, sets.new.images)
    assert len(wide.train.names) > 4 * len(sets.train.names)


def write_alphabets(folder, names, characters=4):
    """Write a folder of drawings like the official ones."""
    rng = np.random.default_rng(0)
    for name in names:
        for character in range(1, characters + 1):
            place = folder / "images" / name / f"character{character:02}"
            place.mkdir(parents=True)
            for drawing in range(20):
                ink = (rng.random((16, 16)) * 255).astype(np.uint8)
                Image.fromarray(ink).save(place / f"{drawing:02}.png")
    return folder


def test_new_alphabets_of_the_small_splits_are_those_that_the_first_lacks(tmp_path, monkeypatch):
    parts = {
        "background_small1": write_alphabets(tmp_path / "one", ("Greek", "Latin")),
        "background_small2": write_alphabets(tmp_path / "two", ("Greek", "Sanskrit")),
    }
    monkeypatch.setattr("ibcore.data.omniglot_archive", parts.__getitem__)
    omniglot.glyph_sets.cache_clear()
    sets = omniglot.glyph_sets("small", "all", size=8)
    assert sets.train.names == ("Greek", "Latin") and sets.new.names == ("Sanskrit",)
    assert len(sets.train) == 6 and len(sets.known) == 2
    with pytest.raises(ValueError, match="Braille"):
        omniglot.glyph_sets("small", "european", size=8)
    omniglot.glyph_sets.cache_clear()


def test_an_unknown_source_of_characters_is_refused_by_name():
    with pytest.raises(ValueError, match="'mnist'"):
        omniglot.glyph_sets("mnist", "all", size=8)


@pytest.mark.parametrize("net", [Net(), Net("ConvNet", 1, 4), Net("LSTM", 1, 8)])
def test_a_table_on_characters_says_which_are_invented_and_which_alphabets_are_new(net):
    cell = {**omniglot.SMOKE, "net": net, "pool": "european", "network": 0, "meta": ONE}
    task = {**omniglot.FIVE, "size": 8, "queries": 2}
    frame = omniglot.run_characters({**cell, "task": task, "budgets": (0, 1), "test": 2}, CPU)
    assert frame.source.eq("synthetic").all() and frame.pool.eq("european").all()
    assert frame.pool_alphabets.eq(5).all() and frame.architecture.eq(net.architecture).all()
    counts = frame.groupby(["alphabets", "method"]).size()
    assert counts.to_dict() == dict.fromkeys(counts.index, 2) and len(counts) == 4
