# Two commands from a fresh clone: `make run` serves a demo district, `make test` checks everything.
# Both set up first what is missing (scripts/setup). Options of `gismap up` go into UP: make run UP="--port 8001".
# On a closed network: make run OFFLINE=dir, with a folder that `make bundle` packed on a machine of the same Debian.
.PHONY: run test bundle lock audit clean

run:
	@scripts/setup
	@exec .venv/bin/gismap up $(UP)

test:
	@scripts/setup tests
	.venv/bin/ruff check .
	.venv/bin/mypy gismap benchmarks hatch_build.py
	.venv/bin/lint-imports
	.venv/bin/pytest

bundle:
	@scripts/setup
	@scripts/bundle $(or $(BUNDLE),bundle)

lock:
	@scripts/setup
	scripts/lock

audit: # asks the advisory services, and says so where they do not answer; no part of the tests
	@scripts/setup tests
	@.venv/bin/python scripts/audit

clean: # what is made from the sources; the data in .gismap stay
	rm -rf .venv web/node_modules web/dist dist bundle .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
