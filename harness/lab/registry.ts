/**
 * What a lab owns on this host, written down before it is made, so that whoever comes later (the next start,
 * `mqvpn-bench clean`) can remove exactly that and nothing else.
 *
 * One directory per lab, `/run/mqvpn-bench/<lab>/`, with `owner` (pid and start time of the process that made it),
 * `netns` and `files` (one entry per line). A lab whose owner no longer lives is stale.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

export const STATE_ROOT = '/run/mqvpn-bench'

/** Start time of a process in clock ticks since boot (proc(5), field 22), or null when it does not exist. */
export function processStartTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the name in parentheses and may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // Field 3 (state) is fields[0]; a zombie has ended.
    return fields[0] === 'Z' ? null : (fields[19] ?? null)
  } catch {
    return null
  }
}

/** The state directory of one lab. */
export class LabRecord {
  readonly directory: string

  constructor(
    readonly lab: string,
    root: string = STATE_ROOT,
  ) {
    this.directory = join(root, lab)
  }

  /** Begins the record for the calling process. Fails when the lab exists. */
  create(): void {
    mkdirSync(join(this.directory, '..'), { recursive: true, mode: 0o755 })
    mkdirSync(this.directory, { mode: 0o700 })
    writeFileSync(join(this.directory, 'owner'), `${process.pid} ${processStartTime(process.pid) ?? '?'}\n`)
  }

  /** Call before the namespace is made. */
  ownsNetns(name: string): void {
    appendFileSync(join(this.directory, 'netns'), `${name}\n`)
  }

  /** Call before the file or directory is made. Absolute path. */
  ownsFile(path: string): void {
    appendFileSync(join(this.directory, 'files'), `${path}\n`)
  }

  netns(): string[] {
    return this.#lines('netns')
  }

  files(): string[] {
    return this.#lines('files')
  }

  /** True while the process that made the lab lives (same pid and same start time). */
  ownerLives(): boolean {
    const [pid, startTime] = (this.#lines('owner')[0] ?? '').split(' ')
    return pid !== undefined && startTime !== undefined && processStartTime(Number(pid)) === startTime
  }

  #lines(file: string): string[] {
    try {
      return readFileSync(join(this.directory, file), 'utf8').split('\n').filter(Boolean)
    } catch {
      return []
    }
  }
}

/** Every lab that has a record on this host. */
export function allLabs(root: string = STATE_ROOT): LabRecord[] {
  return existsSync(root) ? readdirSync(root).map((lab) => new LabRecord(lab, root)) : []
}

/** Pids of the processes that live in a namespace. */
export function netnsPids(netns: string): number[] {
  const { stdout } = spawnSync('ip', ['netns', 'pids', netns], { encoding: 'utf8' })
  return (stdout ?? '').split('\n').filter(Boolean).map(Number)
}

/**
 * Removes what a lab owns. Synchronous, because it is also the last thing that a dying process does; does not throw.
 * Only processes inside the lab's own namespaces are ended: nothing else can live there.
 *
 * @returns what was removed, for the reader
 */
export function removeLab(record: LabRecord): string[] {
  const removed: string[] = []
  const namespaces = record.netns()
  for (const netns of namespaces) {
    for (const pid of netnsPids(netns)) {
      try {
        process.kill(pid, 'SIGKILL')
        removed.push(`process ${pid}`)
      } catch {
        // It ended by itself.
      }
    }
  }
  for (const netns of namespaces) {
    if (existsSync(`/run/netns/${netns}`)) {
      spawnSync('ip', ['netns', 'del', netns])
      removed.push(`namespace ${netns}`)
    }
    rmSync(`/etc/netns/${netns}`, { recursive: true, force: true })
  }
  for (const file of record.files()) {
    if (existsSync(file)) removed.push(`file ${file}`)
    rmSync(file, { recursive: true, force: true })
  }
  rmSync(record.directory, { recursive: true, force: true })
  return removed
}

/** Removes every lab whose owner is gone. */
export function removeStaleLabs(root: string = STATE_ROOT): { lab: string; removed: string[] }[] {
  return allLabs(root)
    .filter((record) => !record.ownerLives())
    .map((record) => ({ lab: record.lab, removed: removeLab(record) }))
}
