"""Exercises of the chapter `memory/idea`: what one step leaves of a trace."""

import math

from ibcore.exercises.checking import Exercise, Number, Wrong

EXERCISES = (
    Exercise(
        id="memory.idea.1",
        title="What decay leaves of the balance",
        kind="warm-up",
        stub="answer = ...  # the share of the balance that is left, to three digits",
        solution="""\
balance = 1.0
for _ in range(1000):
    balance *= (1 - 0.1 * 0.01) ** 2
answer = balance""",
        grader=Number(math.exp(2000 * math.log1p(-0.001)), within=0.01),
        wrong=(
            Wrong(
                "answer = (1 - 0.001) ** 1000",
                "The weights decay like this. The balance is quadratic in them.",
            ),
            Wrong(
                "answer = 1 - (1 - 0.001) ** 2000",
                "This is the share that is lost.",
            ),
            Wrong(
                "answer = 2 * 0.1 * 0.01 * 1000",
                "This is the reading of the clock. What share of the balance is left at it?",
            ),
        ),
        hint="Each step multiplies the balance by the bracket of the chapter's equation, here "
        "without its second term.",
    ),
    Exercise(
        id="memory.idea.4",
        title="Steps until the scale is forgotten",
        kind="core",
        stub="answer = ...  # SGD steps from scale 8 to scale 1",
        solution="""\
from ibcore.memory import time_to_scale

answer = time_to_scale(8.0, 1.0, weight_decay=0.01) / 0.1""",
        grader=Number(math.log(8) / (0.01 * 0.1), within=0.01),
        wrong=(
            Wrong(
                "import math\n\nanswer = math.log(8) / 0.01",
                "This is a flow time. One step of SGD advances it by the learning rate.",
            ),
            Wrong(
                "import math\n\nanswer = math.log(8) / 0.01 * 0.1",
                "One step advances flow time by the learning rate, so there are more steps than "
                "units of time.",
            ),
            Wrong(
                "import math\n\nanswer = math.log(8) / (2 * 0.01 * 0.1)",
                "The balance decays at twice this rate, and the scale is its square root.",
            ),
            Wrong(
                "import math\n\nanswer = math.log2(8) / (0.01 * 0.1)",
                "Decay is exponential with base e; you took the logarithm to base 2.",
            ),
            Wrong(
                "answer = (8 - 1) / (0.01 * 0.1)",
                "Decay takes a share of what is left, not the same amount each time: the time "
                "is a logarithm.",
            ),
        ),
        hint="Under decay the scale falls as e to the minus λ times flow time, and flow time is "
        "the learning rate times the steps.",
    ),
)
