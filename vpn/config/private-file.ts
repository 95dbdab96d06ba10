/** Files that hold a secret: what they may be, and who may read them. */
import { closeSync, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import { codeOf, messageOf, UsageError } from '../errors.js'
import type { Log } from '../log.js'
import { authKey, ValueError } from './values.js'

/** Nothing that is read here is longer; a wrong file (`/dev/zero`, a disk) must not fill the memory. */
const SIZE_LIMIT_BYTES = 1024 * 1024

/**
 * The content of a file. Refused when every user of this machine may read or change a secret; said when a group may.
 *
 * @param origin for messages: `--auth-key-file`
 */
export function readSecretFile(path: string, origin: string, log: Pick<Log, 'warn'>): string {
  return readFile(path, origin, (stats) => {
    const problem = exposure(stats)
    if (problem === 'everybody') {
      throw new UsageError(`${origin} ${path}: every user of this machine can read it or change it: chmod 600 ${path}`)
    }
    if (problem === 'group') log.warn(`${path} holds a secret, and a group can read it: chmod 600 ${path}`)
  })
}

/** The content of a file that may be public. */
export function readFile(path: string, origin: string, check: (stats: Stats) => void = () => undefined): string {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    throw new UsageError(`${origin} ${path}: ${reason(error)}`)
  }
  try {
    const stats = fstatSync(fd)
    if (stats.isDirectory()) throw new UsageError(`${origin} ${path}: is a folder; name a file`)
    check(stats)
    return readLimited(fd, `${origin} ${path}`)
  } finally {
    closeSync(fd)
  }
}

/** Who else can read or change it. A pipe (`<(pass show vpn)`) is seen by its two ends alone. */
export function exposure(stats: Pick<Stats, 'mode' | 'isFile'>): 'nobody' | 'group' | 'everybody' {
  if (!stats.isFile()) return 'nobody'
  if ((stats.mode & 0o006) !== 0) return 'everybody'
  return (stats.mode & 0o060) !== 0 ? 'group' : 'nobody'
}

/** One line with one key. */
export function readAuthKeyFile(path: string, log: Pick<Log, 'warn'>, origin = '--auth-key-file'): string {
  const text = readSecretFile(path, origin, log).trim()
  if (text.includes('\n')) throw new UsageError(`${origin} ${path}: has several lines; it holds one key and no more`)
  try {
    return authKey(text)
  } catch (error) {
    if (error instanceof ValueError) throw new UsageError(`${origin} ${path}: ${error.message}`)
    throw error
  }
}

function readLimited(fd: number, where: string): string {
  const chunks: Buffer[] = []
  let length = 0
  for (;;) {
    const chunk = Buffer.alloc(64 * 1024)
    const count = readSync(fd, chunk, 0, chunk.length, null)
    if (count === 0) return Buffer.concat(chunks).toString('utf8')
    chunks.push(chunk.subarray(0, count))
    length += count
    if (length > SIZE_LIMIT_BYTES)
      throw new UsageError(`${where}: is larger than 1 MiB; this is not the file that is meant`)
  }
}

function reason(error: unknown): string {
  switch (codeOf(error)) {
    case 'ENOENT':
      return 'there is no such file'
    case 'EACCES':
      return 'may not be read by this user; try sudo'
    default:
      return messageOf(error)
  }
}
