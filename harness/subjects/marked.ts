/**
 * Finds the processes that a command line has left running, also those that went to the background: each command gets
 * an environment variable with a value of its own, and children inherit it.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { netnsPids } from '../lab/registry.js'

const NAME = 'MQVPN_BENCH_MARK'
const POLL_MS = 50

export function markEnvironment(mark: string): Record<string, string> {
  return { [NAME]: mark }
}

/** Only looks into one namespace of the lab, where nothing but the lab's own programs can live. */
export function markedPids(netns: string, mark: string): number[] {
  return netnsPids(netns).filter((pid) => environmentOf(pid).includes(`${NAME}=${mark}`))
}

/** SIGTERM, then SIGKILL; resolves when none is left. */
export async function endMarked(netns: string, mark: string, graceMs = 3000): Promise<void> {
  const deadline = Date.now() + graceMs
  signalAll(markedPids(netns, mark), 'SIGTERM')
  while (markedPids(netns, mark).length > 0 && Date.now() < deadline) await sleep(POLL_MS)
  signalAll(markedPids(netns, mark), 'SIGKILL')
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // It ended by itself.
    }
  }
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return []
  }
}
