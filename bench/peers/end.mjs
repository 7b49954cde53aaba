/** One end of a contender, in a process of its own, which does what its parent asks: `end.mjs NAME OPTIONS`. */
import { loadContender } from './contender.mjs'
import { services } from './services.mjs'
import { Tasks } from './tasks.mjs'

const [name = '', options = '{}'] = process.argv.slice(2)
const contender = await loadContender(name)
const given = JSON.parse(options)
const tasks = new Tasks(contender, given)

const answers = {
  listen() {
    const { messages, ...others } = services
    return contender.listen(contender.framing ? services : others, given)
  },
  /** What the process has used so far: seconds of a processor, and the bytes that it holds. */
  usage() {
    global.gc?.()
    const { user, system } = process.cpuUsage()
    return { cpu: (user + system) / 1e6, memory: process.memoryUsage.rss() }
  },
}

process.on('message', async ({ task, parameters }) => {
  try {
    const answer = answers[task] ? await answers[task]() : await tasks[task](parameters)
    process.send?.({ answer })
  } catch (error) {
    process.send?.({ error: `${task} on ${name}: ${error?.stack ?? error}` })
  }
})
// The ordinary end of a process, which also lets a profiler write what it saw.
process.on('disconnect', () => process.exit())
