"""reassign: change the target of a prompt before it is typed."""

from assigner import states
from assigner.errors import UsageError
from assigner.queue import attempts, events, prompts
from assigner.store.database import Row, Store


def reassign(store: Store, prompt: int, *, session: str | None, provider: str | None) -> Row:
    """Give a waiting prompt this target, or none; its row, with a `note` if it is too late.

    Call it inside a transaction.  If no pass is typing the prompt yet, it first releases the claim,
    as cancel does: deliver then cannot commit the stage `typing`.  UsageError for an unknown
    prompt, and for a branch without a directory.
    """
    row = store.one("prompts/get", id=prompt)
    if row is None:
        raise UsageError(f"no prompt {prompt}")
    if row["status"] == "assigned":
        live = attempts.live_of(store, prompt)
        if live["stage"] not in states.UNTYPED:
            does = "runs in" if live["stage"] == "submitted" else "is being typed into"
            return {**row, "note": f"{does} {row['assigned_session']}: cancel it"}
        reassigned = attempts.Verdict(live, "released", evidence={"released": "reassigned"})
        attempts.finish(store, reassigned)
    elif row["status"] == "in_progress":
        return {**row, "note": f"runs in {row['assigned_session']}: cancel it"}
    elif row["status"] != "pending":
        return {**row, "note": f"is {row['status']}: send it again with --parent {prompt}"}
    directory = row["working_dir"] or prompts.directory_is_known(store, session)
    if row["git_branch"] and not directory:
        raise UsageError(
            f"prompt {prompt} needs branch '{row['git_branch']}' of its session's directory:"
            " give --to a session whose directory is known"
        )
    prompts.retarget(store, prompt, session=session, provider=provider)
    data = {
        "by": store.actor,
        "from": row["target_session"] or row["target_provider"],
        "to": session or provider,
    }
    events.record(store, "prompt.reassigned", data, prompt=prompt)
    changed = store.one("prompts/get", id=prompt)
    assert changed is not None
    return {**changed, "note": ""}
