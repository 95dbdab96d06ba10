/**
 * Where a run's files go. Nothing is ever overwritten; `latest` points at the newest run that went to its end.
 *
 * ```
 * results/
 * └── asym/                                   the scenario
 *     ├── 20260131T093000Z-3a911d1/           start (UTC), commit of this program
 *     │   ├── result.json  environment.json  calibration.json
 *     │   ├── calibration/…                   raw outputs
 *     │   └── runs/mptcp/1/…                  subject, repeat: logs and raw outputs
 *     └── latest → 20260131T093000Z-3a911d1
 * ```
 */
import { existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { MachineError, UsageError, messageOf } from '../lab/errors.js'
import { type Owner, giveTo, sudoOwner } from './ownership.js'
import type { Result } from './schema.js'

export interface TreeOptions {
  startedAt: Date
  /** Of this program; null outside a repository. */
  commit: string | null
  /** Default: who called sudo. */
  owner?: Owner | null
}

/** Runs that may start in one second with the same commit before something must be wrong. */
const MOST_IN_ONE_SECOND = 1000

export class ResultTree {
  private constructor(
    /** Absolute path of this run's directory. */
    readonly directory: string,
    private readonly owner: Owner | null,
  ) {}

  /**
   * Makes `<output>/<scenario>/<UTC>-<commit>/`, with a number behind when that name is taken.
   *
   * @throws UsageError when `output` is no directory, MachineError when it cannot be written to
   */
  // Asynchronous, so that a caller need not know that a directory is made at once.
  static create(output: string, scenario: string, options: TreeOptions): Promise<ResultTree> {
    return Promise.resolve().then(() => ResultTree.#create(output, scenario, options))
  }

  static #create(
    output: string,
    scenario: string,
    { startedAt, commit, owner = sudoOwner() }: TreeOptions,
  ): ResultTree {
    const parent = path.resolve(output, scenario)
    try {
      makeParents(parent, owner)
      const name = runName(startedAt, commit)
      for (let n = 1; n <= MOST_IN_ONE_SECOND; n++) {
        const directory = path.join(parent, n === 1 ? name : `${name}-${n}`)
        if (!makeNew(directory)) continue
        if (owner) giveTo(owner, directory)
        return new ResultTree(directory, owner)
      }
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (code === 'ENOTDIR' || code === 'EEXIST')
        throw new UsageError(`--output ${output}: not a directory`, { cause: error })
      throw new MachineError(`--output ${output}: ${messageOf(error)}`, { cause: error })
    }
    throw new MachineError(`--output ${output}: ${parent} is full of runs of this second`)
  }

  /** Absolute path of something inside; its directory exists afterwards. */
  path(...parts: string[]): string {
    const file = path.join(this.directory, ...parts)
    mkdirSync(path.dirname(file), { recursive: true })
    return file
  }

  /** Writes a file at once or not at all: a reader never sees half of it. */
  writeJson(name: string, value: unknown): Promise<void> {
    return Promise.resolve().then(() => {
      this.#write(name, value)
    })
  }

  #write(name: string, value: unknown): void {
    const file = this.path(name)
    const unfinished = `${file}.unfinished`
    writeFileSync(unfinished, `${JSON.stringify(value, null, 2)}\n`)
    renameSync(unfinished, file)
  }

  /** Writes `result.json`, hands everything over to the person behind sudo, and points `latest` here. */
  finish(result: Result): Promise<void> {
    return Promise.resolve().then(() => {
      this.#write('result.json', result)
      this.handOver()
      this.#pointLatest()
    })
  }

  /** Gives all files so far to the person behind sudo. `finish` does it too; call it when a run ends without a result. */
  handOver(): void {
    if (this.owner) giveTo(this.owner, this.directory)
  }

  /** A rename replaces the old link in one step, so `latest` always points somewhere. */
  #pointLatest(): void {
    const parent = path.dirname(this.directory)
    const link = path.join(parent, `.latest-${process.pid}-${path.basename(this.directory)}`)
    symlinkSync(path.basename(this.directory), link)
    if (this.owner) giveTo(this.owner, link)
    renameSync(link, path.join(parent, 'latest'))
  }
}

/** `20260131T093000Z-3a911d1`: sorts by time, and is one word for a shell. */
export function runName(startedAt: Date, commit: string | null): string {
  const time = startedAt.toISOString().replace(/[-:]|\.\d+/g, '')
  return `${time}-${commit === null ? 'release' : commit.slice(0, 10)}`
}

/** False when there is something of that name. */
function makeNew(directory: string): boolean {
  try {
    mkdirSync(directory)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Only what is made here is given away: a directory that was there keeps its owner. */
function makeParents(directory: string, owner: Owner | null): void {
  if (existsSync(directory)) return
  makeParents(path.dirname(directory), owner)
  if (makeNew(directory) && owner) giveTo(owner, directory)
}
