/** Who uses which kernel settings in this network namespace, and what they were: a file, changed by one at a time. */
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { codeOf, messageOf, VpnError } from '../errors.js'
import { startTimeOf } from '../service/process.js'

const savedSchema = z.strictObject({
  original: z.string(),
  ours: z.string(),
  /** What changes with it, and is put back after it. */
  after: z.record(z.string(), z.string()),
})
export type Saved = z.infer<typeof savedSchema>
const stateSchema = z.strictObject({
  users: z.array(z.strictObject({ id: z.string(), pid: z.int(), startTime: z.string(), keys: z.array(z.string()) })),
  saved: z.record(z.string(), savedSchema),
})
export type State = z.infer<typeof stateSchema>

/** Far more than a few small files take. */
const LOCK_MS = 5_000
const LOOK_EVERY_MS = 10

export class SysctlState {
  readonly file: string
  readonly #lock: string
  readonly #folder: string

  /** @param netns a file of the namespace: /run may be shared by several */
  constructor({ runDirectory, netns }: { runDirectory: string; netns: string }) {
    this.#folder = runDirectory
    this.file = join(runDirectory, `sysctl-${statSync(netns).ino}.json`)
    this.#lock = `${this.file}.lock`
  }

  /** What is saved. */
  async peek(): Promise<State['saved']> {
    return this.#locked(() => this.#read().saved)
  }

  /**
   * @param by changes the state, which is written, and gives what is to be done then; both without waiting for anything.
   *   When the latter throws, the state stays as written.
   */
  async change(by: (state: State) => () => void): Promise<void> {
    await this.#locked(() => {
      const state = this.#read()
      const then = by(state)
      this.#write(state)
      then()
    })
  }

  /** Of those that are gone nobody needs anything. */
  #read(): State {
    let text: string
    try {
      text = readFileSync(this.file, 'utf8')
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return { users: [], saved: {} }
      throw new VpnError(`${this.file}: ${messageOf(error)}`)
    }
    try {
      const { users, saved } = stateSchema.parse(JSON.parse(text))
      return { users: users.filter(({ pid, startTime }) => startTimeOf(pid) === startTime), saved }
    } catch {
      throw new VpnError(`${this.file}: is damaged; look at it, put back by hand what it names, and remove it`)
    }
  }

  #write(state: State): void {
    try {
      if (state.users.length === 0 && Object.keys(state.saved).length === 0) {
        rmSync(this.file, { force: true })
        return
      }
      const fresh = `${this.file}.new`
      const fd = openSync(fresh, 'w', 0o600)
      try {
        writeSync(fd, JSON.stringify(state))
        fsyncSync(fd)
      } finally {
        closeSync(fd)
      }
      renameSync(fresh, this.file)
    } catch (error) {
      throw new VpnError(`${this.file}: the kernel settings of before cannot be noted: ${messageOf(error)}`)
    }
  }

  async #locked<T>(task: () => T): Promise<T> {
    const mine = `${this.#lock}.${process.pid}`
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o755 })
      const content = `${process.pid} ${startTimeOf(process.pid) ?? ''}`
      const until = performance.now() + LOCK_MS
      while (!this.#take(mine, content)) {
        if (performance.now() >= until) {
          throw new VpnError(
            `${this.#lock}: another mqvpn holds it for more than ${LOCK_MS / 1000} s; if none is running, remove it`,
          )
        }
        await sleep(LOOK_EVERY_MS)
      }
    } catch (error) {
      if (error instanceof VpnError) throw error
      throw new VpnError(`${this.#lock}: cannot be made: ${messageOf(error)}`)
    }
    try {
      return task()
    } finally {
      rmSync(this.#lock, { force: true })
    }
  }

  /** A link is there with its content or not at all. */
  #take(mine: string, content: string): boolean {
    writeFileSync(mine, content, { mode: 0o600 })
    try {
      linkSync(mine, this.#lock)
      return true
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      this.#breakIfAbandoned(mine)
      return false
    } finally {
      rmSync(mine, { force: true })
    }
  }

  #breakIfAbandoned(mine: string): void {
    const holder = textOf(this.#lock)
    if (holder === null || isAlive(holder)) return
    const taken = `${mine}.old`
    try {
      renameSync(this.#lock, taken)
      // Somebody else broke it too and has a new one by now: it is given back.
      if (textOf(taken) !== holder) linkSync(taken, this.#lock)
    } catch (error) {
      const code = codeOf(error)
      if (code !== 'ENOENT' && code !== 'EEXIST') throw error
    } finally {
      rmSync(taken, { force: true })
    }
  }
}

function isAlive(holder: string): boolean {
  const [pid = '', startTime] = holder.split(' ')
  return startTimeOf(Number(pid)) === startTime
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}
