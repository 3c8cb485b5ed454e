// Reports this agent's turns to assigner, as small files in its spool; it does nothing else.
// Written by `hooks install opencode`, which overwrites it; `hooks remove opencode` deletes it.

import { existsSync, renameSync, writeFileSync } from "node:fs"

const SPOOL = "@SPOOL@"
const LONGEST = 200000 // characters of a text that are reported

const server = /,(\d+),[^,]*$/.exec(process.env.TMUX ?? "")?.[1] ?? "-"
const pane = /^%(\d+)$/.exec(process.env.TMUX_PANE ?? "")?.[1] ?? "-"
let number = Date.now() * 1000

function report(event, fields) {
  try {
    if (!existsSync(SPOOL)) return
    const name = `hook.opencode.${event}.${server}.${pane}.${process.pid}.${number++}`
    const text = fields.text?.slice(0, LONGEST)
    writeFileSync(`${SPOOL}/.${name}`, JSON.stringify({ ...fields, text }), { mode: 0o600 })
    renameSync(`${SPOOL}/.${name}`, `${SPOOL}/${name}`)
  } catch {} // a full disk must not disturb the agent
}

export const AssignerReports = async ({ directory }) => {
  const parents = new Map() // the parent session of each sub-session
  // by id: turns not answered yet; turns answered but not reported; their texts; the newest answer;
  // the turns that are failing, with the error, until a compaction of the conversation has ended
  const sessions = new Map()

  function of(id) {
    if (!sessions.has(id)) sessions.set(id, { turns: [], answered: [], said: new Map(), answer: {} })
    return sessions.get(id)
  }

  function root(id) {
    while (parents.has(id)) id = parents.get(id)
    return id
  }

  function current({ turns, answer }) {
    return turns.includes(answer.turn) ? answer.turn : turns[0]
  }

  function ask(event, id, text) {
    const session = root(id)
    report(event, { session, turn: current(of(session)), directory, text })
  }

  // The turns up to `last`: OpenCode answers prompts typed during an answer together with the next
  function taken(turns, last) {
    return turns.splice(0, turns.indexOf(last) + 1 || turns.length)
  }

  function finish(session) {
    const { answered, said } = of(session)
    const { failing } = of(session)
    if (failing?.answer) {
      for (const turn of failing.turns) said.set(turn, said.get(failing.answer))
      answered.unshift(...failing.turns)
      of(session).failing = undefined
    }
    for (const turn of answered.splice(0)) {
      report("session-idle", { session, turn, directory, outcome: "finished", text: said.get(turn) })
      said.delete(turn)
    }
  }

  function fail(session) {
    const { failing } = of(session)
    of(session).failing = undefined
    for (const turn of failing?.turns ?? [])
      report("session-error", { session, turn, directory, error: failing.code || "unknown", text: failing.text })
  }

  const handlers = {
    "session.created": ({ info }) => info.parentID && parents.set(info.id, info.parentID),
    "session.updated": ({ info }) => info.parentID && parents.set(info.id, info.parentID),
    "session.deleted": ({ info }) => [parents, sessions].forEach((map) => map.delete(info.id)),
    "message.updated": ({ info }) => {
      if (info.role !== "assistant" || parents.has(info.sessionID)) return
      const session = of(info.sessionID)
      if (!session.answered.includes(info.parentID)) finish(info.sessionID)
      if (session.answer.id !== info.id) session.answer = { id: info.id, turn: info.parentID, texts: new Map() }
      if (!info.finish || ["tool-calls", "error", "unknown"].includes(info.finish)) return
      if (session.turns.includes(info.parentID)) session.answered.push(...taken(session.turns, info.parentID))
      else if (session.failing && !info.summary) session.failing.answer = info.parentID
    },
    "message.part.updated": ({ part }) => {
      const session = sessions.get(part.sessionID)
      if (part.type !== "text" || session?.answer.id !== part.messageID) return
      const { turn, texts } = session.answer
      session.said.set(turn, [...texts.set(part.id, part.text).values()].join("\n"))
    },
    "session.status": ({ sessionID: session, status }) => {
      if (status.type !== "retry" || parents.has(session)) return
      const wait = Math.round((status.next - Date.now()) / 1000)
      const reset = wait > 60 ? new Date(status.next).toISOString() : undefined
      const { attempt, message: text } = status
      report("session-status", {
        session, turn: current(of(session)), directory, outcome: "retry", attempt, wait, reset, text,
      })
    },
    "session.error": ({ sessionID: session, error }) => {
      if (!session || parents.has(session)) return
      const { turns, answer } = of(session)
      const code = [error?.name, error?.data?.statusCode].filter(Boolean).join(" ")
      finish(session)
      const failed = [...(of(session).failing?.turns ?? []), ...taken(turns, answer.turn)]
      of(session).failing = { turns: failed, code, text: error?.data?.message }
      // after an overflow OpenCode compacts the conversation, and may go on with the turn
      if (error?.name !== "ContextOverflowError") fail(session)
    },
    "session.idle": ({ sessionID: session }) => {
      if (parents.has(session)) return sessions.delete(session)
      finish(session)
      fail(session)
      // a turn interrupted during a retry, or by a refused permission, has no error
      for (const turn of of(session).turns.splice(0))
        report("session-idle", { session, turn, directory, outcome: "left", error: "left", text: "interrupted" })
    },
    "permission.asked": ({ sessionID, permission, patterns }) =>
      ask("permission-asked", sessionID, [permission, ...(patterns ?? [])].join(" ")),
    "permission.replied": ({ sessionID }) => ask("permission-replied", sessionID),
    "question.asked": ({ sessionID, questions }) => ask("question-asked", sessionID, questions?.[0]?.question),
    "question.replied": ({ sessionID }) => ask("question-replied", sessionID),
    "question.rejected": ({ sessionID }) => ask("question-rejected", sessionID),
  }

  report("plugin-start", { directory })
  return {
    event: async ({ event }) => {
      try {
        handlers[event.type]?.(event.properties)
      } catch {} // another version may have other events
    },
    "chat.message": async ({ sessionID: session }, { message, parts }) => {
      try {
        if (parents.has(session)) return
        const typed = parts.filter((part) => part.type === "text" && !part.synthetic)
        of(session).turns.push(message.id)
        report("chat-message", {
          session, turn: message.id, directory, text: typed.map((part) => part.text).join("\n"),
        })
      } catch {}
    },
    dispose: async () => report("plugin-end", { directory }),
  }
}
