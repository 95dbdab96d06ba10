/**
 * Keeps mqvpn's resolv.conf in place: DHCP clients and network managers write it whenever a network changes, and from
 * then on queries would go to their servers. What they wrote is what comes back at the end.
 */
import { watch, type FSWatcher } from 'node:fs'
import { basename, dirname } from 'node:path'
import { messageOf } from '../errors.js'
import type { Log } from '../log.js'
import { hopsOf, identityOf, readOriginal, targetOf, write } from './dns-file.js'
import { parse, runs, type Original } from './dns-our-file.js'
import { contentOf, giveBack, type ResolvConfNote } from './dns-resolv-conf.js'

/** Long enough for a program that writes it piece by piece; short, since queries go elsewhere meanwhile. */
const QUIET_MS = 50
/** Somebody who never stops writing is answered all the same. */
const LONGEST_MS = 500
/** Without inotify (its limit is reached), and after a failure. */
const POLL_MS = 1000
/** Two programs that undo each other must not keep the machine busy: so often in a minute, then only twice a minute. */
const MANY = 10
const MINUTE_MS = 60_000

/** @returns ends it; to be called before the change is undone, or this writes it again */
export function watchResolvConf(note: ResolvConfNote, log: Log): () => void {
  const watcher = new ResolvConfWatcher(note, log)
  return () => watcher.stop()
}

class ResolvConfWatcher {
  readonly #note: ResolvConfNote
  readonly #log: Log
  #original: Original | null
  #target: string
  #stopped = false
  #watchers: FSWatcher[] = []
  /** What is watched; when it changes, others have to be. */
  #watched = ''
  #timer: NodeJS.Timeout | undefined
  #firstEventAt: number | null = null
  #sawEmpty = false
  /** When it was written again in the last minute. */
  #rewrites: number[] = []
  #told = new Set<string>()

  constructor(note: ResolvConfNote, log: Log) {
    this.#note = note
    this.#log = log
    this.#original = note.original
    this.#target = note.target
    this.#check()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#unwatch()
  }

  #onEvent(): void {
    if (this.#stopped) return
    const now = performance.now()
    this.#firstEventAt ??= now
    this.#checkIn(Math.max(0, Math.min(QUIET_MS, this.#firstEventAt + LONGEST_MS - now)))
  }

  #checkIn(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#check(), ms).unref()
  }

  #check(): void {
    if (this.#stopped) return
    this.#firstEventAt = null
    clearTimeout(this.#timer)
    try {
      // Before the look at the file: what happens after it is an event.
      const complete = this.#watch()
      const wait = this.#keep()
      if (wait !== null || !complete) this.#checkIn(wait ?? POLL_MS)
    } catch (error) {
      this.#tell('error', `${messageOf(error)}; DNS queries may go outside the tunnel`)
      this.#checkIn(POLL_MS)
    }
  }

  /** Ours is there when this returns null; otherwise how long to wait, in ms. */
  #keep(): number | null {
    const { path } = this.#note
    const target = targetOf(path)
    const found = readOriginal(target)
    if (found?.content.length === 0 && !this.#sawEmpty) {
      // Somebody is about to write it.
      this.#sawEmpty = true
      return LONGEST_MS
    }
    this.#sawEmpty = false
    const theirs = found && parse(found.content)
    const owner = theirs?.owner
    if (owner && owner.tunName !== this.#note.tunName && runs(owner)) {
      this.#tell('warn', `${path} is now that of mqvpn with --tun-name ${owner.tunName} (pid ${owner.pid})`)
      return null
    }
    if (theirs) this.#original = theirs.original === undefined ? this.#original : theirs.original
    // One that was removed says nothing about what should be there.
    else if (found) this.#original = found.original
    const content = contentOf(this.#note, this.#original)
    if (found?.content.equals(Buffer.from(content)) && target === this.#target) return null
    const wait = this.#mayWrite()
    if (wait > 0) return wait
    write(target, content)
    // A link that leads elsewhere now: where it led before, nobody needs ours any more.
    if (target !== this.#target) giveBack(this.#target, this.#note)
    this.#target = target
    this.#log.info(
      `${path} was ${found ? 'written' : 'removed'} by another program; the tunnel's DNS servers are in it again`,
    )
    // Its inode may be another one.
    this.#watch()
    return null
  }

  /** 0, or how long not. */
  #mayWrite(): number {
    const now = performance.now()
    this.#rewrites = this.#rewrites.filter((at) => now - at < MINUTE_MS)
    const last = this.#rewrites.at(-1)
    if (last !== undefined && this.#rewrites.length >= MANY && now - last < MINUTE_MS / 2) {
      this.#tell(
        'warn',
        `another program writes ${this.#note.path} again and again; DNS queries may go outside the tunnel: stop it, or leave out --dns`,
      )
      return last + MINUTE_MS / 2 - now
    }
    this.#rewrites.push(now)
    return 0
  }

  /** Whether everything is watched that has to be. */
  #watch(): boolean {
    const hops = hopsOf(this.#note.path)
    const target = hops.at(-1)!
    const state = JSON.stringify([hops, identityOf(target)])
    if (state === this.#watched) return true
    this.#unwatch()
    try {
      // Folders, for what is put in its place. The file itself too: a bind mount's changes are told in another folder.
      for (const folder of new Set(hops.map((hop) => dirname(hop)))) {
        const names = hops.filter((hop) => dirname(hop) === folder).map((hop) => basename(hop))
        this.#watchOne(folder, (name) => name === null || names.includes(name))
      }
      if (identityOf(target) !== null) this.#watchOne(target, () => true)
      this.#watched = state
      return true
    } catch (error) {
      this.#log.debug(`${this.#note.path} is looked at every second: ${messageOf(error)}`)
      return false
    }
  }

  #watchOne(place: string, matters: (name: string | null) => boolean): void {
    const watcher = watch(place, { persistent: false }, (_event, name) => {
      if (matters(name)) this.#onEvent()
    })
    watcher.on('error', () => {
      this.#watched = ''
      this.#onEvent()
    })
    this.#watchers.push(watcher)
  }

  #unwatch(): void {
    for (const watcher of this.#watchers) watcher.close()
    this.#watchers = []
    this.#watched = ''
  }

  /** Once, however often it is tried. */
  #tell(level: 'warn' | 'error', message: string): void {
    if (this.#told.has(message)) return
    this.#told.add(message)
    this.#log[level](message)
  }
}
