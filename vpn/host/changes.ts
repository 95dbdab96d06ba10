/**
 * What mqvpn changes on the host beside its own device, and how all of it is taken back: also by another process, when
 * the one that made it was killed.
 *
 *     note in the journal ──► apply ──► … ──► undo ──► out of the journal
 *
 * A change is noted before it is made, with everything that its undo needs, so that there is no moment at which a crash
 * leaves something that nobody knows of. Undoing what was never made, or was undone by somebody else, does nothing.
 */
import { messageOf } from '../errors.js'
import type { Log } from '../log.js'
import type { Journal } from './journal.js'

/** JSON: it survives in a file. */
export type Note = Record<string, unknown>

/** One kind of change, such as `dns`. Its functions hold no state: a later process must be able to call `undo`. */
export interface ChangeKind<N extends Note = Note> {
  readonly kind: string
  /** Makes it; `note` came from the caller. Throws a VpnError that says what failed and what to do. */
  apply(note: N): Promise<void>
  /** Takes it back as far as it was made. Running it twice, or without `apply`, is no error. */
  undo(note: N): Promise<void>
}

/** The changes of one running mqvpn, in the order in which they were made. */
export class HostChanges {
  readonly #journal: Journal
  readonly #kinds = new Map<string, ChangeKind>()
  readonly #log: Log

  constructor(journal: Journal, log: Log) {
    this.#journal = journal
    this.#log = log
  }

  /** Notes it, then makes it; what fails half-way is taken back before this throws. */
  async make<N extends Note>(kind: ChangeKind<N>, note: N): Promise<void> {
    this.#kinds.set(kind.kind, kind)
    const id = this.#journal.add(kind.kind, note)
    try {
      await kind.apply(note)
    } catch (error) {
      await this.#undo(id, kind, note)
      throw error
    }
  }

  /** Takes back all changes of this kind; the others stay. */
  async undoKind(kind: string): Promise<void> {
    for (const entry of this.#journal.entries().reverse()) {
      const known = this.#kinds.get(entry.kind)
      if (entry.kind === kind && known) await this.#undo(entry.id, known, entry.note)
    }
  }

  /** The last one first. What cannot be taken back is told and stays in the journal; it does not keep the others. */
  async undoAll(keep: readonly string[] = []): Promise<void> {
    for (const entry of this.#journal.entries().reverse()) {
      const known = this.#kinds.get(entry.kind)
      if (known && !keep.includes(entry.kind)) await this.#undo(entry.id, known, entry.note)
    }
  }

  async #undo(id: number, kind: ChangeKind, note: Note): Promise<void> {
    try {
      await kind.undo(note)
      this.#journal.remove(id)
    } catch (error) {
      this.#log.error(`${kind.kind} could not be put back: ${messageOf(error)}; \`mqvpn recover\` tries again`)
    }
  }
}

/**
 * Takes back what a mqvpn that is gone has left under this name.
 *
 * @param keep kinds that stay as they are
 * @returns the kinds that were taken back
 */
export async function recover(
  journal: Journal,
  kinds: readonly ChangeKind[],
  log: Log,
  keep: readonly string[] = [],
): Promise<string[]> {
  const done: string[] = []
  for (const entry of journal.entries().reverse()) {
    if (keep.includes(entry.kind)) continue
    const kind = kinds.find((one) => one.kind === entry.kind)
    if (kind === undefined) {
      log.error(`${journal.file}: a newer mqvpn made a change "${entry.kind}" that this one cannot take back`)
      continue
    }
    try {
      await kind.undo(entry.note)
      journal.remove(entry.id)
      done.push(entry.kind)
    } catch (error) {
      log.error(`${entry.kind} could not be put back: ${messageOf(error)}`)
    }
  }
  return done
}
