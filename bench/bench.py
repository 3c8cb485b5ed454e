#!/usr/bin/env python3
"""bench - measure what the tools cost with a long queue, and with many sessions

bench runs the commands that it compares in turn, and takes the quickest of several repetitions.  It
works in temporary directories and tmux servers of its own, and removes them at the end.

exit status: 0 every figure is within its limit; 1 some figure is over its limit
"""

import argparse
import math
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

import queues
import screens
from measure import Figure, Run, children_cpu, milliseconds, quickest, table
from queues import Size
from shells import Shells

from assigner import clock
from assigner.queue import attempts
from assigner.routing import assign
from harness.workplace import ROOT, Workplace, wait_for


@dataclass(frozen=True)
class Scale:
    """How much of everything; a measurement ends after `patience` rounds without a better time."""

    sizes: tuple[Size, ...]
    sessions: tuple[int, ...]
    delivered: int
    ticks: int
    profiles: int
    few_lines: int
    lines: int
    patience: int
    crowd: tuple[int, int, int] = (100, 50, 20)  # sends, reports, passes at once


FULL = Scale(
    sizes=(
        Size(1_000),
        Size(100_000),
        Size(1_000_000),
        Size(1_000, finished=1_000_000),
        Size(1_000, aimed=100_000),
    ),
    sessions=(10, 100, 500),
    delivered=100,
    ticks=100,
    profiles=50,
    few_lines=1_000,
    lines=50_000,
    patience=6,
)
QUICK = Scale(
    sizes=(Size(100), Size(1_000), Size(100, finished=1_000), Size(100, aimed=1_000)),
    sessions=(5, 20),
    delivered=10,
    ticks=5,
    profiles=5,
    few_lines=100,
    lines=2_000,
    patience=1,
    crowd=(3, 2, 1),
)


def queueing(scale: Scale) -> Iterator[Figure]:
    """Claims, and the tools that people and timers call often, by the length of the queue."""
    with ExitStack() as stack:
        works = {size: stack.enter_context(_workplace()) for size in scale.sizes}
        stores = {size: queues.build(work, size) for size, work in works.items()}
        os.sync()  # otherwise the first claim would wait until the new databases are on disk

        def release(size: Size) -> None:
            store = stores[size]
            with store.transaction():
                for attempt in store.rows("attempts/live"):
                    attempts.finish(store, attempts.Verdict(attempt, "released"))

        claims = {
            size: Run(partial(assign.assign, store), partial(release, size))
            for size, store in stores.items()
        }
        found = quickest(claims, 4 * scale.patience)
        yield _compared(f"claiming {queues.IDLE}, in the process", found, most=1.2)
        for tool, most in (("assign-next", 1.2), ("queue", 2), ("status", 2), ("tick", 2)):
            runs = {
                size: Run(partial(work.tool, tool), partial(release, size))
                for size, work in works.items()
            }
            yield _compared(tool, quickest(runs, scale.patience), most)


def _compared(what: str, found: Mapping[Size, float], most: float) -> Figure:
    ratio = max(found.values()) / min(found.values())
    return Figure(f"{what}: slowest to quickest", milliseconds(found.values()), ratio, "x", most)


# What to write to every session's row, so that a tool finds the session changed
CHANGES = {
    "scan": "pane_fingerprint = NULL, status = 'busy', idle_since = NULL",
    "sync-context": "context_hash = NULL",
}
NO_CHANGE = "pane_fingerprint = pane_fingerprint"


