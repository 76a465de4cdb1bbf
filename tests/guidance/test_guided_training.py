"""Guided training: equal to a plain loop, paired with its control, and true to its schedule."""

import copy
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from ibcore.guidance import (
    Alignment,
    Batch,
    Distillation,
    LabelGuide,
    NetworkGuide,
    NoiseGuide,
    PixelGuide,
    Schedule,
    ScrambledGuide,
    activations,
    cka,
    guide,
    procrustes,
    redraw,
    ridge,
    rsa,
)
from ibcore.nets import Transformer
from ibcore.population import member_seed

N, U = 30, 25


def data(dtype=torch.float64):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(N + U, 1, 6, 6, generator=rng, dtype=torch.float64).to(dtype)
    return x[:N], (x[:N].mean((1, 2, 3)) > 0).long(), x[N:]


def target(seed=0, *extra):
    layers = [nn.Flatten(), nn.Linear(36, 12), nn.ReLU(), *extra, nn.Linear(12, 9), nn.ReLU()]
    return redraw(nn.Sequential(*layers, nn.Linear(9, 2)), seed).double()


def teacher(seed=5):
    layers = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Flatten()]
    return redraw(nn.Sequential(*layers, nn.Linear(24, 2)), seed).double()


def same(one, other, *, within=0.0):
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return max((a - b).abs().max().item() for a, b in pairs) <= within


def differs(one, other):
    return not same(one, other, within=1e-6)


def plain_loop(net, watcher, x, y, unlabeled, *, steps, alpha, rate, batch):
    """Train as the documentation says, with nothing of the package but the definition of CKA."""
    net = copy.deepcopy(net)
    orders = [torch.Generator().manual_seed(seed) for seed in (3, member_seed(3, 1))]
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    rows = [torch.empty(0, dtype=torch.int64)] * 2
    for _ in range(steps):
        chosen = []
        for kind, (count, size) in enumerate(((len(x), batch), (len(unlabeled), 10))):
            if not len(rows[kind]):
                rows[kind] = torch.randperm(count, generator=orders[kind])
            chosen.append(rows[kind][:size])
            rows[kind] = rows[kind][size:]
        points = torch.cat([x[chosen[0]], unlabeled[chosen[1]]])
        hidden = [net[1](points.flatten(1))]
        hidden.append(net[3](hidden[0].relu()))
        with torch.no_grad():
            seen = [watcher[0](points)]
            seen.append(watcher[2](seen[0].relu()))
        outputs = net[5](hidden[1].relu())[: len(chosen[0])]
        loss = functional.cross_entropy(outputs, y[chosen[0]])
        for h, s in zip(hidden, seen, strict=True):
            a, b = h - h.mean(0), s.flatten(1) - s.flatten(1).mean(0)
            k, other = a @ a.T, b @ b.T
            loss = loss + alpha * (1 - (k * other).sum() / (k.norm() * other.norm()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


def test_guided_training_equals_a_plain_loop():
    x, y, unlabeled = data()
    options = {"steps": 40, "seed": 3, "batch_size": 12, "learning_rate": 3e-3}
    done = guide(
        target(),
        teacher(),
        x,
        y,
        schedule=Schedule(weight=2.0),
        unlabeled=unlabeled,
        unlabeled_batch_size=10,
        **options,
    )
    assert done.pairs == [("0", "1"), ("2", "3")]
    expected = plain_loop(
        target(), teacher(), x, y, unlabeled, steps=40, alpha=2.0, rate=3e-3, batch=12
    )
    assert same(done.model, expected, within=1e-9)
    other = guide(target(), teacher(), x, y, schedule=Schedule(weight=1.9), **options)
    assert differs(done.model, other.model)


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        ("sgd", {"momentum": 0.9, "weight_decay": 0.1}),
        ("adam", {"weight_decay": 0.1}),
        ("adamw", {"weight_decay": 0.1}),
    ],
)
def test_without_a_guide_it_is_plain_training(optimizer, options):
    x, y, _ = data()
    done = guide(target(), None, x, y, steps=20, optimizer=optimizer, learning_rate=0.01, **options)
    net = target()
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[optimizer]
    method = kind(net.parameters(), lr=0.01, **options)
    for _ in range(20):
        method.zero_grad()
        functional.cross_entropy(net(x), y).backward()
        method.step()
    assert same(done.model, net, within=1e-10)
    assert done.layers.empty and done.log.dissimilarity.isna().all() and done.pairs == []


