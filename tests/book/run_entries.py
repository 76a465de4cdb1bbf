"""Run what the documentation tells a user to type: ``python run_entries.py`` reads JSON.

It gets ``snippets`` of Python and ``commands`` of the command line.  Every warning is an error.
The last line printed is a JSON object: how many modules of ``ibcore`` were imported, where the
package lies, and the exit status of each command.
"""

import importlib
import json
import pkgutil
import sys
import warnings
from typing import Any


def exit_status(arguments: list[str]) -> Any:
    """Run one command of ``python -m ibcore`` in this process."""
    from ibcore.runs.cli import main

    sys.argv = ["ibcore", *arguments]
    try:
        main()
    except SystemExit as end:
        return end.code or 0
    return 0


def main() -> None:
    """Import every module, run the snippets, then the commands."""
    asked = json.load(sys.stdin)
    warnings.simplefilter("error")
    ibcore = importlib.import_module("ibcore")
    names = [found.name for found in pkgutil.walk_packages(ibcore.__path__, "ibcore.")]
    for name in names:
        if not name.endswith("__main__"):
            importlib.import_module(name)
    for source in asked["snippets"]:
        exec(compile(source, "<snippet>", "exec"), {})
    ends = {" ".join(command): exit_status(command) for command in asked["commands"]}
    print("\n" + json.dumps({"modules": len(names), "ibcore": ibcore.__file__, "ends": ends}))


if __name__ == "__main__":
    main()
