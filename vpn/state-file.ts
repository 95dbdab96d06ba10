/** Files that mqvpn keeps: there as a whole or not at all, and never with more rights than they end with. */
import { chmodSync, closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'

export function writeAtomically(path: string, content: string, mode: number): void {
  const temporary = writeTemporary(path, content, mode)
  try {
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

/** Fails with EEXIST when there is a file of this name, also one that was made a moment ago. */
export function createAtomically(path: string, content: string, mode: number): void {
  const temporary = writeTemporary(path, content, mode)
  try {
    linkSync(temporary, path)
  } finally {
    rmSync(temporary, { force: true })
  }
}

function writeTemporary(path: string, content: string, mode: number): string {
  const temporary = `${path}.${process.pid}.tmp`
  rmSync(temporary, { force: true })
  const fd = openSync(temporary, 'wx', mode)
  try {
    writeSync(fd, content)
    fsyncSync(fd)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
  chmodSync(temporary, mode)
  return temporary
}
