"""The rows of the queue as the type checker sees them: every column of a prompt, a session and an
attempt, and the JSON documents that an attempt keeps as its evidence.

sql/schema.sql says what a column means.  The store's `rows` and `one` return these types for the
queries named there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypedDict
else:

    class TypedDict(dict):
        """At run time only the names are needed: typing.TypedDict costs a pass 0.5 ms more."""

        def __init_subclass__(cls, *, total=True):
            pass


# The column may be NULL.  Which ones are follows from a row's status or stage, so the type checker
# does not demand a test for None.
Null = Any


class Prompt(TypedDict):
    """A row of `prompts`."""

    id: int
    host: str
    content: str
    priority: int
    status: str
    held_by: str | Null
    held_on: str | Null
    target_session: str | Null
    target_provider: str | Null
    assigned_session: str | Null
    metadata: str
    working_dir: str | Null
    git_branch: str | Null
    worktree: int
    env_vars: str
    secrets: str | Null
    prerequisites: str
    prefer_context_match: int
    validate_context: int
    min_score: int | Null
    raw: int
    sentinel: int
    attempts: int
    max_attempts: int
    idempotent: int
    timeout_seconds: float | Null
    check_command: str | Null
    check_timeout_seconds: float | Null
    review: str | Null
    feedback: str | Null
    error: str | Null
    exit_status: int | Null
    response: str | Null
    created_at: str
    ready_at: str
    assigned_at: str | Null
    started_at: str | Null
    completed_at: str | Null
    updated_at: str
    updated_by: str
    not_before: str | Null
    deadline: str | Null
    retry_at: str | Null
    cancel_requested_at: str | Null
    parent_id: int | Null
    affinity: str | Null
    tags: str
    dedup_key: str | Null


class FailedPrompt(Prompt):
    """A row of the query prompts/failed."""

    may_have_run: int


class Session(TypedDict):
    """A row of `sessions`."""

    id: int
    host: str
    name: str
    provider: str | Null
    provider_given: int
    account: str | Null
    command: str | Null
    status: str
    status_reason: str | Null
    enrolled: int
    opted_out: int
    paused: int
    paused_at: str | Null
    paused_by: str | Null
    socket: str | Null
    server_pid: int | Null
    server_start: int | Null
    pane_id: str | Null
    pane_pid: int | Null
    pane_tty: str | Null
    pane_fingerprint: str | Null
    looked_at: str | Null
    prompt_endings: str
    prompt_learning: str
    current_dir: str | Null
    repository: str | Null
    git_branch: str | Null
    env_vars: str
    context_hash: str | Null
    last_context_update: str | Null
    last_activity: str | Null
    idle_since: str | Null
    current_task_id: int | Null
    last_task_id: int | Null
    limited_until: str | Null
    resting_until: str | Null
    rest_reason: str | Null
    given_back: int
    failing_from: int | Null
    turn_began_at: str | Null
    turn_ended_at: str | Null
    agent_version: str | Null
    agent_untested: int
    conversation: str | Null
    respawn: int
    auto_approve: int
    resume_conversation: int
    environment_file: str | Null
    trusted_dirs: str
    keepalive: int
    start_dir: str | Null
    start_command: str | Null
    start_file: str | Null
    started_at: str | Null
    failed_starts: int
    given_up_reason: str | Null
    stuck_reported_for: str | Null
    updated_at: str
    updated_by: str


class Attempt(TypedDict):
    """A row of `attempts`."""

    id: int
    prompt_id: int
    host: str
    session: str
    number: int
    stage: str
    outcome: str | Null
    failure_class: str | Null
    exit_status: int | Null
    step: str | Null
    score: int | Null
    context_switch: int | Null
    evidence: str
    output: str | Null
    lease_id: int | Null
    agent_version: str | Null
    socket: str
    server_pid: int
    server_start: int
    pane_id: str
    pane_pid: int
    process_group: int | Null
    stop_reason: str | Null
    stop_signal: str | Null
    stop_signal_at: str | Null
    claimed_at: str
    typed_at: str | Null
    submitted_at: str | Null
    finished_at: str | Null
    updated_at: str
    updated_by: str


class LiveAttempt(Attempt):
    """A row of the query attempts/live: an attempt without an outcome, and what a pass needs to
    know of its prompt, its check and its session.
    """

    # its prompt
    content: str
    working_dir: str | Null
    git_branch: str | Null
    worktree: int
    env_vars: str
    secrets: str | Null
    prerequisites: str
    metadata: str
    validate_context: int
    timeout_seconds: float | Null
    cancel_requested_at: str | Null
    status: str
    attempts: int
    max_attempts: int
    idempotent: int
    priority: int
    raw: int
    affinity: str | Null
    sentinel: int
    check_command: str | Null
    check_timeout_seconds: float | Null
    feedback: str | Null
    # its check, if it has one
    check_state: str | Null
    check_pending_result: str | Null
    check_directory: str | Null
    check_seconds: float | Null
    check_pid: int | Null
    check_tried_at: str | Null
    check_wanted_at: str | Null
    check_started_at: str | Null
    # its session
    session_status: str
    status_reason: str | Null
    provider: str | Null
    command: str | Null
    pane_tty: str | Null
    account: str | Null
    respawn: int
    auto_approve: int
    conversation: str | Null
    resume_conversation: int
    environment_file: str | Null
    trusted_dirs: str
    prompt_endings: str
    paused: int
    looked_at: str | Null
    session_env: str
    session_dir: str | Null
    # the pane that its session has now; the attempt's own columns name the one it was claimed in
    now_pane_id: str | Null
    now_pane_pid: int | Null
    now_server_pid: int | Null
    now_server_start: int | Null
    now_socket: str | Null


class Check(TypedDict):
    """A row of `checks`."""

    id: int
    state: str
    command: str
    directory: str
    seconds: float
    pending_result: str | Null
    pid: int | Null
    exit_status: int | Null
    reason: str | Null
    output: str | Null
    wanted_at: str
    tried_at: str | Null
    started_at: str | Null
    ended_at: str | Null
    updated_at: str
    updated_by: str


class Workplace(TypedDict):
    """Where a prompt works: columns of a prompt and of a live attempt."""

    working_dir: str | Null
    git_branch: str | Null
    worktree: int


class OwnTree(Workplace):
    """A row of the query prompts/with_worktree."""

    target_session: str | Null


class Context(TypedDict):
    """The context of a session: columns of `sessions`."""

    current_dir: str | Null
    git_branch: str | Null
    env_vars: str


class Launch(TypedDict):
    """How the agent of a session is started: columns of a session and of a live attempt."""

    command: str | Null
    auto_approve: int
    resume_conversation: int
    conversation: str | Null


class Tried(TypedDict):
    """What decides about another attempt: columns of a live attempt."""

    stage: str
    evidence: str
    idempotent: int


class TurnEnd(TypedDict):
    """How a turn ended, as a hook of its agent reported it."""

    kind: str  # done or failed
    at: str
    text: str | None  # the agent's last message, or the error
    failure: str | None  # the failure class
    reset: str | None  # when a usage limit ends, in the agent's words


class TurnFacts(TypedDict, total=False):
    """What is known of an agent's turn: the object `turn` of an attempt's evidence.

    Several passes add to it (queue.attempts.remember); a key that nobody has written is absent.
    """

    # when the text was pasted
    home: dict[str, str]  # the agent's variables that decide where its transcripts are
    directory: str | None  # where the agent was
    agent_pid: int | None  # the process id of the agent
    paste_started_at: str  # when the last paste began
    marker: str  # what the composer shows instead of a long text, such as `[Pasted text #3]`
    enter_pressed_at: str  # when Enter was last pressed, by assigner or a person
    submitted_by: str  # what showed that the agent has the prompt: hook, transcript or screen
    foreign_prompt_at: str  # when another prompt was submitted there, before it had the prompt
    other_conversation: str | None  # the conversation of that prompt
    left_at: str  # when Enter had submitted the text, with no key pressed by a person since
    removed: bool  # it left the composer without being submitted
    # as the agent's hooks report it
    conversation: str | None
    turn: str | None  # the turn's id within the conversation; some agents give none
    transcript: str | None  # the path of the transcript
    end: TurnEnd | None
    background: bool  # the turn started tasks that run on after its end
    other_turn: str | None  # a person's turn in the conversation while background tasks run
    superseded: str  # when another prompt began in the same conversation
    # by other evidence
    transcript_conversation: str | None  # whose transcript has the prompt, where no hook named it
    quiet_since: str | None  # since when the session has looked idle, without an end of the turn
    limit_met_at: str  # when a usage limit stopped the turn of an agent that may go on by itself
    limited_until: str  # when that limit ends
    may_have_leaked: bool  # the agent ended during typing: a shell may have got a part of the text


class Reported(TypedDict, total=False):
    """One report of a script that assigner wrote, by the shell or the check that ran it."""

    at: str
    number: int  # a process id, a process group or an exit status
    step: str  # the preparation step that failed, or how a check ended


class Said(TypedDict):
    """The last `report ok` or `report fail` from inside the session."""

    word: str | None  # ok or fail
    summary: str | None


class Evidence(TypedDict, total=False):
    """What decided about an attempt: the JSON document in `attempts.evidence`."""

    claim: dict[str, Any]  # how the session was chosen: the parts of its score
    reports: dict[str, Reported]  # by kind: begun, group, started, done, exit, checking, checked
    turn: TurnFacts  # only where an agent works
    said: Said
    ended_by: str  # what showed the end of a turn: hook, transcript, screen, silence
    released: str  # why the prompt was given back before it was typed
    vanished: str  # what became of the pane
    repaired: str  # the broken rule for which `doctor --repair` ended the attempt
