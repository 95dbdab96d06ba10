/** DNS servers by systemd-resolved, which has them per link: they go when the device goes. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { codeOf, messageOf, VpnError } from '../errors.js'
import { readOriginal, targetOf } from './dns-file.js'

export const resolvedNote = z.strictObject({
  method: z.literal('resolved'),
  tunName: z.string(),
  servers: z.array(z.string()),
  searchDomains: z.array(z.string()),
})
export type ResolvedNote = z.infer<typeof resolvedNote>

/** Where things are on this machine; others in tests. */
export interface ResolvedPlaces {
  /** There while it runs. */
  runDirectory: string
  /** `/sys/class/net` */
  devices: string
}
export const RESOLVED_PLACES: ResolvedPlaces = { runDirectory: '/run/systemd/resolve', devices: '/sys/class/net' }

/** What ships with systemd for those who want the stub without a file in /run. */
const STATIC_STUBS = ['/usr/lib/systemd/resolv.conf', '/lib/systemd/resolv.conf']
const STUB_SERVERS = ['127.0.0.53', '127.0.0.54']
/** D-Bus itself waits 25 s, and a start of mqvpn should not. */
const TIMEOUT_MS = 10_000

/** It runs, answers, and is whom programs ask: resolv.conf names its stub and nobody else. */
export async function usesResolved(resolvConf: string, { runDirectory }: ResolvedPlaces): Promise<boolean> {
  if (!existsSync(runDirectory) || !namesStub(resolvConf, runDirectory)) return false
  try {
    await resolvectl('status')
    return true
  } catch {
    return false
  }
}

/** Everything (`~.`) is asked on this link. `dnssec` and `llmnr` stay what the user has set. */
export async function applyResolved({ tunName, servers, searchDomains }: ResolvedNote): Promise<void> {
  const steps = [
    ['dns', tunName, ...servers],
    ['domain', tunName, '~.', ...searchDomains],
    ['default-route', tunName, 'true'],
  ]
  for (const step of steps) {
    try {
      await resolvectl(...step)
    } catch (error) {
      throw new VpnError(
        `systemd-resolved does not take the DNS servers: \`resolvectl ${step.join(' ')}\`: ${reasonOf(error)}; \`systemctl status systemd-resolved\` may say why; or leave out --dns`,
      )
    }
  }
}

/** Nothing to do when the device or systemd-resolved is gone: with either, the servers are gone too. */
export async function undoResolved(
  { tunName }: ResolvedNote,
  { runDirectory, devices }: ResolvedPlaces,
): Promise<void> {
  const gone = (): boolean => !existsSync(join(devices, tunName)) || !existsSync(runDirectory)
  if (gone()) return
  try {
    await resolvectl('revert', tunName)
  } catch (error) {
    // In the meantime.
    if (gone()) return
    throw new VpnError(`\`resolvectl revert ${tunName}\`: ${reasonOf(error)}`)
  }
}

function namesStub(resolvConf: string, runDirectory: string): boolean {
  try {
    const target = targetOf(resolvConf)
    if (STATIC_STUBS.includes(target)) return true
    const inRun = [runDirectory, targetOf(runDirectory)].includes(dirname(target))
    if (inRun && target.endsWith('/stub-resolv.conf')) return true
    const text = readOriginal(target)?.content.toString('latin1') ?? ''
    const servers = [...text.matchAll(/^nameserver[ \t]+(\S+)/gm)].map(([, server]) => server!)
    return servers.length > 0 && servers.every((server) => STUB_SERVERS.includes(server))
  } catch {
    // What is wrong with the file is told by who writes it.
    return false
  }
}

async function resolvectl(...args: string[]): Promise<void> {
  await promisify(execFile)('resolvectl', args, { timeout: TIMEOUT_MS, killSignal: 'SIGKILL' })
}

function reasonOf(error: unknown): string {
  if (codeOf(error) === 'ENOENT') return 'there is no program resolvectl'
  const { stderr, killed } = error as { stderr?: string; killed?: boolean }
  if (killed) return `no answer in ${TIMEOUT_MS / 1000} s`
  return stderr?.trim() || messageOf(error)
}
