"""`python -m hubbub.cli` is the `hubbub` program."""

from hubbub.cli import main

main()
