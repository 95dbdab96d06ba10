/**
 * The file in which a running mqvpn notes what it has changed on the host: `/run/mqvpn/NAME.NETNS.changes.json`, mode 600.
 * Network namespaces share /run, and have devices, routes and firewalls of their own: NETNS is the number of this one.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { RUN_DIR } from '../control/paths.js'
import { codeOf, messageOf, VpnError } from '../errors.js'
import { startTimeOf } from '../service/process.js'
import { writeAtomically } from '../state-file.js'

const entrySchema = z.strictObject({
  id: z.int(),
  kind: z.string(),
  note: z.record(z.string(), z.unknown()),
})
const fileSchema = z.strictObject({
  /** Whose changes they are: its pid, and when it started, in clock ticks after boot (proc(5)), since pids come again. */
  pid: z.int(),
  startTime: z.string(),
  entries: z.array(entrySchema),
})
type Content = z.infer<typeof fileSchema>
export type Entry = z.infer<typeof entrySchema>

const suffix = (): string => `.${statSync('/proc/self/ns/net').ino}.changes.json`

export class Journal {
  readonly #pid: number
  #content: Content

  private constructor(
    readonly file: string,
    content: Content,
    pid: number,
  ) {
    this.#content = content
    this.#pid = pid
  }

  /** That of a name; empty if there is none. Throws a VpnError when the file is there and cannot be understood. */
  static open(name: string, directory = RUN_DIR, pid = process.pid): Journal {
    const file = join(directory, name + suffix())
    return new Journal(file, read(file) ?? { pid, startTime: startTimeOf(pid) ?? '', entries: [] }, pid)
  }

  /** Names that have one. */
  static names(directory = RUN_DIR): string[] {
    try {
      const [files, end] = [readdirSync(directory), suffix()]
      return files.filter((file) => file.endsWith(end)).map((file) => file.slice(0, -end.length))
    } catch {
      return []
    }
  }

  /** The process that made the changes still runs, and is not this one. */
  get ownerRuns(): boolean {
    const { pid, startTime } = this.#content
    return pid !== this.#pid && startTimeOf(pid) === startTime
  }

  entries(): Entry[] {
    return [...this.#content.entries]
  }

  /** On the disk when this returns. From now on the entries are this process's. */
  add(kind: string, note: Record<string, unknown>): number {
    const id = 1 + Math.max(0, ...this.#content.entries.map((entry) => entry.id))
    this.#write([...this.#content.entries, { id, kind, note }])
    return id
  }

  /** With the last entry goes the file. */
  remove(id: number): void {
    this.#write(this.#content.entries.filter((entry) => entry.id !== id))
  }

  #write(entries: Entry[]): void {
    const content: Content = { pid: this.#pid, startTime: startTimeOf(this.#pid) ?? '', entries }
    try {
      if (entries.length === 0) rmSync(this.file, { force: true })
      else {
        mkdirSync(dirname(this.file), { recursive: true, mode: 0o755 })
        writeAtomically(this.file, JSON.stringify(content), 0o600)
      }
    } catch (error) {
      throw new VpnError(`${this.file}: what mqvpn changes on this host cannot be noted: ${messageOf(error)}`)
    }
    this.#content = content
  }
}

function read(file: string): Content | null {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw new VpnError(`${file}: ${messageOf(error)}`)
  }
  try {
    return fileSchema.parse(JSON.parse(text))
  } catch {
    throw new VpnError(`${file}: is damaged; look at it, put back by hand what it names, and remove it`)
  }
}
