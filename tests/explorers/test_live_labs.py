"""Laboratories in the page: what the script trains is what torch and ibcore train."""

import base64
import json

import numpy as np
import pytest
import torch
from hosts import PHONE, data
from torch.func import functional_call

from ibcore.explorers import DigitTraining, GuidedStep, MetaTraining, base
from ibcore.explorers.live_labs import KEPT, VIEWS, guide_views
from ibcore.explorers.portable_random import normals, uniforms
from ibcore.guidance import cka
from ibcore.memory import digits_problem
from ibcore.metainit import MetaLearner, accuracy
from ibcore.nets import MLP
from ibcore.runs import load
from ibcore.synthesis import DigitFamily, TappedMLP, dissimilarity
from ibcore.synthesis.experiments.images import draw_guide, features
from ibcore.synthesis.training import centered_gram
from ibcore.tasks import sample_concepts

pytestmark = pytest.mark.browser

SEED = 3
LAYERS = [f"layers.{number}.{kind}" for number in range(3) for kind in ("weight", "bias")]
DEEPER = [*LAYERS, "layers.3.weight", "layers.3.bias"]


@pytest.fixture(scope="module")
def digit_figure():
    return DigitTraining(train=True, seed=SEED)


@pytest.fixture(scope="module")
def meta_figure():
    return MetaTraining(train=True, seed=SEED)


@pytest.fixture(scope="module")
def guided_figure():
    return GuidedStep(train=True, seed=SEED)


@pytest.fixture(scope="module")
def script(new_visits, tmp_path_factory):
    """Return a page with the script and nothing else."""
    visits = new_visits(tmp_path_factory.mktemp("script"))
    yield visits.open(f"<script>{base.script()}</script>")
    visits.close()


def flat(weights, layers=LAYERS):
    return torch.cat([weights[name].flatten() for name in layers]).detach().numpy()


def named(net, values, layers=LAYERS):
    """Return a flat array as the parameters of a network."""
    parts = np.split(values, np.cumsum([np.prod(net.shapes[name]) for name in layers])[:-1])
    return {
        name: torch.tensor(part.reshape(net.shapes[name]))
        for name, part in zip(layers, parts, strict=True)
    }


def digit_start(net, scale):
    sizes = [int(np.prod(net.shapes[name])) for name in LAYERS]
    drawn = iter(normals(7000 + SEED, sum(sizes)))
    values = [
        scale * next(drawn) / net.shapes[name][-1] ** 0.5 if name.endswith("weight") else 0.0
        for name, size in zip(LAYERS, sizes, strict=True)
        for _ in range(size)
    ]
    return named(net, np.array(values))


def epochs(points, size):
    """Yield batches of an order that is shuffled from its end, epoch after epoch."""
    drawn, order = iter(uniforms(8000 + SEED, 100 * points)), list(range(points))
    while True:
        for i in range(points - 1, 0, -1):
            j = int((i + 1) * next(drawn))
            order[i], order[j] = order[j], order[i]
        yield from (order[first : first + size] for first in range(0, points, size))


@pytest.mark.parametrize("pipeline", ["SGD lr 0.1", "SGD lr 0.3, L2 0.01"])
def test_digits_are_trained_as_torch_trains_them(script, digit_figure, pipeline):
    setup = digit_figure.setup()
    wanted = {"pipeline": pipeline, "weight_scale": 4.0, "seed": SEED}
    look = """async ([setup, p]) => { const rows = await IBExplorers.digitRows(setup);
      const run = IBExplorers.digitRun({ ...setup, rows, steps: [0, 30] }, p), looks = [];
      for (const look of run) if (look) looks.push([look.right, [...look.theta]]);
      return looks; }"""
    (first, _), (right, theta) = script.evaluate(look, [setup, wanted])
    net, problem = MLP(64, 10, depth=2, width=64, activation="tanh"), digits_problem()
    weights = {name: value.requires_grad_() for name, value in digit_start(net, 4.0).items()}
    rates = setup["rates"][pipeline]
    optimizer = torch.optim.SGD(
        weights.values(), lr=rates["rate"], weight_decay=rates["decay"], foreach=False
    )
    x, test = problem.train.x.double(), problem.test.x.double()

    def share():
        classes = functional_call(net, weights, (test,)).argmax(1)
        return (classes == problem.test.y).double().mean().item()

    assert first == pytest.approx(share(), abs=1e-9)
    for _, rows in zip(range(30), epochs(300, 32), strict=False):
        outputs = functional_call(net, weights, (x[rows],))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(outputs, problem.train.y[rows]).backward()
        optimizer.step()
    # the scaled pixels of digits_problem are float32
    assert np.abs(np.array(theta) - flat(weights)).max() < 1e-6 * np.abs(theta).max()
    assert right == pytest.approx(share(), abs=1.5 / 1197)


def rule_tables(pool):
    numbers = [int(pool[i : i + 4], 16) for i in range(0, len(pool), 4)]
    return torch.tensor([[number >> i & 1 for i in range(16)] for number in numbers]).double()


