"""`python -m gismap`."""

from gismap.cli import main

main()
