// Plays recorded events to the plugin: replay.mjs PLUGIN EVENTS
import { readFileSync } from "node:fs"

const { AssignerReports } = await import(process.argv[2])
const plugin = await AssignerReports({ directory: "/home/tester/work" })
for (const line of readFileSync(process.argv[3], "utf8").trim().split("\n")) {
  const [, type, properties, message] = JSON.parse(line)
  if (type === "chat.message")
    await plugin[type](properties, { message: { id: message.id }, parts: [{ type: "text", text: message.text }] })
  else await plugin.event({ event: { type, properties } })
}
await plugin.dispose()