def looking(scale: Scale) -> Iterator[Figure]:
    """scan and sync-context, by the number of sessions; and the most that agents would add."""
    looks = [(tool, extent) for tool in CHANGES for extent in ("nothing", "all")]
    counts: dict[str, list[int]] = {tool: [] for tool in CHANGES}
    with _workplace() as work:
        shells = Shells(work)
        for number in scale.sessions:
            shells.grow(number)
            agents = screens.recorded(number)
            runs: dict[tuple[str, ...], Run] = {("judging",): Run(partial(screens.judged, agents))}
            for tool, extent in looks:
                change = CHANGES[tool] if extent == "all" else NO_CHANGE
                prepare = partial(shells.change, change)
                prepare()
                clients = shells.clients(tool)
                counts[tool].append(len(clients))
                runs |= {("bare", *c.arguments): Run(partial(shells.start, c)) for c in clients}
                prepare()
                changed = work.tool(tool, "--json").json
                assert len(changed) == (number if extent == "all" else 0), changed
                prepare()
                modules = shells.modules(tool)
                runs[tool, extent] = Run(partial(work.tool, tool), prepare)
                runs["imports", tool, extent] = Run(partial(shells.load, modules))
            found = quickest(runs, scale.patience)
            bare = sum(seconds for key, seconds in found.items() if key[0] == "bare")
            for tool, extent in looks:
                whole, imports = found[tool, extent], found["imports", tool, extent]
                yield Figure(
                    f"{tool}, {number} sessions, {extent} changed: without imports",
                    milliseconds((whole, imports, bare)),
                    whole - imports,
                    "ms",
                    most=1.5 * bare + 0.030,
                )
    judging = found["judging",]
    beyond = found["scan", "all"] - found["imports", "scan", "all"]
    yield Figure(
        f"judging {number} agents' screens, against scan of as many shells",
        milliseconds((judging, beyond)),
        judging / beyond,
        "x",
        most=0.5,
    )
    for tool, most in counts.items():
        yield Figure(f"{tool}: tmux clients", " / ".join(map(str, most)), max(most), most=2)


def delivering(scale: Scale) -> Iterator[Figure]:
    """deliver to many shells in one pass, compared with one shell."""
    with _workplace() as few, _workplace() as many:
        places = {1: Shells(few), scale.delivered: Shells(many)}
        for number, shells in places.items():
            shells.grow(number)
        found = quickest(
            {
                number: Run(partial(shells.work.tool, "deliver"), partial(shells.claim, number))
                for number, shells in places.items()
            },
            scale.patience,
        )
        clients = []
        for number, shells in places.items():
            shells.claim(number)
            clients.append(len(shells.clients("deliver")))
        what, ratio = f"deliver to {scale.delivered} shells", found[scale.delivered] / found[1]
        yield Figure(f"{what}, against 1", milliseconds(found.values()), ratio, "x", most=5)
        yield Figure(f"{what}: tmux clients", " / ".join(map(str, clients)), clients[1])


def idling(scale: Scale) -> Iterator[Figure]:
    """A tick with nothing to do: one alone, CPU per day, and very many at once."""
    with _workplace() as work:
        shells = Shells(work)
        shells.grow(scale.sessions[0])
        work.tool("tick")
        modules = shells.modules("tick")
        tick = partial(work.tool, "tick")
        runs = {"whole": Run(tick), "imports": Run(partial(shells.load, modules))}
        found = quickest(runs, 2 * scale.patience)
        ratio = found["whole"] / found["imports"]
        what = f"tick, nothing to do, {shells.number} sessions"
        yield Figure(f"{what}, against its imports", milliseconds(found.values()), ratio, "x", 1.5)

        before = children_cpu()
        for _ in range(scale.ticks):
            tick()
        seconds = children_cpu() - before
        daily = seconds / scale.ticks * _TICKS_A_DAY / 60
        measured = f"{seconds / scale.ticks * 1000:.1f} ms each"
        yield Figure("tick every ten seconds: CPU per day", measured, daily, "minutes")

        begin = time.perf_counter()
        for process in [work.start("tick", "--wait", 600) for _ in range(scale.ticks)]:
            process.communicate()
        whole = time.perf_counter() - begin
        measured = milliseconds((whole, found["whole"]))
        share = whole / scale.ticks / found["whole"]
        yield Figure(f"{scale.ticks} ticks at once: each, against one alone", measured, share, "x")


_TICKS_A_DAY = 8640


