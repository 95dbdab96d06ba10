/**
 * What mqvpn writes into resolv.conf, and how it knows its own work again.
 *
 *     # written by mqvpn (mqvpn0, pid 812, started 30311); the original comes back when it ends
 *     # mqvpn-original {"mode":420,"uid":0,"gid":0,"mtimeNs":"…","bytes":25}
 *     # mqvpn-original bmFtZXNlcnZlciAxMC4yNTUuMjU1LjUzCg==
 *     nameserver 1.1.1.1
 *     # written by mqvpn (mqvpn0, …
 *
 * The original travels in the file itself: /run, where the journal is, does not survive a power cut, and a newer
 * original (a DHCP client has written meanwhile) is then in the same place, in the same step. The line at the end is for
 * a process that dies between writing a shorter original over this and cutting off the rest: what is left is still ours.
 */
import { startTimeOf } from '../service/process.js'
import { z } from 'zod'

/** A resolv.conf as it was; null where there was none. */
export const originalSchema = z.strictObject({
  content: z.base64(),
  mode: z.int().min(0).max(0o777),
  uid: z.int().nonnegative(),
  gid: z.int().nonnegative(),
  /** Nanoseconds since 1970: more than a JSON number can tell. */
  mtimeNs: z.string().regex(/^\d{1,20}$/),
})
export type Original = z.infer<typeof originalSchema>

export interface Owner {
  tunName: string
  pid: number
  /** Clock ticks after boot (proc(5)), since pids come again. */
  startTime: string
}

export interface OurFile {
  owner: Owner
  /** undefined: it cannot be read any more. */
  original: Original | null | undefined
}

export interface Resolver {
  servers: readonly string[]
  searchDomains?: readonly string[] | undefined
}

const MARK = /^# written by mqvpn \(([^\s,]+), pid (\d+), started (\d*)\)/m
const KEPT = '# mqvpn-original '
/** musl reads lines into 256 bytes; nobody has trouble with these. */
const LINE = 100

export function render(owner: Owner, { servers, searchDomains = [] }: Resolver, original: Original | null): string {
  const mark = `# written by mqvpn (${owner.tunName}, pid ${owner.pid}, started ${owner.startTime})`
  return [
    `${mark}; the original comes back when it ends,`,
    '# or, if it was killed, with `mqvpn recover`; it is kept here:',
    ...keep(original),
    ...servers.map((server) => `nameserver ${server}`),
    ...(searchDomains.length > 0 ? [`search ${searchDomains.join(' ')}`] : []),
    mark,
    '',
  ].join('\n')
}

/** null: it is not ours. The mark counts anywhere: some programs put lines of their own before what they find. */
export function parse(content: Buffer): OurFile | null {
  const text = content.toString('latin1')
  const found = MARK.exec(text)
  if (!found) return null
  const [, tunName = '', pid = '', startTime = ''] = found
  return { owner: { tunName, pid: Number(pid), startTime }, original: kept(text) }
}

/** The process that wrote it runs. */
export function runs({ pid, startTime }: Owner): boolean {
  return startTimeOf(pid) === startTime
}

export function ownerOf(tunName: string, pid = process.pid): Owner {
  return { tunName, pid, startTime: startTimeOf(pid) ?? '' }
}

function keep(original: Original | null): string[] {
  if (original === null) return [`${KEPT}none`]
  const { content, ...about } = original
  const bytes = Buffer.from(content, 'base64').length
  return [JSON.stringify({ ...about, bytes }), ...(content.match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [])].map(
    (line) => KEPT + line,
  )
}

function kept(text: string): Original | null | undefined {
  const [first, ...rest] = text
    .split('\n')
    .filter((line) => line.startsWith(KEPT))
    .map((line) => line.slice(KEPT.length).trim())
  if (first === 'none') return null
  try {
    const { bytes, ...about } = JSON.parse(first ?? '') as Record<string, unknown>
    const original = originalSchema.parse({ ...about, content: rest.join('') })
    return Buffer.from(original.content, 'base64').length === bytes ? original : undefined
  } catch {
    return undefined
  }
}
