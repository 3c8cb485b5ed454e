"""Prompts for agents are pasted once, seen in the composer and submitted once, or not typed."""

import json
import os
import shlex
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from assigner import clock
from campaigns.crash.killing import CARRY_OUT, DIE, Pass, between, is_stopped
from harness.workplace import ROOT, TMUX, Agent, Workplace, wait_for

NO_LOCK = {"PYTHONPATH": str(ROOT / "tests/harness/nolock")}
TEXTS = [
    "one line",
    "two lines\n    indented\n\n# a heading\n\tx = 1 \\\n  --more\n",
    "#{pane_id} #(touch x) #[fg=red] #{?1,a,b}",
    "'\"\\$HOME `id` $(id) ; } { ~ %if 1",
    "漢字カタカナ 🙂 äöü é end",
    "tab\there\n\tand\t\tthere",
    "x" * 20_000,
    "\n".join(f"line {number} äöü ✓" for number in range(900)),
    "/clear",
    "!touch x",
    "# remember this",
    "[Pasted text #1 +3 lines]",
]


def send(work: Workplace, *args: object, **options: Any) -> int:
    """Queue a prompt for the agents."""
    sent = work.tool("send", *args, "--provider", "standin", "--json", **options)
    return int(sent.json["id"])


def enrolled(work: Workplace, name: str, *options: object, **how: Any) -> Agent:
    agent = work.agent(name, *options, **{"tells": "hooks", **how})
    work.tool("enroll", name)
    return agent


def attempt(work: Workplace) -> dict[str, Any]:
    return work.row("SELECT * FROM attempts ORDER BY id DESC LIMIT 1")


def session(work: Workplace, name: str) -> dict[str, Any]:
    return work.row("SELECT * FROM sessions WHERE name = ?", name)


def scanned(work: Workplace, name: str, status: str) -> str:
    """Why a session has that status, once it has."""

    def reached() -> Any:
        work.tool("scan")
        row = session(work, name)
        return row if row["status"] == status else None

    return str(wait_for(reached, what=lambda: session(work, name))["status_reason"])


def in_(seconds: float) -> dict[str, str]:
    """What makes a pass believe that it is so much later."""
    return {"ASSIGNER_NOW": clock.text(time.time() + seconds)}


def claimed(work: Workplace, text: str) -> None:
    """The next prompt has claimed a session."""
    send(work, text)
    wait_for(lambda: work.tool("scan") and work.tool("assign-next", "--json").json)


def typed(text: str) -> str:
    """What is typed for a prompt that would be a command."""
    return f" {text}" if text[0] in "/!#" else text


def test_what_is_sent_is_submitted_once_and_exactly(work: Workplace, tmp_path: Path) -> None:
    agents = [enrolled(work, "plain"), enrolled(work, "collapsing", "--collapse", 50)]
    jobs: list[dict[str, object]] = [
        {"content": text, "target_session": agent.name} for text in TEXTS for agent in agents
    ]
    jobs.append({"content": "/help", "target_session": "plain", "raw": True})
    jobs.append({"content": "x" * 50_000, "target_session": "plain"})
    work.environment["ASSIGNER_START_WAIT"] = "0.2"
    work.tool("send", "--jsonl", "-", input="\n".join(map(json.dumps, jobs)))
    work.tick(until=50)
    for agent in agents:
        assert agent.prompts() == [typed(text) for text in TEXTS]
    assert [event["text"] for event in agents[0].events("command")] == ["/help"]
    *done, raw, large = work.rows("SELECT status, attempts, error FROM prompts ORDER BY id")
    assert done == [{"status": "completed", "attempts": 1, "error": None}] * (len(jobs) - 2)
    assert raw["status"] == "completed"
    assert large["status"] == "failed"
    assert large["error"].startswith(
        "not_accepted: typing: the prompt has 50000 bytes; standin takes at most 40"
    )
    assert not list(tmp_path.rglob("x"))


