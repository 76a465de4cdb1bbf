"""Sweeps: each network is trained as torch would train it alone, and what the scale does to it."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from ibcore.memory import (
    Examples,
    Pipeline,
    Problem,
    digits_problem,
    forgetting_time,
    image_problem,
    scale_weights,
    selected_look,
    spread,
    spread_per_seed,
    sweep,
    sweep_table,
)
from ibcore.nets import MLP
from ibcore.population import Population, member_seed
from ibcore.training.loop import Batches

OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
PIPELINES = (
    Pipeline("plain", learning_rate=0.2, batch_size=7),
    Pipeline("adaptive", "adam", 0.01, 0.02, batch_size=7),
    Pipeline("heavy", learning_rate=0.1, weight_decay=0.03, momentum=0.8, batch_size=7),
    Pipeline("decoupled", "adamw", 0.02, 0.3, batch_size=5),
    Pipeline("sharp", learning_rate=0.1, batch_size=7, sam_radius=0.2),
    Pipeline("at first", learning_rate=0.1, weight_decay=0.2, batch_size=7, decay_steps=4),
)
SCALES, STEPS, LOOKS = (0.5, 3.0), 12, (0, 5)


@pytest.fixture(scope="module")
def toy():
    rng = torch.Generator().manual_seed(0)
    sets = [
        Examples(
            torch.randn(n, 4, generator=rng, dtype=torch.float64),
            torch.randint(3, (n,), generator=rng),
        )
        for n in (20, 15, 30)
    ]
    return Problem(*sets)


@pytest.fixture(scope="module")
def net():
    return MLP(4, 3, depth=1, width=5, activation="tanh")


@pytest.fixture(scope="module")
def done(toy, net):
    return run(toy, net)


def run(toy, net, pipelines=PIPELINES, scales=SCALES, networks=3, **options):
    options = {"steps": STEPS, "looks": LOOKS, "seed": 4, "dtype": torch.float64} | options
    return sweep(toy, net, pipelines, scales=scales, networks=networks, **options)


def descend(module, x, y, radius):
    """Leave the gradient that a step uses; sharpness-aware minimization takes it uphill."""
    parameters = list(module.parameters())
    functional.cross_entropy(module(x), y).backward()
    if not radius:
        return
    norm = torch.cat([p.grad.flatten() for p in parameters]).norm()
    moves = [radius * p.grad / norm for p in parameters]
    with torch.no_grad():
        [p.add_(move) for p, move in zip(parameters, moves, strict=True)]
    module.zero_grad()
    functional.cross_entropy(module(x), y).backward()
    with torch.no_grad():
        [p.sub_(move) for p, move in zip(parameters, moves, strict=True)]


def train_alone(toy, net, pipeline, *, alpha, network, steps):
    """Train one network with torch.optim in a plain loop; return it and its start."""
    drawn = Population.sample(
        net, networks=1, first=network, prior="gaussian", scaling="fan_in", bias_scale=0.0, seed=4
    )
    start = scale_weights(drawn, alpha)
    module = start.member(0)
    options = {"momentum": pipeline.momentum} if pipeline.optimizer == "sgd" else {}
    optimizer = OPTIMIZERS[pipeline.optimizer](
        module.parameters(),
        lr=pipeline.learning_rate,
        weight_decay=pipeline.weight_decay,
        **options,
    )
    order = [member_seed(member_seed(4, network), 1)]
    batches = Batches(order, len(toy.train.y), pipeline.batch_size, torch.device("cpu"))
    for step in range(steps):
        if step == pipeline.decay_steps:
            optimizer.param_groups[0]["weight_decay"] = 0.0
        rows = batches.draw()[0]
        optimizer.zero_grad()
        descend(module, toy.train.x[rows], toy.train.y[rows], pipeline.sam_radius)
        optimizer.step()
    return module, start.member(0)


def weights(module):
    return torch.cat([p.detach().flatten() for p in module.parameters() if p.ndim == 2])


@pytest.mark.parametrize("number", range(len(PIPELINES)))
def test_every_network_is_trained_as_torch_would_train_it_alone(toy, net, done, number):
    for s, alpha in enumerate(SCALES):
        for network in range(3):
            for look, steps in enumerate((0, 5, 12)):
                module, start = train_alone(
                    toy, net, PIPELINES[number], alpha=alpha, network=network, steps=steps
                )
                w, w0 = weights(module), weights(start)
                outputs = module(toy.train.x).detach()
                expected = {
                    "train_loss": functional.cross_entropy(outputs, toy.train.y),
                    "weight_norm": w.norm(),
                    "retained_fraction": w @ w0 / (w0 @ w0),
                    "cosine": w @ w0 / (w.norm() * w0.norm()),
                    "train_accuracy": (outputs.argmax(1) == toy.train.y).double().mean(),
                }
                for name, value in expected.items():
                    found = done.measures[name][look, number, s, network]
                    assert found == pytest.approx(value.item(), rel=1e-9), (name, alpha, steps)
                classes = module(toy.test.x).argmax(1).tolist()
                assert done.predictions[look, number, s, network].tolist() == classes


def test_accuracies_are_those_of_the_predictions_and_of_the_validation_set(toy, net, done):
    share = (done.predictions == toy.test.y.numpy()).mean(-1)
    np.testing.assert_allclose(done.measures["test_accuracy"], share)
    module, _ = train_alone(toy, net, PIPELINES[0], alpha=3.0, network=1, steps=12)
    right = (module(toy.validation.x).argmax(1) == toy.validation.y).double().mean()
    assert done.measures["validation_accuracy"][2, 0, 1, 1] == pytest.approx(right.item())


def test_company_changes_nothing(toy, net, done):
    alone = run(toy, net, pipelines=PIPELINES[2:3], scales=(3.0,), networks=2)
    for name, values in alone.measures.items():
        np.testing.assert_allclose(values[:, 0, 0], done.measures[name][:, 2, 1, :2], rtol=1e-9)


def test_one_scale_of_one_pipeline_is_what_the_population_gives_by_itself(toy, net, done):
    drawn = Population.sample(
        net, networks=3, prior="gaussian", scaling="fan_in", bias_scale=0.0, seed=4
    )
    trained = scale_weights(drawn, 0.5).train(
        *toy.train,
        loss="cross_entropy",
        steps=STEPS,
        optimizer="sgd",
        learning_rate=0.2,
        batch_size=7,
        seed=4,
    )
    np.testing.assert_allclose(done.measures["train_loss"][-1, 0, 0], trained.losses.numpy())


def test_scales_share_the_direction_of_their_start(done):
    first = done.measures
    np.testing.assert_allclose(first["cosine"][0], 1)
    np.testing.assert_allclose(first["retained_fraction"][0], 1)
    np.testing.assert_allclose(first["weight_norm"][0, :, 1], 6 * first["weight_norm"][0, :, 0])


def test_only_the_chosen_layers_are_scaled(toy, net):
    norms = [
        run(toy, net, scales=(1.0, 9.0), layers=layers).measures["weight_norm"][0, 0]
        for layers in ("all", "hidden", "head")
    ]
    assert (norms[0][1] == pytest.approx(9 * norms[0][0])) and (norms[1][1] < norms[0][1]).all()
    np.testing.assert_allclose(norms[1][1] ** 2 + norms[2][1] ** 2, 82 / 81 * norms[0][1] ** 2)


def test_the_table_holds_every_measure_at_its_place(done):
    table = sweep_table(done)
    assert len(table) == 3 * len(PIPELINES) * 2 * 3
    row = table[
        (table.pipeline == "heavy")
        & (table.weight_scale == 3.0)
        & (table.network == 2)
        & (table.step == 5)
    ].iloc[0]
    assert row.test_accuracy == done.measures["test_accuracy"][1, 2, 1, 2]
    assert (row.seed, row.momentum, row.batch_size) == (4, 0.8, 7)
    assert row.explicit_clock == pytest.approx(2 * 5 * 0.1 * 0.03 / 0.2)
    assert row.flow_time == pytest.approx(0.5) and not row.final
    early = table[(table.pipeline == "at first") & (table.step > 4)]
    assert early.explicit_clock.to_numpy() == pytest.approx(2 * 4 * 0.1 * 0.2)
    assert early.decay_steps.eq(4).all() and row.isna()["decay_steps"]
    assert table[table.optimizer == "adam"].explicit_clock.isna().all()


def test_the_marks_name_one_look_of_each_network(done):
    table = sweep_table(done)
    each = table.groupby(["pipeline", "weight_scale", "network"])
    assert each.final.sum().eq(1).all() and each.selected.sum().eq(1).all()
    assert table[table.final].step.eq(STEPS).all()
    best = each.validation_accuracy.transform("max")
    assert (table.validation_accuracy == best)[table.selected].all()
    assert not table.forgets.any()  # nobody has fitted the training set


def test_spread_disagreement_and_selection_follow_the_definitions(done):
    accuracy = done.measures["test_accuracy"][:, 0]
    assert done.spread("plain") == spread(accuracy[-1])
    assert done.spreads("plain").tolist() == [spread(look) for look in accuracy]
    best = selected_look(done.measures["validation_accuracy"][:, 0])
    chosen = [[accuracy[best[s, m], s, m] for m in range(3)] for s in range(2)]
    assert done.spread("plain", when="selected") == pytest.approx(spread(chosen))
    table = sweep_table(done)
    differ = (done.predictions[:, :, 0] != done.predictions[:, :, 1]).mean(-1)
    for p, pipeline in enumerate(PIPELINES):
        rows = table[(table.pipeline == pipeline.name) & (table.step == 5)]
        assert rows.disagreement.to_numpy() == pytest.approx(np.tile(differ[1, p], 2))


def test_a_network_forgets_at_the_first_look_from_which_its_own_spread_stays_small(toy, net):
    easy = [Pipeline("easy", learning_rate=0.5, weight_decay=0.01, batch_size=20)]
    far = Examples(toy.train.x + 20 * functional.one_hot(toy.train.y, 4), toy.train.y)
    problem = Problem(far, far, far)
    looks = tuple(range(0, 200, 10))
    result = run(problem, net, pipelines=easy, steps=200, looks=looks)
    table = sweep_table(result, eps=1.0)
    marked = table[table.forgets].groupby("network").step.unique()
    for m in range(3):
        own = [spread_per_seed(look)[m] for look in result.measures["test_accuracy"][:, 0]]
        fitted = result.measures["train_accuracy"][:, 0, :, m].min(1)
        expected = forgetting_time(result.looks, own, 1.0, train_accuracy=fitted)
        assert expected is not None and marked[m].tolist() == [expected]
    assert result.gate("easy") == "trained"
    assert result.forgetting_time("easy") is not None


def test_bad_input_is_named(toy, net):
    with pytest.raises(ValueError, match=r"scales must be increasing.* got \(2.0, 1.0\)"):
        run(toy, net, scales=(2.0, 1.0))
    with pytest.raises(ValueError, match=r"between 0 and the 12 steps, got \(0, 13\)"):
        run(toy, net, looks=(0, 13))
    with pytest.raises(ValueError, match="two pipelines are called 'plain'"):
        run(toy, net, pipelines=(PIPELINES[0], PIPELINES[0]))
    with pytest.raises(ValueError, match="no pipeline"):
        run(toy, net, pipelines=())
    with pytest.raises(ValueError, match="unknown pipeline 'fast'; choose one of plain"):
        run(toy, net, pipelines=PIPELINES[:1]).spread("fast")
    with pytest.raises(ValueError, match="unknown when 'last'"):
        run(toy, net, pipelines=PIPELINES[:1]).spread("plain", when="last")
    with pytest.raises(ValueError, match="unknown measure 'accuracy'; choose one of train_acc"):
        run(toy, net, pipelines=PIPELINES[:1]).values("accuracy", "plain")
    with pytest.raises(ValueError, match="momentum belongs to sgd"):
        Pipeline("x", "adam", momentum=0.9)
    with pytest.raises(ValueError, match="examples need inputs"):
        Examples(toy.train.x, toy.test.y)
    with pytest.raises(ValueError, match="problem has 4 classes but architecture 3 outputs"):
        run(Problem(toy.train, toy.validation, Examples(toy.test.x, toy.test.y + 1)), net)
    with pytest.raises(ValueError, match=r"test has inputs of shape \(2,\), train \(4,\)"):
        Problem(toy.train, toy.validation, Examples(toy.test.x[:, :2], toy.test.y))


def test_the_digits_are_split_without_overlap_and_scaled_by_the_training_set():
    problem = digits_problem(train=200, validation=100, split=1)
    sets = (problem.train, problem.validation, problem.test)
    assert [len(s.y) for s in sets] == [200, 100, 1497] and problem.classes == 10
    whole = digits_problem(train=200, validation=100, split=1, images=True, dtype=torch.float64)
    gray = whole.train.x.flatten(1)
    torch.testing.assert_close(gray.mean(0), torch.zeros(64, dtype=torch.float64))
    assert 0.5 < gray.std() < 1
    rows = torch.cat([s.x for s in sets]).unique(dim=0)
    assert len(rows) > 1790  # no digit occurs in two sets
    other = digits_problem(train=200, validation=100, split=2)
    assert not torch.equal(problem.train.y, other.train.y)
    with pytest.raises(ValueError, match="below 1797 together, got 1000 and 797"):
        digits_problem(train=1000, validation=797)


def test_a_constant_channel_is_shifted_and_not_divided_by_its_rounding():
    images = torch.rand(12, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    images[:, 1], images[:, 2] = 0.1, 0.0
    sizes = {"train": 6, "validation": 3, "test": 3}
    x = image_problem(images, torch.arange(12) % 3, **sizes).train.x
    assert x[:, 0].std() > 0.9 and x[:, 1:].abs().max() < 1e-6
    whole = (255 * images).byte()
    found = image_problem(whole, torch.arange(12) % 3, **sizes).train.x
    assert torch.equal(found, image_problem(whole.numpy(), (np.arange(12) % 3), **sizes).train.x)
    assert torch.equal(found, image_problem(whole.double(), np.arange(12) % 3, **sizes).train.x)
    with pytest.raises(ValueError, match="too large for float32"):
        image_problem(images.double() * 1e300, torch.arange(12) % 3, **sizes)


def test_a_sweep_trains_where_gradients_are_switched_off(toy, net):
    options = {"pipelines": PIPELINES[:1], "networks": 1}
    expected = run(toy, net, **options)
    for context in (torch.no_grad, torch.inference_mode):
        with context():
            sets = (Examples(x + 0, y + 0) for x, y in (toy.train, toy.validation, toy.test))
            found = run(Problem(*sets), net, **options)
        assert np.array_equal(found.measures["train_loss"], expected.measures["train_loss"])


def test_tiny_numbers_are_zero_while_a_sweep_trains_and_not_after(toy, net, monkeypatch):
    def tiny():
        return bool(torch.tensor([1e-40]) / 2 == 0)

    seen, train = [], Population.train
    monkeypatch.setattr(
        Population, "train", lambda *a, **o: (seen.append(tiny()), train(*a, **o))[1]
    )
    run(toy, net, pipelines=PIPELINES[:1], networks=1)
    supported = torch.set_flush_denormal(False)
    assert seen == [supported] and not tiny()


@pytest.mark.gpu
def test_a_gpu_gives_what_the_cpu_gives(toy, net, done, gpu):
    found = run(toy, net, device=gpu)
    for name, values in done.measures.items():
        np.testing.assert_allclose(found.measures[name], values, rtol=1e-7)
    np.testing.assert_array_equal(found.predictions, done.predictions)


def widget(pipelines, scales=(1.0, 4.0, 8.0), steps=600):
    net = MLP(64, 10, depth=2, width=32, activation="tanh")
    data = digits_problem(train=200)
    return sweep(data, net, pipelines, scales=scales, networks=1, steps=steps)


def test_decay_erases_the_scale_that_plain_sgd_remembers():
    plain, decayed = Pipeline("plain"), Pipeline("decayed", "sgd", 0.3, 0.03)
    result = widget((plain, decayed))
    assert result.values("train_accuracy", "plain").min() > 0.98
    assert result.spread("plain") > 25
    assert result.spread("decayed") < 5
