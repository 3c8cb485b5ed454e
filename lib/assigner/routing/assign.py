"""assign-next: decide which prompt goes to which session.

The pass scores pairs outside of any transaction, because it looks up working trees in the file
system; then it claims them in one transaction, where the schema rejects what is no longer possible.
"""

import json
import os.path
from functools import cache

from assigner import clock
from assigner.context import worktrees
from assigner.queue import attempts, limits, outages, pauses, prompts, rests
from assigner.routing import choices, pairing, score
from assigner.routing.choices import Option
from assigner.store import state_dir
from assigner.store.database import Row, Store
from assigner.store.rows import Prompt, Session
from assigner.system import git

Lane = tuple[str | None, str | None]  # a target session and a target provider

_ROUNDS = 8  # after a claim fails, its session is free for another prompt
_PASSED_OVER = 1000  # a pass examines at most this many prompts of one lane without success


def release_due(store: Store, limit: int = 1000) -> None:
    """Let prompts whose time has come, or whose limit has ended, wait for a session."""
    limits.release_due(store)
    rests.release_due(store)
    outages.release_due(store)
    prompts.release_misheld(store)
    due = store.rows("prompts/due_times", limit=limit)
    if due:
        with store.transaction():
            for row in due:
                prompts.hold(store, row["id"])


def can_move(store: Store, until: str) -> bool:
    """Whether anything can still happen without a person before that time.

    A waiting prompt counts only if a session that is not paused could take it.
    """
    if store.one("prompts/can_move", until=until):
        return True
    if not store.one("prompts/any_ready"):
        return False
    served, _ = lanes_by_pause(store, until)
    return any(
        store.one(
            "prompts/ready_in_lane",
            target_session=target,
            target_provider=provider,
            limit=1,
            offset=0,
        )
        for target, provider in served
    )


def lanes_by_pause(store: Store, until: str | None = None) -> tuple[set[Lane], set[Lane]]:
    """The lanes that some session serves, and those that only a pause keeps from being served.

    An offline session serves them too if keepalive restarts it.  A session that rests beyond the
    time `until`, if given, serves none.
    """
    stopped = pauses.providers_paused(store)
    there = [
        session
        for session in store.rows("sessions/list")
        if session["enrolled"]
        and not (until and (session["resting_until"] or "") > until)
        and (
            session["status"] != "offline"
            or (session["keepalive"] and not session["given_up_reason"])
        )
    ]
    served = _lanes([session for session in there if not pauses.why(session, stopped)])
    return served, _lanes(there) - served


def assign(store: Store, *, limit: int | None = None) -> tuple[list[Row], list[Option]]:
    """Pair the most urgent waiting prompts with the idle sessions that match them best.

    Returns a row for each claim, and every option that was considered.
    """
    release_due(store)
    claims: list[Row] = []
    weighed: dict[tuple[int, str], Option] = {}
    for _ in range(_ROUNDS):
        options, claimed, refused = _round(store, None if limit is None else limit - len(claims))
        claims += claimed
        for option in options:
            key = option.prompt["id"], option.session["name"]
            if key not in weighed or option.chosen:
                weighed[key] = option
        if not refused or len(claims) == limit:
            break
    return claims, list(weighed.values())


def _round(store: Store, limit: int | None) -> tuple[list[Option], list[Row], int]:
    """One round of pairing: the options, the claims, and the number of pairs not claimed."""
    sessions = store.rows("sessions/ready")
    if not sessions:
        return [], [], 0
    free = min(len(sessions), limit or len(sessions))
    trees = _Trees(store)
    waiting = choices.leave_probes(
        store, sessions, _candidates(store, sessions, free, trees, choices.Elsewhere(store))
    )
    pairs = pairing.pair(
        [
            pairing.Waiting(prompt["priority"], [option.candidate for option in options])
            for prompt, options in waiting
        ]
    )[:free]
    claims: list[Row] = []
    with store.transaction():
        for index, place in pairs:
            option = next(o for o in waiting[index][1] if o.candidate.session == place)
            if row := _claim(store, option, trees):
                option.chosen = True
                claims.append(row)
    if claims:
        state_dir.note_attempt(store, claims[-1]["attempt"])
    return [o for _, options in waiting for o in options], claims, len(pairs) - len(claims)


