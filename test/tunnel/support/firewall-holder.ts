/**
 * A process that changes firewall and kernel settings as mqvpn does, without the rest of it, so that it can be killed at any
 * moment. CHANGES is JSON: `{ nat?: note, kill?: note, forwarding?: { ipv6 } }`.
 *
 *     firewall-holder.ts hold DIRECTORY TUN CHANGES         says `held`, and puts everything back at SIGTERM
 *     firewall-holder.ts fail DIRECTORY TUN CHANGES STEP    the same, but the step of this number fails; says which it was
 *     firewall-holder.ts allow DIRECTORY TUN CHANGES        other servers for the kill switch that is up
 *     firewall-holder.ts recover DIRECTORY TUN              says what it has put back
 */
import { HostChanges, recover } from '../../../vpn/host/changes.js'
import { Journal } from '../../../vpn/host/journal.js'
import { allowServers, killSwitchKind, planKillSwitch, type KillSwitchNote } from '../../../vpn/host/kill-switch.js'
import { natKind, planNat, type NatNote } from '../../../vpn/host/nat.js'
import { Nft, nftRunner, type NftRunner } from '../../../vpn/host/nft.js'
import { writeSysctl } from '../../../vpn/host/sysctl-files.js'
import { planForwarding, SYSCTL_PLACES, sysctlKind } from '../../../vpn/host/sysctl.js'
import { createLog } from '../../../vpn/log.js'

export interface Changes {
  nat?: NatNote
  kill?: KillSwitchNote
  forwarding?: { ipv6: boolean }
}

const log = createLog({
  level: 'debug',
  format: 'text',
  colour: false,
  now: () => new Date(),
  err: (text) => process.stderr.write(text),
  out: (text) => process.stdout.write(text),
})
const [verb, directory = '', tunName = '', json = '{}', step = ''] = process.argv.slice(2)
const changes = JSON.parse(json) as Changes
const places = { ...SYSCTL_PLACES, runDirectory: directory }

/** Counts what changes the host, until it fails; what comes after works again, or nothing could be put back. */
let done = 0
function failsNow(): boolean {
  done += 1
  return verb === 'fail' && done === Number(step)
}
const real = nftRunner()
const run: NftRunner = async (args) => {
  const [json, text] = args
  if (json !== '-j' || !text?.startsWith('{') || !failsNow()) return real(args)
  // A transaction that the kernel refuses at its end, as with a module that is missing.
  const broken = { add: { rule: { family: 'inet', table: 'none', chain: 'none', expr: [{ accept: null }] } } }
  const { nftables } = JSON.parse(text) as { nftables: unknown[] }
  return real(['-j', JSON.stringify({ nftables: [...nftables, broken] })])
}
const write: typeof writeSysctl = (...args) => {
  if (failsNow()) throw new Error(`injected at ${args[1]}`)
  writeSysctl(...args)
}
const nft = new Nft(run)
const kinds = { nat: natKind(log, nft), kill: killSwitchKind(nft), forwarding: sysctlKind(log, places, write) }

async function makeAll(host: HostChanges): Promise<void> {
  if (changes.kill) await host.make(kinds.kill, await planKillSwitch(changes.kill, nft))
  if (changes.nat) await host.make(kinds.nat, await planNat(changes.nat, nft))
  if (changes.forwarding) await host.make(kinds.forwarding, await planForwarding(changes.forwarding, places))
}

try {
  const journal = Journal.open(tunName, directory)
  if (verb === 'recover') {
    const known = Object.values(kinds) as unknown as Parameters<typeof recover>[1]
    console.log(`recovered ${(await recover(journal, known, log)).join(',')}`)
  } else if (verb === 'allow') {
    await allowServers(changes.kill!, nft)
  } else {
    const host = new HostChanges(journal, log)
    try {
      await makeAll(host)
    } catch (error) {
      await host.undoAll()
      throw error
    }
    const alive = setInterval(() => undefined, 60_000)
    process.on('SIGTERM', () => {
      clearInterval(alive)
      void host.undoAll()
    })
    // All steps were made: what comes now only puts back.
    done = Infinity
    console.log('held')
    if (verb === 'fail') process.kill(process.pid, 'SIGTERM')
  }
} catch (error) {
  console.log(`refused: ${(error as Error).message}`)
  process.exitCode = 1
}
