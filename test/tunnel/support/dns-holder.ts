/**
 * A process that changes DNS as a client does, without the rest of a client, so that it can be killed at any moment:
 *
 *     dns-holder.ts hold DIRECTORY TUN SERVER…    says `held`, and puts everything back at SIGTERM
 *     dns-holder.ts flicker DIRECTORY TUN SERVER…  says `held` after the first time, and does and undoes it until it is killed
 *     dns-holder.ts recover DIRECTORY TUN         says what it has put back
 */
import { HostChanges, recover } from '../../../vpn/host/changes.js'
import { dnsKind, planDns, watchDns } from '../../../vpn/host/dns.js'
import { Journal } from '../../../vpn/host/journal.js'
import { createLog } from '../../../vpn/log.js'

const log = createLog({
  level: 'debug',
  format: 'text',
  colour: false,
  now: () => new Date(),
  err: (text) => process.stderr.write(text),
  out: (text) => process.stdout.write(text),
})
const [verb, directory = '', tunName = '', ...servers] = process.argv.slice(2)

try {
  const journal = Journal.open(tunName, directory)
  if (verb === 'recover') {
    console.log(`recovered ${(await recover(journal, [dnsKind(log)], log)).join(',')}`)
  } else if (verb === 'flicker') {
    const changes = new HostChanges(journal, log)
    for (let round = 0; ; round++) {
      await changes.make(dnsKind(log), await planDns(tunName, servers))
      await changes.undoAll()
      if (round === 0) console.log('held')
      // Output, and the end of the parent, need a turn of the loop.
      await new Promise((resolve) => setImmediate(resolve))
    }
  } else {
    const changes = new HostChanges(journal, log)
    const note = await planDns(tunName, servers)
    await changes.make(dnsKind(log), note)
    const stop = watchDns(note, log)
    // What is watched keeps no process alive.
    const alive = setInterval(() => undefined, 60_000)
    process.on('SIGTERM', () => {
      stop()
      clearInterval(alive)
      void changes.undoAll()
    })
    console.log('held')
  }
} catch (error) {
  console.log(`refused: ${(error as Error).message}`)
  process.exitCode = 1
}
