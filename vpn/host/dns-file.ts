/**
 * Reading and writing a resolv.conf where it is: it may be a symbolic link, which stays, or a bind mount, over which
 * nothing can be renamed. So it is written into the same inode.
 */
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  futimesSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { codeOf, messageOf, VpnError } from '../errors.js'
import type { Original } from './dns-our-file.js'

/** As many as the kernel follows. */
const MOST_LINKS = 40
/** No resolv.conf is larger; what is, is something else. */
const MOST_BYTES = 65_536
/** Never waits for the other end of a FIFO, never follows what was put there since the links were followed. */
const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NONBLOCK, O_NOFOLLOW, W_OK } = constants
const CAREFUL = O_NONBLOCK | O_NOFOLLOW

/** There is something under this name, and it is no resolv.conf. */
export class OddFileError extends VpnError {}

/** Every file from `path` to where its links end, that last; the last one need not exist. */
export function hopsOf(path: string): string[] {
  const hops = [place(resolve(path))]
  for (;;) {
    const last = hops.at(-1)!
    if (!lstatSync(last, { throwIfNoEntry: false })?.isSymbolicLink()) return hops
    if (hops.length > MOST_LINKS) throw new OddFileError(`${path}: its symbolic links lead in a circle; repair them`)
    hops.push(place(resolve(dirname(last), readlinkSync(last))))
  }
}

/** Where the links of `path` end. */
export function targetOf(path: string): string {
  return hopsOf(path).at(-1)!
}

/** null: there is none. */
export function readOriginal(target: string): { content: Buffer; original: Original } | null {
  const odd = (what: string): VpnError =>
    new OddFileError(`${target}: ${what}; repair it, or leave out --dns and let the system find its DNS servers`)
  let fd: number
  try {
    fd = openSync(target, O_RDONLY | CAREFUL)
  } catch (error) {
    const code = codeOf(error) ?? ''
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    // A link, a socket or a device without driver.
    throw ['ELOOP', 'ENXIO', 'ENODEV'].includes(code)
      ? odd(messageOf(error))
      : new VpnError(`${target} cannot be read: ${messageOf(error)}`)
  }
  try {
    const about = fstatSync(fd, { bigint: true })
    if (!about.isFile()) throw odd('is not a file')
    if (about.size > MOST_BYTES) throw odd(`has ${about.size.toString()} bytes, which is no resolv.conf`)
    const content = readFileSync(fd)
    const original: Original = {
      content: content.toString('base64'),
      mode: Number(about.mode) & 0o777,
      uid: Number(about.uid),
      gid: Number(about.gid),
      mtimeNs: about.mtimeNs.toString(),
    }
    return { content, original }
  } finally {
    closeSync(fd)
  }
}

/** Throws what `write` would throw, and changes nothing. */
export function expectWritable(target: string): void {
  try {
    if (lstatSync(target, { throwIfNoEntry: false })) closeSync(openSync(target, O_RDWR | CAREFUL))
    else accessSync(dirname(target), W_OK)
  } catch (error) {
    throw notWritable(target, error)
  }
}

/** Writes into the file that is there, or makes one that all can read. */
export function write(target: string, text: string): void {
  edit(target, (fd, fresh) => {
    put(fd, Buffer.from(text))
    // As the system's own: whatever umask this process has.
    if (fresh) fchmodSync(fd, 0o644)
  })
}

/** As it was; null: there was none. */
export function restore(target: string, original: Original | null): void {
  if (original === null) {
    try {
      unlinkSync(target)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw notWritable(target, error)
    }
    return
  }
  edit(target, (fd) => {
    put(fd, Buffer.from(original.content, 'base64'))
    const { mode, uid, gid, atime } = fstatSync(fd)
    // The owner first: a change of it may take bits of the mode away.
    if (uid !== original.uid || gid !== original.gid) fchownSync(fd, original.uid, original.gid)
    if ((mode & 0o777) !== original.mode) fchmodSync(fd, original.mode)
    futimesSync(fd, atime, Number(original.mtimeNs) / 1e9)
  })
}

/** Device and inode; null: there is none. */
export function identityOf(target: string): string | null {
  const about = statSync(target, { throwIfNoEntry: false })
  return about ? `${about.dev}:${about.ino}` : null
}

function edit(target: string, change: (fd: number, fresh: boolean) => void): void {
  try {
    const fresh = lstatSync(target, { throwIfNoEntry: false }) === undefined
    const fd = openSync(target, O_RDWR | CAREFUL | (fresh ? O_CREAT | O_EXCL : 0), 0o644)
    try {
      if (!fstatSync(fd).isFile()) throw new Error('is not a file')
      change(fd, fresh)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    throw notWritable(target, error)
  }
}

/** Cut off at the end, not at the start: nobody ever reads an empty file, and a crash leaves one that tells whose it is. */
function put(fd: number, content: Buffer): void {
  for (let at = 0; at < content.length;) at += writeSync(fd, content, at, content.length - at, at)
  ftruncateSync(fd, content.length)
}

/** The same file under one name: its folder may be behind links too, and need not exist. */
function place(path: string): string {
  try {
    return join(realpathSync(dirname(path)), basename(path))
  } catch {
    return path
  }
}

function notWritable(target: string, error: unknown): VpnError {
  const why: Record<string, string> = {
    EPERM: `it is immutable, or not ours to change (\`lsattr ${target}\` shows it, \`chattr -i ${target}\` lifts it)`,
    EACCES: 'it takes root',
    EROFS: 'it is on a file system that is mounted read-only',
    ENOSPC: 'its file system is full; make room',
    ENOENT: `its folder ${dirname(target)} does not exist; make it, or repair the link that leads there`,
    EBUSY: 'it is a mount point',
  }
  const what = why[codeOf(error) ?? ''] ?? messageOf(error)
  return new VpnError(`${target} cannot be written: ${what}; or leave out --dns`)
}
