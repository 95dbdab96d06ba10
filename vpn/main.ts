#!/usr/bin/env node
/** The `mqvpn` command: reads the command line, runs what it asks for, turns what happened into an exit code. */
import { CommanderError } from 'commander'
import { packageVersion } from '../common/package.js'
import { systemLookup } from './client/resolve.js'
import { load, type Sources } from './config/load.js'
import type { ServerSettings } from './config/settings.js'
import { userCommand } from './control/user-command.js'
import { exitCodeOf, EXIT } from './exit-codes.js'
import { messageOf, UsageError, VpnError } from './errors.js'
import { generateKey, keyLines } from './key.js'
import { wantsColour } from './colour.js'
import { createLife } from './life.js'
import { createLog, type Log } from './log.js'
import { nativeEngines, notifySocket, recoverRoutes } from './native.js'
import type { RecoverOptions } from './host/leftovers.js'
import type { InviteRequest } from './invite/command.js'
import { SCHEME } from './invite/invitation.js'
import { readInvitation } from './invite/read.js'
import { withInvitation } from './invite/settings.js'
import { program, type Request } from './program.js'
import { serviceCommand } from './service/commands.js'
import { ServiceManager } from './service/notify.js'
import { Observers } from './service/observers.js'
import { statusCommand } from './status/command.js'
import type { Invite } from './server/invite.js'
import { prepareTraces } from './traces.js'

type RunRequest = Extract<Request, { verb: 'run' }>

const out = (text: string): void => void process.stdout.write(text)
const err = (text: string): void => void process.stderr.write(text)

async function main(request: Request): Promise<number> {
  switch (request.verb) {
    case 'genkey':
      out(keyLines(generateKey(), request.hash ?? false))
      return EXIT.ok
    case 'status': {
      const life = createLife(process, () => undefined)
      const screen = { write: out, isTTY: process.stdout.isTTY, colour: wantsColour(process.stdout) }
      return statusCommand(request.options, screen, life.signal)
    }
    case 'user':
      return userCommand(request.request, out)
    case 'config': {
      const { configCommand } = await import('./config/command.js')
      return configCommand(request.request, { env: process.env, out, err })
    }
    case 'run':
      return run(request)
    case 'invite':
      return invite(request.request)
    case 'recover':
      return recover(request.options)
    case 'up':
    case 'down':
    case 'doctor':
    case 'completion':
      return serviceCommand(request, { process, out, err, root: () => program(() => undefined) })
  }
}

async function run({ side, config, flags: written, invitation, invite }: RunRequest): Promise<number> {
  // Warnings about the sources come before it is known how to log them.
  const early: [level: 'warn' | 'debug', text: string][] = []
  const keyInArguments = Boolean(written.authKey ?? written.user) || (invitation?.startsWith(SCHEME) ?? false)
  let flags = written
  if (invitation !== undefined) {
    hideArguments('client')
    const warn = (text: string): void => void early.push(['warn', text])
    flags = withInvitation(await readInvitation(invitation, process.stdin, { warn }), written)
  }
  const sources: Sources = { side, flags, env: { ...process.env }, file: config }
  const { resolved: found, file } = load(sources, {
    warn: (text) => early.push(['warn', text]),
    debug: (text) => early.push(['debug', text]),
  })
  delete process.env['MQVPN_AUTH_KEY']
  if (keyInArguments) hideArguments(found.side)
  if (invite !== undefined && found.side === 'client')
    throw new UsageError('--invite: is for a server, and this is a client')
  const log = createLog({
    level: found.settings.logLevel,
    format: found.settings.logFormat,
    colour: wantsColour(process.stderr),
    now: () => new Date(),
    err,
    out,
  })
  for (const [level, text] of early) log[level](text)
  if (keyInArguments) adviseKeyFile(log)
  prepareTraces(found.settings, log)
  const life = createLife(process, (text) => log.info(text))
  const about = { version: packageVersion(), pid: process.pid }
  const observers = new Observers(found.settings.metrics ?? null, serviceManager(log), life, log)
  const observe = observers.observe.bind(observers)
  const common = {
    engines: () => nativeEngines(),
    recoverRoutes: () => recoverRoutes(),
    log,
    life: observers.life,
    about,
    observe,
  }
  try {
    if (found.side === 'server') {
      const { runServer } = await import('./server/run.js')
      // At a terminal SIGHUP says that it was closed; and without a file nothing is other than it was.
      const reload = file === null || process.stdin.isTTY ? {} : { reload: () => serverSettings(sources, log) }
      const invited = invite === undefined ? {} : { invite: await inviteFor(invite, found.settings) }
      await runServer(found.settings, { ...common, ...reload, ...invited, now: () => new Date() })
    } else {
      const { runClient } = await import('./client/run.js')
      await runClient(found.settings, { ...common, lookup: systemLookup })
    }
  } finally {
    await observers.close()
  }
  return life.exitCode()
}

