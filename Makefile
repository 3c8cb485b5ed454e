# Every target that runs Python depends on `setup`, which is instant if there is nothing to do.

PYTHON = .venv/bin/python
# Twice the number of cores of most machines: a test mostly waits for tmux.
JOBS = 4
TERMINAL_TESTS = tests/scenarios/test_terminal.py tests/scenarios/test_tmux_setups.py \
	tests/scenarios/test_occupied_sessions.py tests/scenarios/test_agent_typing.py
SCRIPTS = $(shell grep -lE '^\#!.*python' bin/[!_]*)
# As modules, these and bin/assigner.py would hide others of the same name: mypy checks each one alone, as __main__.
NAMESAKES = bin/assigner bin/inspect bin/queue

.DEFAULT_GOAL := help
.PHONY: test-slow test-tmux test-hostile crash-calls crash-disks crash-faults
.PHONY: setup setup-tests test-fresh demo test test-agents lint bench crash night model man clean help
.PHONY: install-cron uninstall-cron install-systemd uninstall-systemd test-timers

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | awk -F'|' '{ printf "make %-17s %s\n", $$1, $$2 }'

setup: ## create .venv, and install what is missing
	@tools/setup

setup-tests: ## the same, and install the programs that only tests use
	@tools/setup tests

demo: setup ## run the whole chain, in a tmux server of its own
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

crash: setup-tests ## kill passes, shells, agents, tmux 10000 times; ARGS="--kills 500" for fewer
	@$(PYTHON) tests/campaigns/crash/campaign.py --kills 10000 $(ARGS)

crash-calls: setup-tests ## kill each pass at each system call; ARGS="--most 9 --scene deliver"
	@$(PYTHON) tests/campaigns/crash/calls.py $(ARGS)

crash-faults: setup-tests ## make each call of each pass fail, as on a full disk; ARGS as above
	@$(PYTHON) tests/campaigns/crash/faults.py $(ARGS)

crash-disks: setup-tests ## run passes on a full and on a read-only disk; needs root
	@$(PYTHON) tests/campaigns/crash/disks.py

night: setup-tests ## let sessions that die and hang work on 200 goal tasks; ARGS="--seed 7"
	@$(PYTHON) tests/campaigns/night/campaign.py $(ARGS)

test-agents: setup-tests ## send prompts to real agents; ARGS="--agent codex --case slow" for some cases
	@$(PYTHON) tests/campaigns/agents/campaign.py $(ARGS)

schema: setup ## write sql/schema.sql and sql/schema-goals.sql from the migrations
	@$(PYTHON) tools/schema.py

man: setup ## write the manual pages, for `man assigner` with .venv/bin on the PATH
	@$(PYTHON) bin/manual --dir .venv/share/man >/dev/null

install-cron: setup ## run a pass every ten seconds from cron; ARGS=--dry-run shows the crontab
	@$(PYTHON) bin/timers install cron $(ARGS)

uninstall-cron: setup ## remove what install-cron added
	@$(PYTHON) bin/timers uninstall cron $(ARGS)

install-systemd: setup ## run a pass every ten seconds from a systemd timer of your user
	@$(PYTHON) bin/timers install systemd $(ARGS)

uninstall-systemd: setup ## remove what install-systemd added
	@$(PYTHON) bin/timers uninstall systemd $(ARGS)

test-timers: setup-tests ## run the tests of the timers, with a real cron for more than a minute
	@ASSIGNER_TEST_MINUTES=1 $(PYTHON) -m pytest tests/tools/test_timers.py $(ARGS)

# Without TMUX_BINS: the tmux on the PATH alone
test-tmux: setup-tests ## run the tests of terminals; TMUX_BINS="/opt/tmux-3.2a/bin/tmux ..." for each of these
	@for tmux in $(or $(TMUX_BINS),$(shell command -v tmux)); do \
		echo "$$($$tmux -V) ($$tmux)"; \
		PATH="$$(dirname $$tmux):$$PATH" $(PYTHON) -m pytest -q -n $(JOBS) $(TERMINAL_TESTS) $(ARGS) || exit; \
	done

test-slow: setup-tests ## run all tests, including the slow ones
	@ASSIGNER_TEST_SLOW=1 $(PYTHON) -m pytest -n $(JOBS) $(ARGS)

test-hostile: setup-tests ## try hundreds of hostile inputs in every field; CASES=500 for more
	@ASSIGNER_HOSTILE=$(or $(CASES),200) $(PYTHON) -m pytest tests/campaigns/hostile/test_hostile.py $(ARGS)

model: setup-tests ## compare the queue with a model of it; EXAMPLES=300 histories of 20 steps
	@ASSIGNER_TEST_EXAMPLES=$(or $(EXAMPLES),300) $(PYTHON) -m pytest tests/campaigns/model/test_model.py $(ARGS)

test-fresh: setup ## run demo and tests in a minimal Debian; ARGS="--release trixie --user root --only demo"
	@$(PYTHON) tools/fresh.py $(ARGS)

clean: ## remove .venv and all generated files
	@rm -rf .venv dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