def starting(scale: Scale) -> Iterator[Figure]:
    """The CPU of a tick with nothing to do, for shells and for agents: almost all is imports."""
    for kind in ("shells", "agents"):
        with _workplace() as work:
            for number in range(3):
                (work.shell if kind == "shells" else work.agent)(f"s{number}")
                work.tool("enroll", f"s{number}")

            def rested(work: Workplace = work) -> bool:
                begin = clock.text(clock.now())
                work.tool("tick")
                rows = work.rows("SELECT status, looked_at FROM sessions")
                return all(row["status"] == "idle" and row["looked_at"] < begin for row in rows)

            wait_for(rested, 30, "idle sessions that no pass looks at", every=0.3)
            python = partial(subprocess.run, env=work.environment, check=True)
            runs = {
                "tick": Run(partial(work.tool, "tick")),
                "bare": Run(partial(python, [sys.executable, "-c", "pass"])),
                "least": Run(partial(python, [sys.executable, "-c", "import argparse, sqlite3"])),
            }
            found = quickest(runs, 4 * scale.patience, clock=children_cpu)
            what = f"tick, nothing to do, 3 {kind}: CPU, against"
            for other, name in (("bare", "python"), ("least", "import argparse, sqlite3")):
                measured = milliseconds((found["tick"], found[other]))
                ratio = found["tick"] / found[other]
                yield Figure(f"{what} {name}", measured, ratio, "x", _MOST_OF[other])


# A quarter above what it was: to import sh is more than that
_MOST_OF = {"bare": 12.5, "least": 6.2}


def working(scale: Scale) -> Iterator[Figure]:
    """foundation-check over profiles that are all due, with and without tasks to give."""
    number = scale.profiles
    with _workplace() as work:
        queues.profiled(work, number)
        databases = {name: (work.state / name).read_bytes() for name in ("assigner.db", "goals.db")}

        def prepare(*, tasks: bool) -> None:
            for name, content in databases.items():
                (work.state / name).write_bytes(content)
            if not tasks:
                (work.state / "goals.db").unlink()

        shells = Shells(work)
        modules = shells.modules("foundation-check")
        check = partial(work.tool, "foundation-check")
        runs = {
            "imports": Run(partial(shells.load, modules)),
            "none": Run(check, partial(prepare, tasks=False)),
            "each": Run(check, partial(prepare, tasks=True)),
        }
        found = {name: _processor(run, 4 * scale.patience) for name, run in runs.items()}
        for given in ("none", "each"):
            measured = milliseconds((found[given], found["imports"]))
            what = f"foundation-check, {number} due, {given} given a task: CPU without imports"
            yield Figure(what, measured, found[given] - found["imports"], "ms", most=0.050)
        prepare(tasks=True)
        clients = shells.clients("foundation-check")
        given = len(work.rows("SELECT 1 FROM prompts"))
        assert given == number, given
        yield Figure("foundation-check: tmux clients", str(len(clients)), len(clients), most=2)


def _processor(run: Run, times: int) -> float:
    """The least seconds of CPU that the processes of a run take, without waiting for the disk."""
    best = math.inf
    for _ in range(times):
        run.prepare()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run.call()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = min(best, seconds)
    return best


def sending(scale: Scale) -> Iterator[Figure]:
    """send --jsonl: the whole, and the whole without the cost of a short file."""
    with _workplace() as work:
        few, many = scale.few_lines, scale.lines
        runs = {}
        for number in (few, many):
            file = work.path / f"{number}.jsonl"
            file.write_text("".join(map(_line, range(number))))
            send = partial(work.tool, "send", "--jsonl", file)
            runs[number] = Run(send, partial(work.database.unlink, missing_ok=True))
        found = quickest(runs, scale.patience)
        what, measured = f"send --jsonl, {many:,} lines", milliseconds(found.values())
        yield Figure(what, measured, many / found[many], "/s", least=20_000)
        rate = (many - few) / (found[many] - found[few])
        yield Figure(f"{what}: beyond the first {few:,}", measured, rate, "/s", least=20_000)


def _line(n: int) -> str:
    return (
        f'{{"content": "make test CASE={n}  # and say what fails", "priority": {n % 5},'
        f' "working_dir": "/tmp", "env_vars": {{"CASE": "{n}"}}, "tags": ["nightly"]}}\n'
    )