/** The code is for a person who holds a telephone in front of the screen. */
async function inviteFor(invite: string | true, { logFormat }: ServerSettings): Promise<Invite> {
  const name = invite === true ? null : invite
  if (logFormat === 'json' || !process.stdout.isTTY) return { name }
  const { qrCode } = await import('./invite/qr.js')
  return { name, showCode: (text) => out(qrCode(text, process.stdout.columns) ?? '') }
}

async function invite(request: InviteRequest): Promise<number> {
  if (request.given.startsWith(SCHEME)) hideArguments('invite')
  const warn = (text: string): void => err(`mqvpn: warning: ${text}\n`)
  const { inviteCommand } = await import('./invite/command.js')
  return inviteCommand(request, await readInvitation(request.given, process.stdin, { warn }), out)
}

async function recover(options: RecoverOptions): Promise<number> {
  const log = createLog({
    level: 'info',
    format: 'text',
    colour: wantsColour(process.stderr),
    now: () => new Date(),
    err,
    out,
  })
  const { recoverHost } = await import('./host/leftovers.js')
  const lines = await recoverHost(options, { recoverRoutes: () => recoverRoutes(), log })
  out(lines.length === 0 ? 'nothing to put back\n' : `${lines.join('\n')}\n`)
  return EXIT.ok
}

/** From the same sources as at the start, as they are now. */
function serverSettings(sources: Sources, log: Log): ServerSettings {
  const { resolved } = load(sources, log)
  if (resolved.side === 'server') return resolved.settings
  throw new UsageError('the configuration is of a client now, and this is a server')
}

function serviceManager(log: Log): ServiceManager {
  return new ServiceManager(process.env, {
    send: notifySocket,
    log,
    pid: process.pid,
    monotonicUs: () => process.hrtime.bigint() / 1000n,
  })
}

/** A title takes the place of the command line in /proc, and so of a key that stands there. */
function hideArguments(side: string): void {
  process.title = `mqvpn ${side}`
}

function adviseKeyFile(log: Log): void {
  log.debug(
    'a key on the command line was visible in the process list for a moment, and stays in the history of the shell; --auth-key-file, MQVPN_AUTH_KEY, or an invitation as @FILE or - do not',
  )
}

/** One line per problem, on standard error; the stack of a fault of this program only when asked for. */
function complain(error: unknown): void {
  for (const line of messageOf(error).split('\n')) err(`${line.startsWith(' ') ? '' : 'mqvpn: '}${line}\n`)
  const ours = error instanceof VpnError
  if (process.env['MQVPN_DEBUG'] && error instanceof Error) err(`${error.stack ?? ''}\n`)
  else if (!ours) err('mqvpn: this is a fault of mqvpn itself; MQVPN_DEBUG=1 shows where\n')
}

// Somebody who stops reading (`| head`, a closed terminal) must not end a tunnel before it has cleaned up.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

try {
  const requests: Request[] = []
  const command = program((request) => requests.push(request))
  if (process.argv.length <= 2) {
    err(command.helpInformation())
    process.exitCode = EXIT.usage
  } else {
    await command.parseAsync()
    for (const request of requests) process.exitCode = await main(request)
  }
} catch (error) {
  if (error instanceof CommanderError) {
    // commander has already written its message; help and version are not errors.
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
  } else {
    complain(error)
    process.exitCode = exitCodeOf(error)
  }
}
