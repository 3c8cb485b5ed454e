# Every target that runs Python has `setup` first, which is instant once it has been done.

PYTHON = .venv/bin/python
# Twice the usual two cores: a test mostly waits for tmux.
JOBS = 4
SCRIPTS = $(shell grep -lE '^\#!.*python' bin/[!_]*)
# As modules these and bin/assigner.py would hide others of the same name: each is checked by itself, as __main__.
NAMESAKES = bin/assigner bin/inspect bin/queue

.DEFAULT_GOAL := help
.PHONY: test-slow test-hostile crash-calls crash-disks crash-faults
.PHONY: setup setup-tests test-fresh demo test test-agents lint bench crash night model man clean help
.PHONY: install-cron uninstall-cron install-systemd uninstall-systemd test-timers

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | awk -F'|' '{ printf "make %-17s %s\n", $$1, $$2 }'

setup: ## make .venv ready, installing what is missing
	@tools/setup

setup-tests: ## the same, with the programs that only tests use
	@tools/setup tests

demo: setup ## show the whole chain at work, in a tmux server of its own
	@$(PYTHON) demo/demo.py

test: setup-tests ## run the tests; ARGS="-k send" for some of them
	@$(PYTHON) -m pytest -n $(JOBS) $(ARGS)

lint: setup ## check style, types and spelling
	@$(PYTHON) -m ruff check
	@$(PYTHON) -m ruff format --check
	@$(PYTHON) -m mypy lib $(filter-out $(NAMESAKES),$(SCRIPTS)) tests/conftest.py tools/fresh.py tools/schema.py
	@.venv/bin/codespell
	@$(PYTHON) -m mypy -m harness.workplace -m harness.forkserver -m harness.standin -p campaigns.agents -p campaigns.night
	@for tool in $(filter $(NAMESAKES),$(SCRIPTS)) bin/assigner.py; do $(PYTHON) -m mypy --config-file tools/mypy-alone.ini $$tool || exit; done

bench: setup ## measure against a large queue
	@$(PYTHON) bench/bench.py

crash: setup-tests ## kill passes, shells, agents, tmux 10000 times; ARGS="--kills 500" for less of it
	@$(PYTHON) tests/campaigns/crash/campaign.py --kills 10000 $(ARGS)

crash-calls: setup-tests ## kill each pass at each of its system calls; ARGS="--most 9 --scene deliver"
	@$(PYTHON) tests/campaigns/crash/calls.py $(ARGS)

crash-faults: setup-tests ## let each call of each pass fail, as on a full disk; ARGS as above
	@$(PYTHON) tests/campaigns/crash/faults.py $(ARGS)

crash-disks: setup-tests ## fill a small disk under passes, and make it read-only; needs root
	@$(PYTHON) tests/campaigns/crash/disks.py

night: setup-tests ## have sessions that die and hang work on 200 goal tasks; ARGS="--seed 7"
	@$(PYTHON) tests/campaigns/night/campaign.py $(ARGS)

test-agents: setup-tests ## give real agents prompts; ARGS="--agent codex --case slow" for some of it
	@$(PYTHON) tests/campaigns/agents/campaign.py $(ARGS)

schema: setup ## write sql/schema.sql and sql/schema-goals.sql from the migrations
	@$(PYTHON) tools/schema.py

man: setup ## write the manual pages, for `man assigner` with .venv/bin on the PATH
	@$(PYTHON) bin/manual --dir .venv/share/man >/dev/null

install-cron: setup ## have cron run a pass every ten seconds; ARGS=--dry-run shows the crontab
	@$(PYTHON) bin/timers install cron $(ARGS)

uninstall-cron: setup ## take that back
	@$(PYTHON) bin/timers uninstall cron $(ARGS)

install-systemd: setup ## have a systemd timer of yours run a pass every ten seconds
	@$(PYTHON) bin/timers install systemd $(ARGS)

uninstall-systemd: setup ## take that back
	@$(PYTHON) bin/timers uninstall systemd $(ARGS)

test-timers: setup-tests ## run the timers' tests, with a real cron for more than a minute
	@ASSIGNER_TEST_MINUTES=1 $(PYTHON) -m pytest tests/tools/test_timers.py $(ARGS)

test-slow: setup-tests ## run the tests, the slow ones too
	@ASSIGNER_TEST_SLOW=1 $(PYTHON) -m pytest -n $(JOBS) $(ARGS)

test-hostile: setup-tests ## try hundreds of hostile inputs in every field; CASES=500 for more
	@ASSIGNER_HOSTILE=$(or $(CASES),200) $(PYTHON) -m pytest tests/campaigns/hostile/test_hostile.py $(ARGS)

model: setup-tests ## compare the queue with a model of it; EXAMPLES=300 histories of 20 steps
	@ASSIGNER_TEST_EXAMPLES=$(or $(EXAMPLES),300) $(PYTHON) -m pytest tests/campaigns/model/test_model.py $(ARGS)

test-fresh: setup ## run demo and tests in a minimal Debian; ARGS="--release trixie --user root --only demo"
	@$(PYTHON) tools/fresh.py $(ARGS)

clean: ## remove .venv and all that was generated
	@rm -rf .venv dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