def test_a_command_that_nothing_disarms_is_not_typed_unless_it_is_raw(work: Workplace) -> None:
    agent = enrolled(work, "one")
    work.environment["ASSIGNER_START_WAIT"] = "0.2"
    refused = send(work, "/never a prompt", "--max-attempts", 3)
    raw = send(work, "/never a prompt", "--raw")
    work.run_until(lambda: work.prompt(raw)["status"] == "completed", 40)
    prompt = work.prompt(refused)
    assert (prompt["status"], prompt["attempts"]) == ("failed", 1)
    assert prompt["error"].startswith("not_accepted: typing: standin would read the prompt as a")
    assert "--raw" in prompt["error"]
    assert [event["text"] for event in agent.events("paste", "text")] == ["/never a prompt"]
    assert agent.prompts() == []


def test_a_session_that_is_not_at_its_empty_composer_is_left_alone(work: Workplace) -> None:
    drafting = enrolled(work, "drafting")
    drafting.type("half a thought")
    asking = work.agent("asking", "--start-dialog", tells="hooks")
    work.tool("enroll", "asking", status=(0, 1))
    busy = enrolled(work, "busy")
    busy.run("MODEL:slow=600")
    scrolled = enrolled(work, "scrolled")
    work.tmux("copy-mode", "-t", scrolled.id)
    agents = (drafting, asking, busy, scrolled)
    for agent in agents:
        send(work, "hello", "--target", agent.name)
    before = [agent.screen() for agent in agents if agent != busy]
    work.tool("tick")
    statuses = [session(work, agent.name)["status"] for agent in agents]
    assert statuses == ["occupied", "waiting", "busy", "occupied"]
    assert [agent.screen() for agent in agents if agent != busy] == before
    assert not [agent.prompts() for agent in agents if agent != busy if agent.prompts()]
    drafting.keys("C-u")
    asking.enter()
    busy.keys("Escape")
    work.tmux("send-keys", "-t", scrolled.id, "-X", "cancel")
    work.tick(until=30)
    assert [agent.prompts()[-1:] for agent in agents] == [["hello"]] * 4
    assert not asking.events("swallowed")
    assert busy.prompts() == ["MODEL:slow=600", "hello"]


@pytest.mark.slow
def test_a_person_who_types_meanwhile_is_not_interrupted(work: Workplace) -> None:
    """Between the look and the paste; then behind the text that stands there."""
    agent = enrolled(work, "one")
    claimed(work, "hello")
    mine = f"{TMUX} -S {work.socket} send-keys -t {agent.id} -l mine; sleep 0.3"
    between(work, "typed", f"{mine}; {CARRY_OUT}", "--settle", 0).wait()
    assert not agent.events("paste")
    agent.keys("C-u")
    wait_for(lambda: work.tool("tick", "--settle", 0) and agent.events("paste"), what=agent.screen)
    work.environment["ASSIGNER_START_WAIT"] = "600"
    between(work, "entered", f"{mine}; {CARRY_OUT}", "--settle", 2).wait()
    assert agent.prompts() == []
    assert agent.wait_until("occupied")
    (row,) = work.tool("deliver", "--settle", 0, "--json").json
    assert (row["action"], row["reason"]) == ("deferred", "the composer holds other text")
    agent.keys(*["BSpace"] * 4)
    work.run_until(lambda: agent.prompts() == ["hello"])
    assert len(agent.events("paste")) == 1


def test_nothing_is_typed_behind_what_an_agent_has_not_read(work: Workplace) -> None:
    """Neither the prompt, nor its Enter."""
    work.environment["ASSIGNER_START_WAIT"] = "600"
    agent = enrolled(work, "one")
    unread = "the agent has not read all of its input"
    claimed(work, "Remove the old logs")
    with agent.stalled():
        agent.type("wait")
        (row,) = work.tool("deliver", "--settle", 0, "--json").json
        assert (row["action"], row["reason"]) == ("released", unread)
        assert scanned(work, "one", "occupied") == unread
    agent.wait_until("occupied")
    agent.keys(*["BSpace"] * 4)
    agent.wait_until("idle")
    wait_for(lambda: work.tool("scan") and work.tool("assign-next", "--json").json)
    assert between(work, "entered", DIE).wait() == -signal.SIGKILL
    with agent.stalled():
        agent.type(", but not the ones of today")
        (row,) = work.tool("deliver", "--settle", 0, "--json").json
        assert (row["action"], row["reason"]) == ("deferred", unread)
    agent.wait_for("ones of today")
    assert agent.prompts() == []
    agent.keys(*["BSpace"] * 27)
    work.run_until(lambda: agent.prompts() == ["Remove the old logs"])
    assert len(agent.events("paste")) == 1


