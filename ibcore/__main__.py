"""``python -m ibcore`` runs the command line."""

from ibcore.runs.cli import main

if __name__ == "__main__":  # a worker of mpi4py.futures imports this file under another name
    main()
