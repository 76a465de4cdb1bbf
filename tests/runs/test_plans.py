"""A plan names its cells: the keys of stored results must be found again, in the same order."""

import index_experiments


def test_the_cells_of_every_plan_are_those_of_the_stored_results() -> None:
    """A plan that is meant to change gets a new digest, and is run again.

    ``python book/tools/index_experiments.py`` writes the index, which is also what
    ``ibcore list`` prints.
    """
    assert index_experiments.PATH.read_text("utf-8") == index_experiments.text(
        index_experiments.index()
    )