def test_two_queues_do_not_paste_into_one_agent_at_once(work: Workplace) -> None:
    """The agent has drawn nothing yet of what the other one has pasted since the look."""
    agent = enrolled(work, "one", tells="transcript")
    other = {"ASSIGNER_HOME": str(work.path / "other")}
    work.tool("enroll", "one", env=other)
    claimed(work, "mine")
    send(work, "of the other", env=other)
    work.tool("scan", env=other)
    assert work.tool("assign-next", "--json", env=other).json
    place = work.path / "place"
    held = f": > {place}.looked; until [ -e {place}.go ]; do sleep 0.05; done; {CARRY_OUT}"
    with agent.stalled():
        late = between(work, "typed", held, "--settle", 0)
        wait_for(Path(f"{place}.looked").exists)
        work.tool("deliver", "--settle", 0, env=other)
        Path(f"{place}.go").touch()
        late.wait()
    wait_for(lambda: agent.events("paste"), what=agent.screen)
    agent.wait_until("occupied")
    assert [event["text"] for event in agent.events("paste")] == ["of the other"]
    ticked = {"status": (0, 1), "env": other}
    work.run_until(lambda: work.tool("tick", **ticked) and len(agent.prompts()) == 2)
    assert agent.prompts() == ["of the other", "mine"]


def test_a_paste_of_a_person_is_not_taken_for_the_prompt(work: Workplace) -> None:
    """It has as many lines, and so nearly the same marker; or the same one."""
    work.environment["ASSIGNER_START_WAIT"] = "600"
    agent = enrolled(work, "one", "--collapse", 20)
    text, own = "one line of the prompt\ntwo\nthree", "a draft of a person\nof as many\nlines"
    claimed(work, text)
    assert between(work, "entered", DIE).wait() == -signal.SIGKILL
    agent.wait_for("[Pasted text #1 +2 lines]")
    agent.keys("C-u")
    agent.paste(own)
    agent.wait_for("[Pasted text #2 +2 lines]")
    (row,) = work.tool("deliver", "--settle", 0, "--json").json
    assert (row["action"], row["reason"]) == ("deferred", "the composer holds other text")
    work.tool("cancel", 1)
    work.run_until(lambda: attempt(work)["outcome"] == "cancelled")
    assert "[Pasted text #2 +2 lines]" in agent.screen()
    agent.enter()
    wait_for(lambda: agent.prompts() == [own], what=agent.screen)
    agent.wait_until("idle")
    claimed(work, text)  # and one that is known by its number, though somebody is there
    assert between(work, "entered", DIE).wait() == -signal.SIGKILL
    work.tmux("set-option", "-w", "-t", "one", "window-size", "manual")
    with work.attached("one"):
        work.run_until(lambda: agent.prompts() == [own, text])


def test_a_marker_that_was_not_seen_before_a_person_came_is_not_the_prompts(
    work: Workplace,
) -> None:
    work.environment |= {"ASSIGNER_START_WAIT": "600", "ASSIGNER_PERSON_ACTIVE": "0"}
    agent = enrolled(work, "one", "--collapse", 20)
    claimed(work, "one line of the prompt\ntwo\nthree")
    assert between(work, "typed", f"{CARRY_OUT}; {DIE}").wait() == -signal.SIGKILL
    agent.wait_for("[Pasted text #1 +2 lines]")
    work.tmux("set-option", "-w", "-t", "one", "window-size", "manual")
    with work.attached("one") as client:
        assert client.stdin
        client.stdin.write(b"\x15")
        client.stdin.flush()
        agent.wait_until("idle")
    agent.paste("a draft of a person\nof as many\nlines")
    agent.wait_for("[Pasted text #2 +2 lines]")
    (row,) = work.tool("deliver", "--settle", 1, "--json").json
    assert (row["action"], row["reason"]) == ("deferred", "the composer holds other text")
    assert not agent.events("prompt")