@pytest.mark.parametrize(
    "alignment", [Alignment(), Alignment(unbiased=True), Alignment(kernel="rbf")], ids=str
)
def test_gram_matrices_that_are_kept_give_what_the_guide_itself_gives(alignment, monkeypatch):
    x, y, unlabeled = data()
    options = {"steps": 15, "batch_size": 12, "unlabeled": unlabeled, "alignment": alignment}
    kept = guide(target(), teacher(), x, y, **options)
    calls = []

    class Counted(NetworkGuide):
        def __call__(self, batch):
            calls.append(len(batch.x))
            return super().__call__(batch)

    again = guide(target(), Counted(teacher()), x, y, **options)
    assert len(calls) == 2 and calls[1] == N + U  # the layers, and all data once
    monkeypatch.setattr("ibcore.guidance.training._ENTRIES", 0)
    each = guide(target(), Counted(teacher()), x, y, **options)
    assert len(calls) == 2 + 1 + 15
    assert same(kept.model, again.model)
    assert same(kept.model, each.model, within=1e-9)


def test_a_guide_that_depends_on_the_batch_is_asked_at_every_step():
    alignment, watcher = Alignment(), NetworkGuide(teacher(), mode="train")
    x, y, _ = data()
    done = guide(target(), watcher, x, y, steps=7, alignment=alignment)
    assert watcher.calls == 7 + 1 and len(done.log) == 7


def test_control_and_guided_run_begin_alike_and_see_the_same_points_in_the_same_order():
    x, y, unlabeled = data()
    seen = {}

    def recording(name):
        def loss(outputs, batch):
            seen.setdefault(name, []).append(batch.rows.tolist())
            return functional.cross_entropy(outputs[: len(batch.y)], batch.y)

        return loss

    options = {"steps": 9, "batch_size": 7, "seed": 4, "unlabeled": unlabeled}
    for name, watcher in (("guided", teacher()), ("control", None)):
        guide(target(), watcher, x, y, loss=recording(name), unlabeled_batch_size=5, **options)
    assert seen["guided"] == seen["control"]
    epoch = sorted(row for rows in seen["guided"][:5] for row in rows[: min(7, len(rows) - 5)])
    assert epoch == list(range(N))  # four batches of 7 and one of 2
    assert all(row >= N for rows in seen["guided"] for row in rows[-5:])
    starts = []
    for watcher in (teacher(), None):
        guide(
            target(),
            watcher,
            x,
            y,
            steps=1,
            init_seed=8,
            checkpoints=[0],
            on_checkpoint=lambda _, model: starts.append(copy.deepcopy(model)),
        )
    assert same(*starts) and same(starts[0], redraw(target(), 8))


def test_guide_target_data_and_global_random_state_stay_as_they_are():
    x, y, _ = data()
    net, watcher = target(0, nn.Dropout(0.3)), teacher()
    before = copy.deepcopy(net), copy.deepcopy(watcher), x.clone(), torch.random.get_rng_state()
    with torch.no_grad():  # whatever the caller has set
        done = guide(net, watcher, x, y, steps=20, learning_rate=0.01)
    assert same(net, before[0]) and same(watcher, before[1]) and torch.equal(x, before[2])
    assert torch.equal(torch.random.get_rng_state(), before[3])
    assert all(p.grad is None and p.requires_grad for p in watcher.parameters())
    assert differs(done.model, net) and not done.model.training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in done.model.modules())


def test_seeds_fix_the_result_dropout_included():
    x, y, _ = data()
    net = target(0, nn.Dropout(0.3))
    runs = [
        guide(net, teacher(), x, y, steps=10, batch_size=9, seed=s, init_seed=i).model
        for s, i in ((1, 1), (1, 1), (2, 1), (1, 2))
    ]
    assert same(runs[0], runs[1])
    assert differs(runs[0], runs[2]) and differs(runs[0], runs[3])


