"""``python -m ibcore`` runs the command line."""

from ibcore.runs.cli import main

main()