def test_enter_that_is_lost_is_pressed_again_and_an_agent_that_dies_loses_nothing(
    work: Workplace,
) -> None:
    work.environment |= {"ASSIGNER_BACKOFF_BASE": "0.1", "ASSIGNER_START_WAIT": "600"}
    losing = enrolled(work, "losing", "--lose-enter", 1)
    late = enrolled(work, "late", "--enter-delay", 300)
    crashing = enrolled(work, "crashing", "--crash-on-paste")
    for agent in (losing, late, crashing):
        send(work, "hello", "--target", agent.name)
    assert work.tool("tick", "--until-idle", 15, status=None).status in (0, 1)
    assert [agent.prompts() for agent in (losing, late)] == [["hello"]] * 2
    crashed = work.prompt(3)
    assert (crashed["status"], crashed["held_by"]) in [
        ("pending", "target missing"), ("failed", None),
    ]  # fmt: skip
    assert "hello" not in crashing.screen().partition("$ ")[2].partition("$ ")[2]
    crashing.run(f"{work.path}/bin/standin --log {crashing.log}")
    work.run_until(lambda: crashing.prompts() == ["hello"])
    work.run_until(lambda: work.prompt(3)["status"] != "assigned")
    assert len(crashing.prompts()) == 1


@pytest.mark.parametrize("killed", [False, True])
def test_what_an_agent_left_half_pasted_to_its_shell_is_not_tried_again(
    work: Workplace, killed: bool
) -> None:
    """The pass that pasted it sees the agent gone, or was killed and another one does."""
    agent = enrolled(work, "one", "--crash-on-paste")
    canary = work.path / "canary"
    text = "\n".join(["Do this:", *[f"echo ran >>{canary} # {'x' * 60}"] * 200])
    if killed:
        send(work, text, "--idempotent")
        wait_for(lambda: work.tool("scan") and work.tool("assign-next", "--json").json)
        died = between(work, "typed", f"{CARRY_OUT}; {DIE}").wait()
        assert (died, attempt(work)["stage"]) == (-signal.SIGKILL, "typing")
        wait_for(lambda: agent.command == "bash")
    else:
        send(work, text, "--idempotent")
    work.run_until(lambda: work.prompt(1)["status"] == "failed")
    prompt = work.prompt(1)
    assert prompt["error"].startswith("lost: exited: standin has exited to")
    assert "its shell may have run lines of it" in prompt["error"]
    assert (prompt["retry_at"], prompt["attempts"]) == (None, 1)


def test_what_an_agent_without_a_shell_had_half_pasted_is_tried_again(work: Workplace) -> None:
    enrolled(work, "one", "--crash-on-paste", direct=True)
    work.shell("two")  # the server lives on
    send(work, "\n".join(["Do this:", *["echo ran"] * 2000]))
    work.run_until(lambda: work.prompt(1)["error"])
    prompt = work.prompt(1)
    assert prompt["error"].startswith("lost: the ")
    assert "its shell" not in prompt["error"]
    assert prompt["retry_at"]


