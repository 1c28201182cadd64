"""`python -m streams …` is `touchstone …`: for processes that the stack starts, wherever the script is installed."""

from streams.cli import main

main()
