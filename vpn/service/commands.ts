/** `mqvpn up`, `down`, `doctor` and `completion`: on the command line, and what they do. */
import type { Command } from 'commander'
import { join } from 'node:path'
import { statSync } from 'node:fs'
import { packageRoot } from '../../common/package.js'
import { wantsColour } from '../colour.js'
import { whole, ValueError } from '../config/values.js'
import { RUN_DIR } from '../control/paths.js'
import { doctorCommand } from '../doctor/command.js'
import { thisMachine } from '../doctor/machine.js'
import { UsageError } from '../errors.js'
import { EXIT, type ExitCode } from '../exit-codes.js'
import { createLife } from '../life.js'
import { completion } from './completion/completion.js'
import { down } from './down.js'
import { statusAt } from './peer.js'
import { systemdOf } from './systemd.js'
import { DEFAULT_NAME, PLACES } from './target.js'
import { up } from './up.js'

export type ServiceRequest =
  | { verb: 'up'; name: string; waitMs: number }
  | { verb: 'down'; name: string }
  | { verb: 'doctor'; config: string | null; json: boolean }
  | { verb: 'completion'; shell: string }

/** Several round trips to a server that is far away, and a second try. */
const WAIT_SECONDS = 30

export function addServiceCommands(root: Command, ask: (request: ServiceRequest) => void): void {
  const name = 'name of /etc/mqvpn/CLIENT.conf, or the path of a file'
  root
    .command('up')
    .description('start a client in the background, and wait until it is connected')
    .argument('[CLIENT]', name, DEFAULT_NAME)
    .option('--wait <SECONDS>', `how long to wait (default: ${WAIT_SECONDS}); it goes on trying after that`)
    .action((client: string, { wait }: { wait?: string }) => {
      ask({ verb: 'up', name: client, waitMs: secondsOf(wait) * 1000 })
    })
  root
    .command('down')
    .description('end a client in the background, and wait until it is gone')
    .argument('[CLIENT]', name, DEFAULT_NAME)
    .action((client: string) => ask({ verb: 'down', name: client }))
  root
    .command('doctor')
    .description('look at this machine for what is in the way of a VPN')
    .option('--config <FILE>', 'look at what this configuration needs (default: all in /etc/mqvpn)')
    .option('--json', 'as JSON')
    .action(({ config, json }: { config?: string; json?: boolean }) => {
      const inFront = root.opts<{ config?: string }>().config
      ask({ verb: 'doctor', config: config ?? inFront ?? null, json: json ?? false })
    })
  root
    .command('completion')
    .description('print the completion script of a shell: bash, zsh or fish')
    .argument('<SHELL>', 'bash, zsh or fish')
    .action((shell: string) => ask({ verb: 'completion', shell }))
}

function secondsOf(text: string | undefined): number {
  if (text === undefined) return WAIT_SECONDS
  try {
    return whole(0, 86_400)(text)
  } catch (error) {
    if (error instanceof ValueError) throw new UsageError(`--wait ${text}: ${error.message}`)
    throw error
  }
}

export interface ServiceDeps {
  process: NodeJS.Process
  out: (text: string) => void
  err: (text: string) => void
  /** The whole command line, for completion. */
  root: () => Command
}

export async function serviceCommand(
  request: ServiceRequest,
  { process, out, err, root }: ServiceDeps,
): Promise<ExitCode> {
  const say = (line: string): void => out(`${line}\n`)
  switch (request.verb) {
    case 'up': {
      const life = createLife(process, (text) => err(`${text}\n`))
      const command = [process.execPath, ...process.execArgv, process.argv[1]!]
      const { name, waitMs } = request
      return up(name, {
        places: PLACES,
        systemd: systemdOf(),
        command,
        env: process.env,
        say,
        signal: life.signal,
        waitMs,
      })
    }
    case 'down':
      return down(request.name, { places: PLACES, systemd: systemdOf(), env: process.env, say })
    case 'doctor': {
      const born = statSync(join(packageRoot(), 'package.json')).mtime
      const subject = { configFolder: PLACES.config, config: request.config, born, serverRuns }
      const screen = { write: out, colour: wantsColour(process.stdout) }
      return doctorCommand(thisMachine(), subject, request.json, screen)
    }
    case 'completion':
      out(completion(request.shell, root()))
      return EXIT.ok
  }
}

/** Any of those that run here. */
async function serverRuns(): Promise<boolean> {
  const names = thisMachine()
    .list(RUN_DIR)
    .filter((file) => file.endsWith('.sock'))
  const all = await Promise.all(names.map((file) => statusAt(join(RUN_DIR, file))))
  return all.some((status) => status?.role === 'server')
}
