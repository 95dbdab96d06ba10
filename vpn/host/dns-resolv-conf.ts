/**
 * DNS servers by resolv.conf, for hosts without systemd-resolved.
 *
 * One mqvpn at a time: the line at the top of the file, with the pid of who wrote it, is the lock. A note holds the
 * original as it was before; a newer one is in the file (see `dns-our-file.ts`).
 */
import { z } from 'zod'
import { VpnError } from '../errors.js'
import type { Log } from '../log.js'
import { expectWritable, OddFileError, readOriginal, restore, targetOf, write } from './dns-file.js'
import { originalSchema, ownerOf, parse, render, runs, type Original, type OurFile } from './dns-our-file.js'

export const RESOLV_CONF = '/etc/resolv.conf'

export const resolvConfNote = z.strictObject({
  method: z.literal('resolv.conf'),
  tunName: z.string(),
  servers: z.array(z.string()),
  searchDomains: z.array(z.string()),
  path: z.string(),
  /** Where the links of `path` ended at first. */
  target: z.string(),
  /** null: there was no file. */
  original: originalSchema.nullable(),
})
export type ResolvConfNote = z.infer<typeof resolvConfNote>
export type Asked = Pick<ResolvConfNote, 'tunName' | 'servers' | 'searchDomains'>

/** Reads what is there, and changes nothing. Throws a VpnError when it could not be changed, or another mqvpn has done so. */
export function planResolvConf(path: string, asked: Asked): ResolvConfNote {
  const target = targetOf(path)
  const original = originalAt(path, target)
  expectWritable(target)
  return { method: 'resolv.conf', ...asked, path, target, original }
}

/** Whatever the file says now is what comes back: it may be newer than the note. */
export function applyResolvConf(note: ResolvConfNote): void {
  const target = targetOf(note.path)
  const original = originalAt(note.path, target, note.original)
  write(target, contentOf(note, original))
  const written = readOriginal(target)
  const owner = written && parse(written.content)?.owner
  if (owner?.tunName !== note.tunName || owner.pid !== process.pid) {
    throw new VpnError(`${note.path}: another program has written it in the same moment; try again`)
  }
}

/** What `applyResolvConf` and the watcher write. */
export function contentOf(note: ResolvConfNote, original: Original | null): string {
  return render(ownerOf(note.tunName), note, original)
}

/** Only what is ours is put back; what somebody else has written meanwhile stays. */
export function undoResolvConf(note: ResolvConfNote, log: Log): void {
  let restored = false
  try {
    // The link may lead elsewhere by now, and what we wrote is still where it led.
    for (const target of new Set([note.target, targetOf(note.path)])) restored = giveBack(target, note) || restored
    if (!restored) leave(note, log)
  } catch (error) {
    if (!(error instanceof OddFileError)) throw error
    log.warn(`${error.message} (it is no longer what mqvpn wrote, and stays as it is)`)
  }
}

/** Whether it was ours. */
export function giveBack(target: string, note: ResolvConfNote): boolean {
  const found = readOriginal(target)
  const ours = found && parse(found.content)
  if (ours?.owner.tunName !== note.tunName) return false
  restore(target, ours.original === undefined ? note.original : ours.original)
  return true
}

/**
 * Puts back what a mqvpn that is gone has left, without a journal: after a power cut /run is empty, and the file is not.
 *
 * @returns the TUN name of that mqvpn; null: there was nothing to do
 */
export function recoverResolvConf(log: Log, path = RESOLV_CONF): string | null {
  const target = targetOf(path)
  const found = readOriginal(target)
  const ours = found && parse(found.content)
  if (!ours || runs(ours.owner)) return null
  if (ours.original === undefined) throw damaged(path, ours)
  restore(target, ours.original)
  log.info(`${path}: put back as it was before ${nameOf(ours)}, which is gone`)
  return ours.owner.tunName
}

/** What has to come back later if ours is written now. */
function originalAt(path: string, target: string, before?: Original | null): Original | null {
  const found = readOriginal(target)
  const ours = found && parse(found.content)
  if (!ours) return found?.original ?? null
  if (runs(ours.owner) && ours.owner.pid !== process.pid) {
    throw new VpnError(
      `${path}: ${nameOf(ours)} is running and has set its DNS servers there; end it first, or leave out --dns for this one`,
    )
  }
  const original = ours.original === undefined ? before : ours.original
  if (original === undefined) throw damaged(path, ours)
  return original
}

/** What is there is not ours: never written, put back already, or somebody else's. */
function leave({ path, original }: ResolvConfNote, log: Log): void {
  const target = targetOf(path)
  const found = readOriginal(target)
  if ((found?.original.content ?? null) === (original?.content ?? null)) {
    // A process that died right after it had put back the content.
    if (found && original && !looksLike(found.original, original)) restore(target, original)
    return
  }
  if (original === null && found?.content.length === 0) {
    // Made, and then there was no time to write it; for a resolver it is the same as none.
    restore(target, null)
    return
  }
  const what = found === null ? 'has been removed' : 'has been written by another program'
  log.warn(`${path} ${what} while mqvpn had its DNS servers in it; it stays like that`)
}

/** A time that was put back is off by less than a microsecond. */
function looksLike(a: Original, b: Original): boolean {
  const apart = Math.abs(Number(BigInt(a.mtimeNs) - BigInt(b.mtimeNs)))
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid && apart < 1000
}

function damaged(path: string, ours: OurFile): VpnError {
  return new VpnError(
    `${path}: was written by ${nameOf(ours)}, and the original that it kept there has been damaged; write a new ${path} by hand`,
  )
}

function nameOf({ owner }: OurFile): string {
  return `mqvpn with --tun-name ${owner.tunName} (pid ${owner.pid})`
}
