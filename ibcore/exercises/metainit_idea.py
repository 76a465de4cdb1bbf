"""Exercises of the chapter `metainit/idea`: a start and its rates as a prior."""

from ibcore.exercises.checking import Call, Choice, Exercise, Function, Law, Wrong, as_numbers

_RATE = '''
def learned_rate(s, sigma, n):
    """Return the rate of one weight of the toy that makes the step the posterior mean.

    s is the width of the prior, sigma that of the noise, and n the number of examples.
    """
'''
_SLOPE = '''
def slope(w, y, y_new, rate):
    """Return the derivative by w of the query loss (moved - y_new)**2.

    One step of the given rate down the slope of (w - y)**2 takes w to moved.
    """
'''
_ANIL = """\
from ibcore.metainit import MetaLearner, accuracy, random_starts
from ibcore.nets import MLP
from ibcore.tasks import concept_inputs, sample_concepts, table_episodes

net = MLP(4, 1, depth=2, width=32)
objects, pool = concept_inputs("bits"), sample_concepts(10_000).float()
begin = {name: w[0] for name, w in random_starts(net, 1).items()}
new = table_episodes(objects, sample_concepts(200, seed=5).float(), support=5, seed=5)


def rules(step):
    return table_episodes(objects, pool, tasks=8, support=(2, 19), seed=step)


def gain(adapted=None):
    learner = MetaLearner(net, params=begin, rate=0.1, loss="binary", adapted=adapted)
    learner.fit(rules, steps=200, learning_rate=0.01)
    outputs = [learner.predict(new.support, new.query[0], inner_steps=k) for k in (0, 1)]
    before, after = (accuracy(out, new.query[1]).mean() for out in outputs)
    return after - before


share = gain(("layers.2",)) / gain()
words = {"a tenth": 0.1, "half": 0.5, "nine tenths": 0.9}
answer = min(words, key=lambda word: abs(share - words[word]))"""


def _rate(s: float, sigma: float, n: int) -> float:
    """Return the rate from precisions instead of variances."""
    known, seen = s**-2, n * sigma**-2
    return 3 * seen / (2 * (known + seen))


def _settings() -> list[tuple[float, float, int]]:
    """Return widths of the prior, of the noise, and numbers of examples."""
    return [(1.0, 1.0, 2), (0.1, 1.0, 1), (2.0, 0.5, 5), (0.5, 30.0, 3)]


def _noise_slows(function: Call) -> bool:
    calm, loud, roaring = (as_numbers(function(1.0, sigma, 2)) for sigma in (0.1, 10.0, 1000.0))
    return bool((calm > loud).all() and (loud > roaring).all())


def _central_difference(w: float, y: float, y_new: float, rate: float) -> float:
    """Return the slope from two values of the loss; exact, since the loss is quadratic in w."""

    def loss(start: float) -> float:
        return (start - rate * 2 * (start - y) - y_new) ** 2

    return (loss(w + 1) - loss(w - 1)) / 2


def _points() -> list[tuple[float, float, float, float]]:
    """Return weights, support targets, query targets and rates, on both sides of one half."""
    return [(1.0, 3.0, 2.5, 0.1), (-0.5, 0.7, 0.2, 0.4), (2.0, -1.0, 1.0, 0.8)]


def _stands_still(function: Call) -> bool:
    return abs(float(as_numbers(function(1.0, 3.0, 4.0, 0.0))) + 6.0) < 1e-9


