/** What the doctor sees of a machine; in tests, of one that is made up. It looks, and changes nothing. */
import { execa } from 'execa'
import { createSocket } from 'node:dgram'
import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs'
import { codeOf } from '../errors.js'
import { kernelFeatures, type KernelFeatures } from '../native.js'

export interface FileFacts {
  /** The permission bits. */
  mode: number
  uid: number
  isFile: boolean
  changedAt: Date
}

export interface Machine {
  read(path: string): string | null
  /** Names, sorted; none if there is no such folder. */
  list(folder: string): string[]
  facts(path: string): FileFacts | null
  writable(path: string): boolean
  /** Standard output; null: there is no such program, or it failed. */
  run(program: string, ...args: string[]): Promise<string | null>
  /** Whether there is such a program. */
  has(program: string): Promise<boolean>
  /** @throws MachineError when the addon is missing */
  features(): KernelFeatures
  /** Null: the port is free. Otherwise the code of the error, such as EADDRINUSE. */
  udpPort(address: string, port: number): Promise<string | null>
  now(): Date
  uid(): number
}

/** A program that asks somebody who does not answer. */
const LIMIT_MS = 5000

export function thisMachine(): Machine {
  return {
    read: (path) => attempt(() => readFileSync(path, 'utf8')),
    list: (folder) => attempt(() => readdirSync(folder).sort()) ?? [],
    facts: (path) =>
      attempt(() => {
        const stats = statSync(path)
        return { mode: stats.mode & 0o7777, uid: stats.uid, isFile: stats.isFile(), changedAt: stats.mtime }
      }),
    writable: (path) => attempt(() => (accessSync(path, constants.W_OK), true)) ?? false,
    run: async (program, ...args) => {
      const { failed, stdout } = await execa(program, args, { reject: false, stdin: 'ignore', timeout: LIMIT_MS })
      return failed ? null : stdout
    },
    has: async (program) => {
      const { failed, exitCode } = await execa(program, ['--version'], {
        reject: false,
        stdin: 'ignore',
        timeout: LIMIT_MS,
      })
      // One that knows no --version is there as well.
      return !failed || exitCode !== undefined
    },
    features: kernelFeatures,
    udpPort,
    now: () => new Date(),
    uid: () => process.getuid?.() ?? -1,
  }
}

function attempt<T>(look: () => T): T | null {
  try {
    return look()
  } catch {
    return null
  }
}

function udpPort(address: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' })
    const end = (code: string | null): void => {
      socket.close(() => resolve(code))
    }
    socket.once('error', (error) => end(codeOf(error) ?? 'unknown'))
    socket.bind({ address, port, exclusive: true }, () => end(null))
  })
}
