"""Pairing: tables of cases, and properties against an exhaustive search of small pools."""

from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assigner.routing.pairing import Candidate, Waiting, pair

Scores = dict[int, int]  # session: match

unhurried = settings(deadline=None)


def waiting(*prompts: Scores, priority: int = 0) -> list[Waiting]:
    """One class; sessions of equal match are tried in the order of their numbers."""
    return [
        Waiting(priority, [Candidate(session, match, (session,)) for session, match in p.items()])
        for p in prompts
    ]


CASES: list[tuple[str, list[Scores], dict[int, int]]] = [
    ("nobody", [], {}),
    ("no session", [{}, {}], {}),
    ("best match", [{0: 20, 1: 100, 2: 50}], {0: 1}),
    ("order breaks ties, for the oldest first", [{2: 5, 1: 5}, {1: 5, 2: 5}], {0: 1, 1: 2}),
    ("the oldest is served", [{0: 0}, {0: 100}], {0: 0}),
    ("one who cannot be served bars nobody", [{}, {0: 1}], {1: 0}),
    ("makes room for a prompt with one choice", [{0: 9, 1: 0}, {0: 0}], {0: 1, 1: 0}),
    ("makes no room at an elder's cost", [{0: 0}, {1: 0}, {0: 9, 1: 9}], {0: 0, 1: 1}),
    ("the better suited gets it", [{0: 50, 1: 50}, {0: 100, 1: 0}], {0: 1, 1: 0}),
    ("also at the elder's cost in points", [{0: 50, 1: 25}, {0: 100, 1: 0}], {0: 1, 1: 0}),
    ("equally suited, the elder gets it", [{0: 100, 1: 25}, {0: 100, 1: 50}], {0: 0, 1: 1}),
    ("moves aside on its level", [{0: 100, 1: 100}, {0: 100, 1: 0}], {0: 1, 1: 0}),
    ("does not move below its level", [{0: 100, 1: 50}, {0: 99, 1: 0}], {0: 0, 1: 1}),
    (
        "moves aside in a chain over several levels",
        [{0: 100, 1: 100}, {1: 50, 2: 50}, {0: 100}],
        {0: 1, 1: 2, 2: 0},
    ),
    (
        "who has to give way does so to the best that is left",  # 1 leaves 0 to 2, 0 moves aside
        [{1: 50, 3: 50}, {0: 100, 1: 60, 2: 25}, {0: 0}],
        {0: 3, 1: 1, 2: 0},
    ),
    ("of equals the better suited chooses first", [{0: 0, 1: 0}, {0: 1, 1: 1}], {0: 1, 1: 0}),
    ("a settled elder keeps its first choice", [{0: 1, 1: 1}, {0: 1, 1: 1}], {0: 0, 1: 1}),
]


@pytest.mark.parametrize(
    ("prompts", "pairs"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_one_class(prompts: list[Scores], pairs: dict[int, int]) -> None:
    assert pair(waiting(*prompts)) == sorted(pairs.items())


def test_priority_is_strict() -> None:
    urgent, later = waiting({0: 0, 1: 0}, priority=9), waiting({0: 100}, {1: 1}, priority=1)
    assert pair(urgent + later) == [(0, 0), (2, 1)]


def test_rising_priorities_are_refused() -> None:
    with pytest.raises(ValueError, match="falling priority"):
        pair(waiting({0: 1}, priority=1) + waiting({0: 1}, priority=2))


def test_many_in_a_chain() -> None:
    """Each newcomer pushes all the others one session on: longer than Python may recurse."""
    count = 1500
    prompts = [{n: 1, n + 1: 0} for n in range(count)] + [{0: 1}]
    assert pair(waiting(*prompts)) == [(n, n + 1) for n in range(count)] + [(count, 0)]


def pools(size: int) -> st.SearchStrategy[list[Scores]]:
    """Few levels and few sessions, so that prompts get in each other's way."""
    scores = st.dictionaries(st.integers(0, size - 1), st.sampled_from([0, 50, 100]))
    return st.lists(scores, max_size=size)


def matchings(prompts: list[Scores], first: int = 0) -> Iterator[dict[int, int]]:
    """Every way to pair the prompts from `first` on."""
    if first == len(prompts):
        yield {}
        return
    for rest in matchings(prompts, first + 1):
        yield rest
        for session in prompts[first].keys() - rest.values():
            yield {first: session, **rest}


@unhurried
@given(pools(8), pools(8))
def test_nobody_twice_and_nobody_idle(urgent: list[Scores], later: list[Scores]) -> None:
    prompts = urgent + later
    pairs = pair(waiting(*urgent, priority=1) + waiting(*later, priority=0))
    served, taken = {prompt for prompt, _ in pairs}, {session for _, session in pairs}
    assert len(served) == len(taken) == len(pairs)
    assert all(session in prompts[prompt] for prompt, session in pairs)
    for prompt in set(range(len(prompts))) - served:
        assert prompts[prompt].keys() <= taken, "it waits beside a free session"


@unhurried
@given(pools(6), pools(6))
def test_the_lower_class_gets_what_the_higher_leaves(
    urgent: list[Scores], later: list[Scores]
) -> None:
    alone = pair(waiting(*urgent))
    taken = {session for _, session in alone}
    left = [{s: match for s, match in scores.items() if s not in taken} for scores in later]
    rest = [(prompt + len(urgent), session) for prompt, session in pair(waiting(*left))]
    assert pair(waiting(*urgent, priority=1) + waiting(*later, priority=0)) == alone + rest


@unhurried
@given(pools(4))
def test_serves_as_many_as_possible_and_the_eldest(prompts: list[Scores]) -> None:
    served = dict(pair(waiting(*prompts)))
    possible = list(matchings(prompts))
    assert len(served) == max(map(len, possible))
    by_age = [[n in pairs for n in range(len(prompts))] for pairs in possible]
    assert [n in served for n in range(len(prompts))] == max(by_age)


@unhurried
@given(pools(4))
@example([{0: 100, 1: 100}, {1: 50, 2: 50}, {0: 100}])
def test_levels_are_given_out_from_the_best_by_age(prompts: list[Scores]) -> None:
    """Of all pairings of those served, keep at each step those that suit the next prompt."""
    pairs = dict(pair(waiting(*prompts)))
    possible = [other for other in matchings(prompts) if other.keys() == pairs.keys()]
    for level in (100, 50, 0):
        for prompt in pairs:
            possible = [
                other for other in possible if prompts[prompt][other[prompt]] == level
            ] or possible
    assert pairs in possible


@unhurried
@given(pools(8))
@example([{1: 50, 3: 50}, {0: 100, 1: 60, 2: 25}, {0: 0}])
def test_none_takes_what_suits_another_better_while_as_good_is_free(prompts: list[Scores]) -> None:
    pairs = dict(pair(waiting(*prompts)))
    free = {session for scores in prompts for session in scores} - set(pairs.values())
    for prompt, session in pairs.items():
        as_good = {s for s in free if prompts[prompt].get(s) == prompts[prompt][session]}
        for other, held in pairs.items():
            better = prompts[other].get(session, -1) > prompts[other][held]
            assert not (better and as_good), f"{prompt} keeps {other} from {session}"


@unhurried
@given(pools(6))
def test_the_sequence_of_the_candidates_is_no_matter(prompts: list[Scores]) -> None:
    turned = [dict(reversed(scores.items())) for scores in prompts]
    assert pair(waiting(*turned)) == pair(waiting(*prompts))