class _Trees:
    """Directories and working trees, looked up once per pass, and the branch each is used on."""

    def __init__(self, store: Store) -> None:
        self.used: dict[str, str | None] = {
            row["tree"]: row["branch"] for row in store.rows("tree_leases/list")
        }
        since = clock.text(clock.now() - store.settings.tree_wait)
        # the priority of the most urgent prompt that has waited long for a tree in use
        self.awaited: dict[str, int] = {
            row["tree"]: row["priority"]
            for row in (store.rows("tree_leases/awaited", since=since) if self.used else ())
        }
        self._root = state_dir.root(store.settings)
        self._physical = cache(os.path.realpath)
        self._place = cache(git.place)
        self._made_tree = cache(git.made_tree)

    def place(self, prompt: Prompt, directory: str | None) -> git.Place | None:
        """The working tree of a prompt with this directory; a separate tree that does not exist yet
        has no branch.
        """
        place = self._place(directory) if directory else None
        if not (place and directory and prompt["worktree"]):
            return place
        own, _ = worktrees.own(self._root, place, directory, prompt["git_branch"])
        return self._made_tree(own) or git.Place(own, None, None, place.common)

    def directory(self, prompt: Prompt) -> str | None:
        """The physical directory in which the prompt works; None if any is fine."""
        directory = prompt["working_dir"]
        if directory and prompt["worktree"] and (place := self._place(directory)):
            return worktrees.own(self._root, place, directory, prompt["git_branch"])[1]
        return self._physical(directory) if directory else None

    def conflict(self, place: git.Place | None, branch: str | None) -> str | None:
        """The tree that is in use on another branch, or is still to be switched; None if none."""
        if branch is None or place is None or place.tree not in self.used:
            return None
        return None if self.used[place.tree] == place.branch == branch else place.tree

    def joins_past(self, prompt: Prompt, place: git.Place | None) -> str | None:
        """The tree in use that a prompt must not join, because a more urgent one has waited for it
        for ASSIGNER_TREE_WAIT seconds: else a lease would never end.  None if it may.
        """
        if place is None or prompt["priority"] >= self.awaited.get(place.tree, prompt["priority"]):
            return None
        return place.tree

    def use(self, place: git.Place | None, branch: str | None) -> None:
        """Record that a prompt is about to work in a tree, and so keeps it on its branch."""
        if place:
            self.used.setdefault(place.tree, branch or place.branch)


def _candidates(
    store: Store, sessions: list[Session], free: int, trees: _Trees, elsewhere: choices.Elsewhere
) -> list[tuple[Prompt, list[Option]]]:
    """The prompts that may run now, most urgent first, each with its options.

    Reads as many prompts of each lane that a free session serves as there are sessions.  A prompt
    whose tree is in use is held, and so leaves its lane; one that still waits for a better
    session is passed over.
    """
    directories = {session["name"]: session["current_dir"] for session in sessions}
    found: list[tuple[Prompt, list[Option]]] = []
    now = clock.now()
    for target, provider in _lanes(sessions):
        kept = offset = 0
        while kept < free and offset < _PASSED_OVER:
            page = store.rows(
                "prompts/ready_in_lane",
                target_session=target,
                target_provider=provider,
                limit=free + 1,  # one more than needed: the first may have to leave a probe
                offset=offset,
            )
            held = []
            for prompt in page:
                directory = prompt["working_dir"] or directories.get(target or "")
                place = trees.place(prompt, directory)
                if tree := (
                    trees.conflict(place, prompt["git_branch"]) or trees.joins_past(prompt, place)
                ):
                    held.append((prompt["id"], tree))
                elif options := _options(store, prompt, sessions, trees, now, elsewhere):
                    found.append((prompt, options))
                    kept += 1
            _hold_for_trees(store, held)
            offset += len(page) - len(held)
            if len(page) <= free:
                break
    found.sort(key=lambda item: (-item[0]["priority"], item[0]["created_at"], item[0]["id"]))
    return found


