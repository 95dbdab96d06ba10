/** Everything that `mqvpn doctor` looks at, in the order in which it is put right best. */
import { join } from 'node:path'
import { RUN_DIR } from '../control/paths.js'
import { certificate, clock } from './clock.js'
import { configs } from './configs.js'
import { devices } from './devices.js'
import { dns } from './dns.js'
import { files } from './files.js'
import type { Finding } from './finding.js'
import { firewall } from './firewall.js'
import { leftovers } from './leftovers.js'
import type { Machine } from './machine.js'
import { native } from './native.js'
import { port } from './port.js'
import { routes } from './routes.js'

export interface Subject {
  /** `/etc/mqvpn` */
  configFolder: string
  /** `--config`: this one instead of those in the folder. */
  config: string | null
  /** When this program was made. */
  born: Date
  /** Whether a mqvpn server runs here. */
  serverRuns: () => Promise<boolean>
  runFolder?: string
}

export async function examine(machine: Machine, subject: Subject): Promise<Finding[]> {
  const { configFolder, config, born, serverRuns, runFolder = RUN_DIR } = subject
  const { findings, found } = configs(machine, configFolder, config)
  const clients = found.flatMap((one) => (one.side === 'client' ? [one.settings] : []))
  const servers = found.flatMap((one) => (one.side === 'server' ? [one.settings] : []))
  const needsFirewall = servers.some(({ nat }) => nat) || clients.some(({ killSwitch }) => killSwitch !== 'off')
  const needsDns = clients.some(({ dns }) => dns.length > 0)
  const result = [
    ...native(machine),
    ...(await firewall(machine, needsFirewall)),
    ...(await dns(machine, needsDns)),
    ...devices(machine),
    ...routes(machine),
    ...(await clock(machine, born)),
    ...files(machine, configFolder),
    ...findings,
  ]
  const running = servers.length > 0 && (await serverRuns())
  for (const { listen, cert, acme, stateDir } of servers) {
    // Port 0 is the kernel's to choose.
    if (listen.port !== 0) result.push(...(await port(machine, listen, running)))
    result.push(...certificate(machine, cert ?? join(stateDir, acme.length > 0 ? 'acme.crt' : 'server.crt')))
  }
  result.push(...leftovers(machine, runFolder))
  return result
}