def test_the_log_has_a_row_for_every_step_and_the_parts_of_the_loss():
    x, y, _ = data()
    totals = []
    done = guide(
        target(),
        teacher(),
        x,
        y,
        steps=30,
        schedule=Schedule("decay", 3.0, until=20),
        on_step=lambda step, loss: totals.append((step, loss.item())),
    )
    log = done.log
    assert log.step.tolist() == [step for step, _ in totals] == list(range(1, 31))
    assert log.guide_weight.tolist() == pytest.approx([3 * max(0, 1 - t / 20) for t in range(30)])
    parts = log.task_weight * log.task_loss + log.guide_weight * log.dissimilarity.fillna(0)
    assert parts.tolist() == pytest.approx([loss for _, loss in totals])
    assert log.dissimilarity.isna().tolist() == [False] * 20 + [True] * 10
    first = done.layers[done.layers.step == 1]
    seen, shown = (
        activations(n, x, list("0123")[i::2]) for i, n in ((0, teacher()), (1, target()))
    )
    expected = [
        cka(shown[t].flatten(1), seen[g].flatten(1), unbiased=False).item() for g, t in done.pairs
    ]
    assert first.similarity.tolist() == pytest.approx(expected, abs=1e-10)
    assert (2 - first.similarity.sum()) == pytest.approx(log.dissimilarity[0])
    assert len(done.layers) == 40 and set(done.layers.guide_layer) == {"0", "2"}


def test_guidance_lowers_what_it_weighs_and_leaves_the_target_more_like_its_guide():
    x, y, _ = data()

    def similarity(model, points):
        seen, shown = activations(teacher(), points, ["2"]), activations(model, points, ["3"])
        return cka(shown["3"], seen["2"].flatten(1)).item()

    values = {}
    for name, schedule in (
        ("constant", Schedule(weight=5.0)),
        ("none", None),
    ):
        watcher = None if schedule is None else teacher()
        done = guide(target(), watcher, x, y, steps=120, learning_rate=3e-3, schedule=schedule)
        values[name] = similarity(done.model, x)
        if name == "constant":
            curve = done.log.dissimilarity
            assert curve.iloc[-1] < 0.5 * curve.iloc[0]
    assert values["none"] < values["constant"] - 0.1


def test_after_a_disconnect_the_run_goes_on_as_without_a_guide():
    x, y, _ = data()
    schedule = Schedule("disconnect", 5.0, until=10)
    ten = guide(target(), teacher(), x, y, steps=10, optimizer="sgd", schedule=schedule)
    thirty = guide(target(), teacher(), x, y, steps=30, optimizer="sgd", schedule=schedule)
    rest = guide(ten.model, None, x, y, steps=20, optimizer="sgd")
    assert same(thirty.model, rest.model, within=1e-12)


def test_as_an_initialization_only_the_weights_pass_on_to_the_task():
    x, y, _ = data()
    schedule = Schedule("initialize", 2.0, until=10)
    options = {"weight_decay": 0.1}  # nor does it act on the head
    wrong = 1 - y  # labels are not used yet
    aligned = guide(target(), teacher(), x, wrong, steps=10, schedule=schedule, **options)
    assert same(aligned.model[-1], target()[-1])  # nothing trains the head
    assert differs(aligned.model[1], target()[1])
    whole = guide(target(), teacher(), x, y, steps=25, schedule=schedule, **options)
    rest = guide(aligned.model, None, x, y, steps=15, **options)  # with a new Adam
    assert same(whole.model, rest.model, within=1e-12)


def test_unlabeled_points_are_only_seen_while_the_guide_has_weight():
    x, y, unlabeled = data()
    counts = []

    class Counting(nn.Module):
        def forward(self, x):
            counts.append(len(x))
            return x

    net = nn.Sequential(Counting(), target())
    guide(
        net,
        teacher(),
        x,
        y,
        steps=4,
        unlabeled=unlabeled,
        schedule=Schedule("disconnect", 1.0, 2),
        mapping=[("0", "1.1")],
    )
    assert counts[-4:] == [N + U, N + U, N, N]


def test_labels_and_scrambled_and_given_pairs_are_guides_like_any_other():
    x, y, _ = data()
    labels = guide(target(), LabelGuide(2), x, y, steps=60, mapping="all", learning_rate=5e-3)
    assert labels.pairs == [("labels", "1"), ("labels", "3")]
    assert labels.log.dissimilarity.iloc[-1] < 0.3 * labels.log.dissimilarity.iloc[0]
    done = guide(
        target(),
        ScrambledGuide(PixelGuide()),
        x,
        y,
        steps=3,
        mapping=[("pixels", "5")],
        layers=["5"],
    )
    assert done.pairs == [("pixels", "5")]