def _lanes(sessions: list[Session]) -> set[Lane]:
    """The lanes that these sessions serve."""
    lanes: set[Lane] = set()
    for session in sessions:
        lanes |= {(None, session["provider"]), (session["name"], None)}
        lanes.add((session["name"], session["provider"]))
        if choices.takes_any(session):
            lanes.add((None, None))
    return lanes


def _hold_for_trees(store: Store, held: list[tuple[int, str]]) -> None:
    if held:
        with store.transaction():
            for prompt, tree in held:
                if store.one("tree_leases/of_tree", tree=tree):  # still in use
                    prompts.hold_on(store, prompt, "tree in use", tree)


def _options(
    store: Store,
    prompt: Prompt,
    sessions: list[Session],
    trees: _Trees,
    now: float,
    elsewhere: choices.Elsewhere,
) -> list[Option]:
    """The sessions that may take the prompt now, each with its score."""
    settings, found = store.settings, []
    directory, branch = prompt["working_dir"], prompt["git_branch"]
    place, wanted = trees.place(prompt, directory), trees.directory(prompt)
    variables = {k: v for k, v in json.loads(prompt["env_vars"]).items() if v is not None}
    waited = now - clock.seconds(prompt["ready_at"])
    least = (prompt["min_score"] or 0) if waited < settings.context_wait else 0
    for index, session in enumerate(sessions):
        if not choices.may_take(prompt, session):
            continue
        here = trees.place(prompt, session["current_dir"]) if directory is None else None
        if trees.conflict(here, branch):
            continue
        parts, bonus = {}, 0
        if prompt["prefer_context_match"]:
            parts = score.score_parts(
                session,
                required_dir=wanted,
                required_env=variables,
                required_branch=branch,
                required_repository=place.tree if place else None,
                weights=settings.weights,
            )
            bonus = score.bonus(
                session,
                now=now,
                preferred_provider=settings.preferred_provider,
                weights=settings.weights,
            )
        match = sum(parts.values())
        if match >= least:
            order = score.preference(session, bonus)
            candidate = pairing.Candidate(index, match, order)
            found.append(Option(prompt, session, parts, bonus, candidate))
    return elsewhere.options(prompt, found, waited)


def _claim(store: Store, option: Option, trees: _Trees) -> Row | None:
    prompt, session = option.prompt, option.session
    directory = prompt["working_dir"] or session["current_dir"]
    place = trees.place(prompt, directory)
    if tree := trees.conflict(place, prompt["git_branch"]):
        # an equally urgent prompt has just taken it
        prompts.hold_on(store, prompt["id"], "tree in use", tree)
        return None
    switch = _is_switch(prompt, session, trees)
    attempt = attempts.claim(
        store,
        prompt,
        session,
        score=option.candidate.match,
        context_switch=switch,
        tree=place.tree if place else None,
        branch=prompt["git_branch"] or (place.branch if place else None),
        evidence={
            "parts": option.parts,
            "bonus": option.bonus,
            "from": {"dir": session["current_dir"], "branch": session["git_branch"]},
        },
    )
    if attempt is None:
        return None
    trees.use(place, prompt["git_branch"])
    return {
        "prompt": prompt["id"],
        "session": session["name"],
        "attempt": attempt,
        "score": option.candidate.match,
        "context_switch": switch,
    }


def _is_switch(prompt: Prompt, session: Session, trees: _Trees) -> bool:
    """Whether the session must change its directory or branch for the prompt."""
    wanted, branch = trees.directory(prompt), prompt["git_branch"]
    if wanted and wanted != session["current_dir"]:
        return True
    return bool(branch) and branch != session["git_branch"]