EXERCISES = (
    Exercise(
        id="metainit.idea.1",
        title="The rate for a given noise",
        kind="warm-up",
        variable="learned_rate",
        stub=f"{_RATE}    return ...",
        solution=f"{_RATE}    return 3 / 2 * s**2 / (s**2 + sigma**2 / n)",
        grader=Function(
            _rate,
            _settings,
            laws=(Law(_noise_slows, "The rate does not fall when the noise grows."),),
            reveals=("3 / 2", "1.5", "s**2"),
        ),
        wrong=(
            Wrong(
                f"{_RATE}    return sigma**2 / n / (s**2 + sigma**2 / n) * 3 / 2",
                "This rate grows with the noise. One step has nothing to average the noise with.",
            ),
            Wrong(
                f"{_RATE}    return s**2 / (s**2 + sigma**2 / n)",
                "This is the share of the way that the step goes. The slope of the support loss "
                "has a factor of its own.",
            ),
            Wrong(
                f"{_RATE}    return 2 / 3 * s**2 / (s**2 + sigma**2 / n)",
                "The factor of the slope stands beside the rate, on the same side of the equation.",
            ),
            Wrong(
                f"{_RATE}    return 3 / 2 * s**2 / (s**2 + sigma**2)",
                "This is right for one example. The mean of n examples is less noisy than that.",
            ),
            Wrong(
                f"{_RATE}    return 3 / 2 * s / (s + sigma / n)",
                "The posterior mean weighs variances; s and sigma are standard deviations.",
            ),
        ),
        hint="Set the two lines of the known answer equal, and solve for the rate.",
    ),
    Exercise(
        id="metainit.idea.2",
        title="The slope through one step",
        kind="warm-up",
        variable="slope",
        stub=f"{_SLOPE}    return ...",
        solution=f"{_SLOPE}    moved = w - rate * 2 * (w - y)\n"
        "    return 2 * (moved - y_new) * (1 - 2 * rate)",
        grader=Function(
            _central_difference,
            _points,
            laws=(
                Law(
                    _stands_still,
                    "At rate 0 nothing moves, so this must be the slope of the query loss at w.",
                ),
            ),
            reveals=("1 - 2 * rate", "(1 - 2"),
        ),
        wrong=(
            Wrong(
                f"{_SLOPE}    moved = w - rate * 2 * (w - y)\n    return 2 * (moved - y_new)",
                "This is the first-order version: it holds the inner slope fixed while w moves.",
            ),
            Wrong(
                f"{_SLOPE}    return 2 * (w - y_new) * (1 - 2 * rate)",
                "The query loss is taken at the start here. It belongs to the moved weight.",
            ),
            Wrong(
                f"{_SLOPE}    moved = w - rate * (w - y)\n"
                "    return 2 * (moved - y_new) * (1 - rate)",
                "The inner loss is a square as well; its derivative has a factor that is missing.",
            ),
            Wrong(
                f"{_SLOPE}    moved = w + rate * 2 * (w - y)\n"
                "    return 2 * (moved - y_new) * (1 + 2 * rate)",
                "The inner step goes up the slope of the support loss here.",
            ),
            Wrong(
                f"{_SLOPE}    return 1 - 2 * rate",
                "This is the derivative of the moved weight alone; the loss is asked.",
            ),
        ),
        hint="Write down the moved weight, put it into the query loss, and use the chain rule.",
    ),
    Exercise(
        id="metainit.idea.4",
        title="A step of the last layer alone",
        kind="core",
        stub="# Five examples. Of the points that a step of all layers gains over no step, one of\n"
        "# the last layer alone, from a start that was meta-trained for it, gains about\n"
        'answer = ...  # "a tenth", "half" or "nine tenths"',
        # Over 5 random starts: 0.81 to 0.99 after 200 outer steps, 0.89 to 0.98 after 500.
        solution=_ANIL,
        grader=Choice("nine tenths", options=("a tenth", "half", "nine tenths")),
        wrong=(
            Wrong(
                'answer = "a tenth"',
                "This is what one sees when a start that was learned for steps of all layers may "
                "move its last layer only. Meta-train another one with adapted=(...).",
            ),
            Wrong(
                'answer = "half"',
                "Measure again, with as many outer steps for either start: at chance the step has "
                "gained nothing, so subtract the accuracy before it from both.",
            ),
        ),
        hint="Meta-train two starts from the same random weights, one of them with adapted=(...).",
    ),
)