X, Y = torch.randn(20, 7), torch.randn(20, 4)


@pytest.mark.parametrize(
    ("alignment", "expected"),
    [
        (Alignment(), lambda x, y: cka(x, y, unbiased=False)),
        (Alignment(unbiased=True), cka),
        (Alignment(kernel="rbf"), lambda x, y: cka(x, y, kernel="rbf", unbiased=False)),
        (Alignment("rsa"), rsa),
        (Alignment("procrustes"), procrustes),
        (Alignment("ridge"), ridge),
        (Alignment(lambda x, y: x.mean() * y.mean()), lambda x, y: x.mean() * y.mean()),
    ],
)
def test_every_measure_can_be_the_loss(alignment, expected):
    gaps = alignment.gaps({"g": Y}, {"t": X}, [("g", "t")])
    assert gaps.tolist() == pytest.approx([1 - expected(X, Y).item()], abs=1e-6)
    x, y, _ = data()
    done = guide(target(), teacher(), x, y, steps=3, alignment=alignment)
    assert len(done.layers) == 6 and done.layers.similarity.notna().all()


def test_sum_and_mean_over_pairs():
    x, y, _ = data()
    one, other = (
        guide(target(), teacher(), x, y, steps=1, alignment=Alignment(reduction=name)).log
        for name in ("sum", "mean")
    )
    assert one.dissimilarity[0] == pytest.approx(2 * other.dissimilarity[0])


def test_tokens_are_compared_one_by_one_and_summed():
    x, y = torch.randn(9, 5, 3).double(), torch.randn(9, 5, 7).double()
    gap = Alignment(per_token=True).gaps({"g": y}, {"t": x}, [("g", "t")])
    expected = sum(1 - cka(x[:, t], y[:, t], unbiased=False).item() for t in range(5))
    assert gap.item() == pytest.approx(expected)
    with pytest.raises(ValueError, match="as many tokens on both sides"):
        Alignment(per_token=True).gaps({"g": y[:, :2]}, {"t": x}, [("g", "t")])


class SequenceModel(nn.Module):
    """A vanilla recurrent network that answers at every token."""

    def __init__(self):
        super().__init__()
        self.embed, self.rnn = nn.Embedding(7, 6), nn.RNN(6, 8, batch_first=True)
        self.head = nn.Linear(8, 7)

    def forward(self, tokens):
        return self.head(self.rnn(self.embed(tokens))[0])


def test_a_recurrent_network_learns_with_a_transformer_at_its_side():
    tokens = torch.randint(0, 7, (24, 6), generator=torch.Generator().manual_seed(0))
    answers = tokens.roll(1, 1)
    answers[:, 0] = -100  # nothing to answer yet
    done = guide(
        SequenceModel(),
        Transformer(7, depth=1, width=8, heads=2, context=6),
        tokens,
        answers,
        steps=60,
        alignment=Alignment(per_token=True),
        schedule=Schedule(weight=0.1),
        learning_rate=0.01,
        init_seed=0,
    )
    assert done.pairs == [("blocks.0", "rnn")]
    assert done.log.task_loss.iloc[-1] < 0.5 * done.log.task_loss.iloc[0]
    assert done.log.dissimilarity.iloc[-1] < done.log.dissimilarity.iloc[0]


def test_distillation_is_the_loss_of_the_textbook_and_learns_from_unlabeled_points():
    x, y, unlabeled = data()
    logits = 3 * torch.randn(N + U, 2).double()
    outputs = torch.randn(N + U, 2).double()
    batch = Batch(torch.cat([x, unlabeled]), y, torch.arange(N + U))
    p, q = (functional.softmax(z / 2.5, -1).numpy() for z in (outputs, logits))
    divergence = (q * np.log(q / p)).sum(1).mean()
    expected = 0.3 * functional.cross_entropy(outputs[:N], y).item() + 0.7 * 2.5**2 * divergence
    value = Distillation(logits, temperature=2.5, weight=0.7)(outputs, batch)
    assert value.item() == pytest.approx(expected)
    loss = Distillation(logits, weight=1.0)
    done = guide(
        target(), None, x, y, steps=300, loss=loss, unlabeled=unlabeled, learning_rate=0.01
    )
    agree = done.model(batch.x).argmax(1) == logits.argmax(1)
    assert agree[N:].double().mean() > 0.9