@pytest.mark.parametrize("stamp", ["typed", "entered"])
def test_killed_around_the_keys(work: Workplace, stamp: str) -> None:
    agent = enrolled(work, "one")
    texts: list[str] = []
    server = int(agent.format("#{pid}"))
    for act in (DIE, f"{CARRY_OUT}; {DIE}", f"kill -STOP {server}; exec {CARRY_OUT}"):
        texts.append(f"prompt {len(texts)}\nand more")
        claimed(work, texts[-1])
        victim = between(work, stamp, act)
        if "STOP" in act:
            wait_for(lambda victim=victim: is_stopped(server) and victim.clients())
            victim.kill_group()
            os.kill(server, signal.SIGCONT)
        else:
            assert victim.wait() == -signal.SIGKILL
        assert attempt(work)["stage"] in ("typing", "typed")
        work.tick(until=20)
        assert agent.prompts() == texts
    assert {row["status"] for row in work.rows("SELECT status FROM prompts")} == {"completed"}
    assert len(agent.events("paste")) == len(texts)


def test_what_was_made_for_another_agent_is_made_anew(work: Workplace) -> None:
    """A pass died before the paste, and a person has started the agent elsewhere."""
    one, two = work.path / "one", work.path / "two"
    one.mkdir()
    two.mkdir()
    agent = enrolled(work, "api", cwd=one)
    send(work, "clean up here", "--workdir", one)
    wait_for(lambda: work.tool("scan") and work.tool("assign-next", "--json").json)
    assert between(work, "typed", DIE).wait() == -signal.SIGKILL
    agent.run("/exit")
    agent.wait_for_prompt()
    agent.run(f"cd {two} && clear && {work.agent_line('api', tells='hooks')}")
    wait_for(lambda: agent.command == "standin" and "Ask standin" in agent.screen())
    (row,) = work.tool("deliver", "--settle", 0, "--json").json
    assert row["action"] == "released"
    work.run_until(agent.prompts)
    (text,) = agent.prompts()
    assert f"- directory: {one} " in text


def test_what_is_cancelled_before_enter_is_taken_out_of_the_composer(work: Workplace) -> None:
    """Unless a person has typed there; of a pass that died behind the paste or before Enter."""
    work.environment["ASSIGNER_START_WAIT"] = "600"  # it is not for time to decide
    agent = enrolled(work, "one")
    text = "a prompt\n\nof three lines"
    for stamp, act in (("typed", f"{CARRY_OUT}; {DIE}"), ("entered", DIE)):
        claimed(work, text)
        assert between(work, stamp, act).wait() == -signal.SIGKILL
        agent.wait_for("of three lines")
        work.tool("cancel", attempt(work)["prompt_id"])
        work.run_until(lambda: attempt(work)["outcome"] == "cancelled")
        agent.wait_until("idle")
    claimed(work, text)
    assert between(work, "entered", DIE).wait() == -signal.SIGKILL
    agent.type("mine")
    agent.wait_for("of three linesmine")
    work.tool("cancel", attempt(work)["prompt_id"])
    work.run_until(lambda: attempt(work)["outcome"] == "cancelled")
    assert agent.look()["status"] == "occupied"
    assert "of three linesmine" in agent.screen()
    assert agent.prompts() == []
    assert {event["key"] for event in agent.events("key")} == {"C-u"}


@pytest.mark.parametrize("cancelled", [False, True])
def test_copy_mode_before_enter_is_waited_out(work: Workplace, cancelled: bool) -> None:
    agent = enrolled(work, "one")
    claimed(work, "hello")
    assert between(work, "typed", f"{CARRY_OUT}; {DIE}").wait() == -signal.SIGKILL
    agent.wait_for("hello")
    work.tmux("copy-mode", "-t", agent.id)
    if cancelled:
        work.tool("cancel", 1)
    work.tool("deliver", "--settle", 0)
    (row,) = work.tool("deliver", "--settle", 0, "--json").json
    why = "the prompt is cancelled: in copy mode" if cancelled else "in copy mode"
    assert (attempt(work)["stage"], row["action"], row["reason"]) == ("typed", "deferred", why)
    assert work.tool("observe", "--json", env=in_(20)).json == []
    work.tmux("send-keys", "-t", agent.id, "-X", "cancel")
    wait_for(lambda: agent.format("#{pane_in_mode}") == "0")
    assert work.tool("observe", "--json", env=in_(25)).json == []
    work.run_until(lambda: work.prompt(1)["status"] in ("completed", "cancelled"))
    assert agent.prompts() == ([] if cancelled else ["hello"])
    agent.wait_until("idle")


