"""Try an exercise out: the stub stays open, the solution passes, wrong answers get their hints."""

from dataclasses import dataclass

from ibcore.exercises.checking import judge
from ibcore.exercises.exercise import Exercise


@dataclass(frozen=True)
class Trial:
    """How one exercise answers its own stub, solution and wrong answers.

    Attributes
    ----------
    stub
        Whether the stub is told that it is not answered yet.
    solution
        Whether the solution passes.
    wrong
        For each listed wrong answer whether it fails with the hint listed for it.
    """

    stub: bool
    solution: bool
    wrong: tuple[bool, ...]

    @property
    def sound(self) -> bool:
        """Whether all of them behave."""
        return self.stub and self.solution and all(self.wrong)


def try_out(exercise: Exercise) -> Trial:
    """Run an exercise's stub, solution and wrong answers through its own check.

    Examples
    --------
    >>> from ibcore.exercises import find
    >>> try_out(find("memory.limits.1"))
    Trial(stub=True, solution=True, wrong=(True, True, True))
    """
    stub = judge(exercise, exercise.run(exercise.stub))
    answers = [judge(exercise, exercise.run(wrong.code)) for wrong in exercise.wrong]
    return Trial(
        stub=stub.standing == "open",
        solution=judge(exercise, exercise.run(exercise.solution)).passed,
        wrong=tuple(
            answer.standing == "not yet" and answer.message == wrong.hint
            for answer, wrong in zip(answers, exercise.wrong, strict=True)
        ),
    )