def test_looks_show_the_network_in_evaluation_mode():
    x, y, _ = data()
    checkpoints = []

    def look(step, model):
        checkpoints.append((step, model.training, torch.is_grad_enabled(), model[1].weight.clone()))

    done = guide(target(), teacher(), x, y, steps=5, checkpoints=[0, 2, 5], on_checkpoint=look)
    assert [(step, training, grad) for step, training, grad, _ in checkpoints] == [
        (step, False, False) for step in (0, 2, 5)
    ]
    assert torch.equal(checkpoints[0][3], target()[1].weight)
    assert torch.equal(checkpoints[2][3], done.model[1].weight)
    assert torch.is_grad_enabled()


def test_a_layer_that_dies_is_named_at_its_step():
    x, y, _ = data()
    net = target()
    with torch.no_grad():
        net[1].weight.zero_()
    with pytest.raises(FloatingPointError, match=r"dissimilarity of '0' and '1' .* at step 1"):
        guide(net, teacher(), x, y, steps=2)


def test_a_loss_that_explodes_is_named_at_its_step():
    x, y, _ = data()
    with pytest.raises(FloatingPointError, match=r"task loss is .* at step \d+; use a smaller"):
        guide(target(), None, x * 1e150, y, steps=9, optimizer="sgd", learning_rate=1e10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"guide": None, "schedule": Schedule()}, "schedule without a guide"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"y": torch.zeros(3)}, "x holds 30 points, y 3 labels"),
        ({"unlabeled": torch.zeros(4, 36)}, "unlabeled must be like x"),
        ({"guide": LabelGuide(2), "unlabeled": data()[2]}, "a label for every point"),
        ({"unlabeled_batch_size": 4}, "unlabeled_batch_size must be at most the 0 points, got 4"),
        ({"batch_size": 31}, "batch_size must be at most the 30 points, got 31"),
        ({"batch_size": 29}, "would hold 1 points, but the measure needs at least 2"),
        ({"batch_size": 9, "alignment": Alignment(unbiased=True)}, "3 points, .* at least 4"),
        ({"loss": "hinge"}, "unknown loss 'hinge'"),
        ({"optimizer": "lion"}, "unknown optimizer 'lion'"),
        ({"learning_rate": -1.0}, "learning_rate must be at least 0, got -1"),
        ({"momentum": 0.9}, "momentum belongs to sgd"),
        ({"seed": -1}, "seed must be between 0"),
        (
            {"checkpoints": [99], "on_checkpoint": print},
            "checkpoints must be different whole numbers up to 5",
        ),
        ({"checkpoints": [1]}, "need each other"),
        ({"mapping": "odd"}, "unknown mapping 'odd'"),
        ({"mapping": [("0", "9")]}, "the target has no layer '9'"),
        ({"layers": ["fc"]}, "no layer 'fc'"),
        ({"device": "tpu9"}, "unknown device 'tpu9'"),
    ],
)
def test_bad_options_are_named(options, message):
    x, y, _ = data()
    settings = {"guide": teacher(), "x": x, "y": y, "steps": 5} | options
    with pytest.raises(ValueError, match=message):
        guide(target(), **settings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measure": "cca"}, "unknown measure 'cca'; choose one of 'cka', 'rsa'"),
        ({"reduction": "max"}, "unknown reduction 'max'; choose one of 'sum', 'mean'"),
        ({"kernel": "cosine"}, "unknown kernel 'cosine'"),
        ({"measure": "rsa", "unbiased": True}, "belong to measure='cka', not 'rsa'"),
        ({"measure": "procrustes", "per_token": True}, "belong to measure='cka'"),
    ],
)
def test_bad_alignments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Alignment(**options)


def test_bad_options_of_distillation_are_named():
    with pytest.raises(ValueError, match="temperature must be above 0"):
        Distillation(torch.zeros(2, 2), temperature=0)
    with pytest.raises(ValueError, match=r"weight must be .* at most 1"):
        Distillation(torch.zeros(2, 2), weight=1.5)