def job(text: str) -> str:
    return json.dumps({"content": text, "target_provider": "standin"})


def test_killed_at_any_moment_and_many_at_once(work: Workplace) -> None:
    """Passes without the lock, every second of them killed."""
    agents = [enrolled(work, f"s{number}") for number in range(3)]
    texts = [f"prompt {number}" for number in range(9)]
    work.tool("send", "--jsonl", "-", input="\n".join(job(text) for text in texts))
    for round_ in range(8):
        passes = [Pass(work, "tick", env=NO_LOCK) for _ in range(3)]
        victim = passes[0]
        stage = ("claimed", "typing", "typed", "submitted")[round_ % 4]
        live = f"SELECT 1 FROM attempts WHERE stage = '{stage}'"
        wait_for(
            lambda live=live, victim=victim: work.rows(live) or victim.process.poll() is not None
        )
        victim.kill_group()
        for running in passes[1:]:
            assert running.wait() in (0, 1), running.said
    work.tick(until=40)
    assert sorted(text for agent in agents for text in agent.prompts()) == texts
    assert {row["status"] for row in work.rows("SELECT status FROM prompts")} == {"completed"}


@pytest.mark.slow
def test_a_server_that_does_not_answer_loses_nothing(work: Workplace) -> None:
    agent = enrolled(work, "one")
    claimed(work, "hello")
    server = int(agent.format("#{pid}"))
    impatient = {"ASSIGNER_TMUX_TIMEOUT": "0.3"}
    stopped = f"kill -STOP {server}; exec {CARRY_OUT}"
    assert between(work, "typed", stopped, env=impatient).wait() == 0
    work.tool("tick", env=impatient, status=1)
    assert (attempt(work)["stage"], attempt(work)["outcome"]) == ("typing", None)
    os.kill(server, signal.SIGCONT)
    work.tick(until=20)
    assert agent.prompts() == ["hello"]
    assert len(agent.events("paste")) == 1


def test_an_agent_is_seen_and_its_shell_is_not_typed_into(work: Workplace, tmp_path: Path) -> None:
    work.environment["ASSIGNER_SESSIONS"] = "later behind"
    program = shlex.quote(str(work.path / "bin" / "standin"))
    script = tmp_path / "start.sh"
    started = enrolled(work, "one")
    later, behind = work.shell("later"), work.shell("behind")
    script.write_text(f"{program}\ntrue\n")
    behind.run(f"bash {script}")
    behind.wait_for("Ask standin anything")
    work.tool("scan")
    assert [session(work, name)["provider"] for name in ("one", "later", "behind")] == [
        "standin", "shell", "standin",
    ]  # fmt: skip
    hidden = session(work, "behind")
    assert (hidden["status"], "exec" in hidden["status_reason"]) == ("unknown", True)
    later.run(program)
    later.wait_for("Ask standin anything")
    started.run("/exit")
    started.wait_for_prompt()
    assert scanned(work, "one", "offline").startswith("exited: standin has exited to")
    assert session(work, "later")["provider"] == "standin"
    send(work, "touch typed-into-the-shell", "--target", "one")
    work.tool("tick")
    prompt = work.prompt(1)
    assert (prompt["status"], prompt["held_by"]) == ("pending", "target missing")
    assert not (work.home / "typed-into-the-shell").exists()
    started.run("cat")
    assert scanned(work, "one", "unknown") == "the foreground program is 'cat', not standin"
    described = work.home / ".config/assigner/providers/standin.toml"
    text = described.read_text()
    described.write_text(f"color = 1\n{text}")
    later.type("x")
    assert "'color' is not a key" in scanned(work, "later", "unknown")
    described.write_text(text)
    later.keys("BSpace")
    scanned(work, "later", "idle")