def drawn_tasks(stream, tables, objects, tasks, shown):
    rows, picked = [], []
    for _ in range(tasks):
        rows.append(int(len(tables) * next(stream)))
        picked.append([int(16 * next(stream)) for _ in range(shown)])
    table = tables[rows]
    shown = torch.tensor(picked)
    y = table.gather(1, shown)
    return (objects[shown], y), (objects.expand(tasks, 16, 4), table)


def test_a_start_is_meta_trained_as_ibcore_does(script, meta_figure):
    setup = {**meta_figure.setup(), "outer": 100, "test": 5}
    look = """([setup, seed]) => { const looks = [];
      for (const look of IBExplorers.metaRun(setup, seed))
        if (look) looks.push([look.scores, [...look.both]]);
      return looks; }"""
    looks = script.evaluate(look, [setup, SEED])
    net, objects = MLP(4, 1, depth=2, width=32), torch.tensor(setup["objects"]).double()
    bounds = [net.shapes[f"{name.rsplit('.', 1)[0]}.weight"][1] ** -0.5 for name in LAYERS]
    sizes = [int(np.prod(net.shapes[name])) for name in LAYERS]
    unit = 2 * uniforms(7000 + SEED, sum(sizes)) - 1
    start = named(net, unit * np.repeat(bounds, sizes))
    known, fresh = (rule_tables(pool) for pool in setup["rules"])
    stream = iter(uniforms(9000 + SEED, 100_000))
    batches = []
    for _ in range(100):
        shown = 2 + int(18 * next(stream))
        batches.append(drawn_tasks(stream, known, objects, 8, shown))
    learner = MetaLearner(net, params=start, rate=0.1, loss="binary")
    learner.fit(lambda step: batches[step], steps=100, learning_rate=0.01)
    found = np.concatenate([flat(learner.start.params), flat(learner.start.rates)])
    assert np.abs(np.array(looks[-1][1]) - found).max() < 1e-6
    stream = iter(uniforms(10_000 + SEED, 10_000))
    for shown, scores in zip(setup["supports"], looks[-1][0], strict=True):
        support, (x, table) = drawn_tasks(stream, fresh, objects, 5, shown)
        for budget, score in zip(setup["choices"]["budget"], scores, strict=True):
            outputs = learner.predict(support, x, inner_steps=budget)
            assert score == pytest.approx(accuracy(outputs, table).mean().item(), abs=1e-9)


def guided_start(net):
    shapes = [net.shapes[name] for name in DEEPER]
    drawn = iter(normals(7000 + SEED, sum(int(np.prod(shape)) for shape in shapes)))
    values = []
    for name, shape in zip(DEEPER, shapes, strict=True):
        size = (1 if name == "layers.3.weight" else 2) ** 0.5 / shape[-1] ** 0.5
        weight = name.endswith("weight")
        values += [size * next(drawn) if weight else 0.0 for _ in range(int(np.prod(shape)))]
    return named(net, np.array(values), DEEPER)


def drawn_rows(stream, count, some):
    order = list(range(count))
    for i in range(some):
        j = i + int((count - i) * next(stream))
        order[i], order[j] = order[j], order[i]
    return order[:some]


def view_of(text, points):
    """Return the features of one layer of a guide as the page holds them."""
    whole = np.frombuffer(base64.b64decode(text), np.int8).reshape(points, -1)
    return torch.from_numpy(whole.astype(np.float64))


@pytest.mark.parametrize("guide", ["none", "untrained", "trained"])
def test_a_guided_network_is_trained_as_torch_trains_it(script, guided_figure, guide):
    setup, task = guided_figure.setup(), DigitFamily(0).task()
    look = """async ([setup, p]) => { const rows = await IBExplorers.digitRows(setup);
      const run = IBExplorers.guidedRun({ ...setup, rows, steps: [0, 12] }, p), looks = [];
      for (const look of run) if (look) looks.push([look.right, look.alike, [...look.theta]]);
      return looks; }"""
    looks = script.evaluate(look, [setup, {"guide": guide, "seed": SEED}])
    net = TappedMLP(100, 5, depth=3, width=100, activation="relu")
    theta = {name: w.requires_grad_() for name, w in guided_start(net).items()}
    optimizer = torch.optim.SGD(theta.values(), lr=0.1, foreach=False)
    points = torch.cat([task.x, task.unlabeled]).double()
    views = [view_of(text, len(points)) for text in setup["guides"].get(guide, ())]

    def unlike(rows):
        outputs, hidden = net.layers_of({n: w[None] for n, w in theta.items()}, points[None, rows])
        grams = [centered_gram(view[rows])[None] for view in views]
        loss = torch.nn.functional.cross_entropy(outputs[0, :50], task.y)
        return loss, dissimilarity(hidden, grams).sum() if views else torch.tensor(0.0)

    if views:
        alike = 1 - unlike(torch.arange(len(points)))[1].item() / 3
        assert looks[0][1] == pytest.approx(alike, abs=1e-6)
    stream = iter(uniforms(8000 + SEED, 10_000))
    for _ in range(12):
        more = [50 + i for i in drawn_rows(stream, 200, 40)] if views else []
        optimizer.zero_grad()
        sum(unlike(torch.tensor([*range(50), *more]))).backward()
        optimizer.step()
    right, _, found = looks[-1]
    assert np.abs(np.array(found) - flat(theta, DEEPER)).max() < 1e-5  # the pixels are float32
    outputs = functional_call(net, theta, (task.test_x.double(),))
    share = (outputs.argmax(1) == task.test_y).double().mean().item()
    assert right == pytest.approx(share, abs=1.5 / 300)