@pytest.mark.gpu
def test_a_gpu_gives_the_same_run(gpu):
    x, y, unlabeled = data()
    schedule = Schedule("disconnect", 2.0, until=10)
    options = {"steps": 20, "batch_size": 12, "unlabeled": unlabeled, "schedule": schedule}
    here = guide(target(), teacher(), x, y, **options)
    there = guide(target(), teacher().to(gpu), x, y, device=gpu, **options)
    assert same(here.model, there.model.cpu(), within=1e-6)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_what_a_caller_has_set_in_torch_changes_nothing(context):
    x, y, _ = data(torch.float32)
    runs = []
    for inside in (nullcontext, context, lambda: torch.autocast("cpu", dtype=torch.bfloat16)):
        with inside():
            net, watcher = redraw(target().float(), 3), redraw(teacher().float(), 4)
            runs.append(guide(net, watcher, x.clone(), y, steps=4, learning_rate=0.01).model)
    assert same(runs[0], runs[1]) and same(runs[0], runs[2])
    with context():
        net = target()
    guide(net, net, x, y, steps=1)  # what was made inside learns outside


def test_inputs_get_the_type_of_the_weights_and_targets_that_of_the_outputs():
    x, y, unlabeled = data()
    options = {"steps": 3, "alignment": Alignment(unbiased=True)}
    expected = guide(target(), teacher(), x, y, unlabeled=unlabeled, **options)
    options["unlabeled"] = unlabeled.numpy()
    arrays = guide(target(), teacher(), x.tolist(), y.numpy(), **options)
    assert same(expected.model, arrays.model)
    whole = torch.stack([y, 1 - y], 1)
    for given in (whole, whole.float(), whole.bool()):
        done = guide(target(), None, x, given, steps=3, loss="mse")
        assert same(done.model, guide(target(), None, x, whole.double(), steps=3, loss="mse").model)
    single = guide(target().float(), None, x, y, steps=3)
    assert same(single.model, guide(target().float(), None, x.float(), y, steps=3).model)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": torch.arange(N)}, "y must hold classes from 0 to 1, got 2"),
        ({"y": torch.zeros(N)}, r"y must hold classes from 0 to 1, got torch.float32"),
        ({"y": -torch.arange(N)}, "got -1"),
        ({"y": torch.zeros(N, 2).long()}, r"needs y of shape \('n',\), got \(30, 2\)"),
        ({"loss": "mse", "y": torch.zeros(N, 1)}, r"needs y of shape \('n', 2\)"),
        ({"loss": "mse", "y": torch.zeros(N)}, r"needs y of shape \('n', 2\), got \(30,\)"),
        ({"loss": "binary", "y": torch.zeros(N)}, r"needs y of shape \('n', 2\)"),
        ({"loss": "binary", "y": 2 * torch.ones(N, 2)}, "y must lie between 0 and 1, got 2.0"),
        (
            {"x": torch.zeros(N, 5)},
            r"x of shape \(8, 5\) and .* does not go through Seq",
        ),
        ({"loss": Distillation(torch.zeros(5, 2))}, r"logits must have shape \(30, 2\)"),
        ({"guide": NoiseGuide(9)}, "points=9 of the guide's data, but point 29"),
        ({"guide": LabelGuide(2), "loss": lambda o, b: o.sum(), "y": 2 * data()[1]}, "class 2"),
    ],
)
def test_data_that_do_not_fit_are_named(options, message):
    x, y, _ = data()
    settings = {"guide": teacher(), "x": x, "y": y, "steps": 5} | options
    with pytest.raises(ValueError, match=message):
        guide(target(), **settings)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_networks_and_norms_that_keep_averages_are_guided(kind):
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.core, self.norm = kind(6, 8, batch_first=True), nn.BatchNorm1d(8)
            self.drop, self.head = nn.Dropout(0.5), nn.Linear(8, 2)

        def forward(self, x):
            return self.head(self.drop(self.norm(self.core(x.flatten(1, 2))[0][:, -1])))

    x, y, _ = data(torch.float32)
    done = guide(Last(), teacher().float(), x, y, steps=20, learning_rate=0.03, init_seed=0)
    assert done.pairs == [("0", "core"), ("2", "core")]
    assert done.log.task_loss.iloc[-5:].mean() < done.log.task_loss.iloc[0]
    with pytest.raises(ValueError, match=r"target has no weights at '1.weight' yet"):
        guide(nn.Sequential(nn.Flatten(), nn.LazyLinear(2)), None, x, y, steps=1)