def test_what_an_agent_cannot_be_told_is_not_typed(work: Workplace, tmp_path: Path) -> None:
    agent = enrolled(work, "one")
    gone = tmp_path / "gone"
    gone.mkdir()
    send(work, "a", "--env", "X=\x1b[201~\r!touch x")
    send(work, "b", "--workdir", gone)
    send(work, "c", "--env", "HOME")
    gone.rmdir()
    work.tick(until=15)
    assert agent.prompts() == []
    assert not agent.events("paste")
    errors = [row["error"] for row in work.rows("SELECT error FROM prompts ORDER BY id")]
    assert [error.split(":")[:2] for error in errors] == [
        ["context", " env"], ["context", " cd"], ["context", " env"],
    ]  # fmt: skip


def test_a_bad_file_of_an_agent_keeps_no_other_prompt(work: Workplace) -> None:
    agent = enrolled(work, "one")
    shell = work.shell("two")
    work.tool("enroll", "two")
    slow = "MODEL:slow=2 a"
    running, waiting = send(work, slow), send(work, "later")
    work.run_until(lambda: agent.prompts() == [slow])
    described = work.home / ".config/assigner/providers/standin.toml"
    good = described.read_text()
    described.write_text("nonsense = 1\n")
    script = work.tool("send", f"echo ran > {work.path}/ran", "--target", shell.name, "--json")
    ticked = work.tool("tick", "--until-idle", 3, status=(0, 1))
    assert "Traceback" not in ticked.err
    states = "SELECT id, status FROM prompts ORDER BY id"
    assert {row["id"]: row["status"] for row in work.rows(states)} == {
        running: "in_progress",
        waiting: "pending",
        script.json["id"]: "completed",
    }
    assert f"'{described}': 'nonsense' is not a key" in session(work, "one")["status_reason"]
    described.write_text(good)
    work.tick(until=50)
    assert agent.prompts() == [slow, "later"]
    assert {row["status"] for row in work.rows(states)} == {"completed"}


@pytest.mark.parametrize("text", ["word " * 120 + "end", "\n".join(f"line {n}" for n in range(20))])
@pytest.mark.parametrize("size", [(80, 10), (40, 12)])
def test_a_prompt_taller_than_its_pane_is_submitted(
    work: Workplace, text: str, size: tuple[int, int]
) -> None:
    """Only its end is visible, without the composer's beginning."""
    agent = work.agent("one", "--tall", tells="hooks", columns=size[0], lines=size[1])
    work.tool("enroll", "one")
    send(work, text)
    work.run_until(lambda: work.prompt(1)["status"] == "completed")
    assert agent.prompts() == [text]


def test_a_tall_draft_of_a_person_is_not_submitted(work: Workplace) -> None:
    """Even if it is the end of what was pasted: somebody has pressed a key."""
    agent = work.agent("one", "--tall", "--enter-breaks", tells="hooks", columns=80, lines=10)
    work.tool("enroll", "one")
    text = "word " * 120 + "end"
    send(work, text)
    work.run_until(lambda: "↑" in agent.screen())
    with work.attached("one") as client:
        assert client.stdin is not None
        client.stdin.write(b"more")
        client.stdin.flush()
        wait_for(lambda: "endmore" in agent.screen() or "end\n  more" in agent.screen())
        before = agent.screen()
        for _ in range(3):
            work.tool("tick")
        assert agent.screen() == before


@pytest.mark.parametrize("options", [["--tall"], []])
def test_a_cancelled_prompt_gets_no_further_enter(work: Workplace, options: list[str]) -> None:
    """Nor does it count as submitted once its text is removed."""
    agent = work.agent("one", "--enter-breaks", *options, tells="hooks", columns=80, lines=10)
    work.tool("enroll", "one")
    send(work, "word " * 120 + "end" if options else "short")

    def pressed() -> bool:
        (row,) = work.rows("SELECT evidence FROM attempts")
        return "enter_pressed_at" in row["evidence"]

    work.run_until(pressed)
    work.tool("cancel", 1)
    work.run_until(lambda: work.prompt(1)["status"] == "cancelled")
    wait_for(lambda: "▷ Ask" in agent.screen(), what=agent.screen)
    assert agent.prompts() == []