def test_the_views_of_a_guide_are_alike_what_it_holds(guided_figure):
    task, kept = DigitFamily(0).task(), json.loads(VIEWS.read_text("utf-8"))
    assert [len(base64.b64decode(text)) for text in kept["trained"]] == [250 * k for k in KEPT]
    held = features(draw_guide(0, "untrained", 0), torch.cat([task.x, task.unlabeled]))
    for text, again, layer in zip(kept["untrained"], guide_views("untrained"), held, strict=True):
        both = [view_of(each, 250) for each in (text, again)]
        assert (both[0].abs() - both[1].abs()).abs().max() <= 1  # a component may change its sign
        assert cka(both[0], layer.double(), unbiased=False) > 0.98


def test_rules_are_those_of_the_grammar(meta_figure):
    known, fresh = (rule_tables(pool) for pool in meta_figure.setup()["rules"])
    assert torch.equal(known.long(), sample_concepts(2000, seed=0))
    assert len(fresh) == 500


def test_pictures_are_the_digits_of_the_sweeps(script, digit_figure):
    read = "async (setup) => (await IBExplorers.digitRows(setup)).map((row) => [...row])"
    rows, problem = np.array(script.evaluate(read, digit_figure.setup())), digits_problem()
    sets = torch.cat([problem.train.x, problem.test.x]).double().numpy()
    assert np.abs(rows - sets).max() < 1e-5
    labels = "".join(map(str, [*problem.train.y.tolist(), *problem.test.y.tolist()]))
    assert digit_figure.setup()["labels"] == labels


def test_a_band_runs_from_the_lowest_to_the_highest_stored_network(digit_figure, meta_figure):
    frame, name = load("memory.pipelines"), "SGD lr 0.1"
    own = frame[(frame.pipeline == name) & (frame.weight_scale == 8) & (frame.step == 2000)]
    ends = digit_figure.setup()["stored"][name][-1][-1]
    expected = [own.test_accuracy.min(), own.test_accuracy.mean(), own.test_accuracy.max()]
    assert ends == pytest.approx(expected, abs=5e-5)
    frame = load("metainit.concepts").query("architecture == 'MLP' and method == 'meta'")
    own = frame[(frame["view"] == "bits") & (frame.budget == 1) & (frame.support == 15)].accuracy
    ends = meta_figure.setup()["stored"][1][-1]
    assert ends == pytest.approx([own.min(), own.mean(), own.max()], abs=5e-5)


def shorter(figure):
    """Let the runs of a figure be short."""
    setup = figure.setup()
    short = {"outer": 100, "test": 2}
    if "steps" in setup:
        flat = figure.kind == "GuidedStep"
        cut = {name: [row[:2] for row in rows] for name, rows in setup["stored"].items()}
        ends = {name: rows[:2] for name, rows in setup["stored"].items()} if flat else cut
        short = {"steps": setup["steps"][:2], "stored": ends}
    figure._numbers = {**figure._numbers, **short}
    return figure


@pytest.mark.parametrize("kind", [DigitTraining, MetaTraining, GuidedStep])
def test_a_network_of_the_reader_is_drawn_over_the_stored_ones_on_a_phone(visits, kind):
    page = visits.show(shorter(kind()), viewport=PHONE)
    mine = page.locator(".ibx-frame path.ibx-line-1:not(.ibx-band)")
    assert mine.get_attribute("d") == ""
    story = page.locator(".ibx-story")
    assert "Yours" not in story.inner_text()
    page.get_by_role("radio", name="and mine").press("Space")
    page.wait_for_function(
        "document.querySelector('.ibx').dataset.done === '1'"
        " && document.querySelector('.ibx').dataset.train === 'true'"
    )
    first, drawn = data(page)["right"], mine.get_attribute("d")
    assert len(drawn) > 5
    assert "Yours, seed 1" in story.inner_text()
    page.get_by_text("More controls").click()
    page.get_by_role("slider", name="My seed").press("ArrowRight")
    page.wait_for_function(
        "old => { const d = document.querySelector('.ibx').dataset;"
        " return d.seed === '2' && d.done === '1' && d.right !== old; }",
        arg=first,
    )
    page.wait_for_function("location.hash.includes('seed=2')")
    assert "train=true" in page.url
    page.get_by_role("radio", name="stored").press("Space")
    page.wait_for_function("document.querySelector('.ibx').dataset.right === ''")
    top = page.locator(".ibx-frame").bounding_box()["y"]
    controls = page.locator(".ibx-controls").bounding_box()["y"]
    assert top < controls
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