def reporting(scale: Scale) -> Iterator[Figure]:
    """hook, for which agents wait, compared with the least possible: a shell and a rename."""
    with _workplace() as work:
        old, new = work.path / "old", work.path / "new"
        spool = work.path / "spool"
        spool.mkdir()
        run = partial(subprocess.run, check=True, env={"PATH": "/usr/bin:/bin"}, input=b"{}" * 500)
        found = quickest(
            {
                "hook": Run(partial(run, [ROOT / "bin/hook", spool, "claude", "Stop"])),
                "mv": Run(partial(run, ["sh", "-c", 'mv "$0" "$1"', old, new]), old.touch),
                "sh": Run(partial(run, ["sh", "-c", ":"])),
            },
            20 * scale.patience,
        )
        ratio = found["hook"] / found["mv"]
        yield Figure("hook, against sh -c 'mv a b'", milliseconds(found.values()), ratio, "x", 2)


def crowding(scale: Scale) -> Iterator[Figure]:
    """Sends, reports and ticks at once, compared with as many that only print their manual; and how
    long a writer waits for the database while passes run.
    """
    sends, reports, passes = scale.crowd
    with _workplace() as work:
        Shells(work).grow(scale.sessions[0])
        spool = {"ASSIGNER_ATTEMPT": "1", "ASSIGNER_SPOOL": str(work.state / "spool")}
        words = [("send", "true"), ("report", "progress", "it"), ("tick", "--wait", "60")]
        crowd = [word for word, n in zip(words, scale.crowd, strict=True) for _ in range(n)]

        def run(crowd: list[tuple[str, ...]]) -> None:
            for process in [work.start(*words, env=spool) for words in crowd]:
                _, said = process.communicate()
                assert process.returncode == 0, said

        manuals = [(words[0], "--help") for words in crowd]
        found = quickest(
            {"all": Run(partial(run, crowd)), "manuals": Run(partial(run, manuals))}, 1
        )
        what = f"{sends} sends, {reports} reports, {passes} ticks at once"
        ratio = found["all"] / found["manuals"]
        yield Figure(f"{what}: against their manuals", milliseconds(found.values()), ratio, "x")

        database = sqlite3.connect(work.database, timeout=10, isolation_level=None)
        waits = []
        started = [work.start(*words, env=spool) for words in crowd if words[0] == "tick"]
        while any(process.poll() is None for process in started):
            begin = time.perf_counter()
            database.execute("BEGIN IMMEDIATE")
            waits.append(time.perf_counter() - begin)
            database.execute("COMMIT")
            time.sleep(0.01)
        database.close()
        for process in started:
            process.communicate()
        median, longest = sorted(waits)[len(waits) // 2], max(waits)
        measured = milliseconds((median, longest))
        what = f"{passes} ticks at once: a writer's wait for the database"
        yield Figure(what, measured, longest, "ms", most=2.0)


@contextmanager
def _workplace() -> Iterator[Workplace]:
    with (
        tempfile.TemporaryDirectory(prefix="assigner-bench-") as path,
        Workplace(Path(path), real=True) as work,
    ):
        yield work


def main() -> None:
    name, _, manual = (__doc__ or "").partition(" - ")
    parser = argparse.ArgumentParser(
        prog=name, description=manual, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="small numbers, to test bench itself; always exits 0"
    )
    args = parser.parse_args()
    scale = QUICK if args.quick else FULL
    parts = (queueing, looking, delivering, idling, starting, working, sending, reporting, crowding)
    figures = [figure for part in parts for figure in part(scale)]
    print(table(figures))
    print(f"\nqueues: {' / '.join(map(str, scale.sizes))}")
    print("sessions: the tool / its imports alone / its tmux clients alone")
    print("judging: all of it / scan, all changed, without imports")
    print(f"deliver: to 1 / {scale.delivered} shells")
    print("tick: the tool / its imports alone; all of them / one alone")
    print("CPU: the tool / the other")
    print("foundation-check: the tool / its imports alone")
    print(f"send: {scale.few_lines:,} / {scale.lines:,} lines")
    print("at once: all of them / their manuals; the median / the longest wait")
    print("hook: the tool / sh -c 'mv a b' / sh -c :")
    sys.exit(not args.quick and any(figure.verdict == "OVER" for figure in figures))


if __name__ == "__main__":
    main()
