"""The queue agrees with a model of it; `make model` tries more histories."""

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from harness.machine import Queue

EXAMPLES = int(os.environ.get("ASSIGNER_TEST_EXAMPLES", "0"))


def test_queue_agrees_with_its_model() -> None:
    run_state_machine_as_test(
        Queue,
        settings=settings(
            max_examples=EXAMPLES or 4,
            stateful_step_count=20 if EXAMPLES else 10,
            derandomize=not EXAMPLES,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
