/** Under sudo, results belong to the person who typed it, so that they can read, move and delete them. */
import { lchownSync, lstatSync, readdirSync } from 'node:fs'
import path from 'node:path'

export interface Owner {
  uid: number
  gid: number
}

/** Who called sudo; null when this is not root, or root without sudo. */
export function sudoOwner(
  env: Readonly<Record<string, string | undefined>> = process.env,
  uid: number | undefined = process.getuid?.(),
): Owner | null {
  const [user, group] = [env['SUDO_UID'], env['SUDO_GID']].map((text) =>
    /^\d+$/.test(text ?? '') ? Number(text) : null,
  )
  return uid !== 0 || user == null || group == null ? null : { uid: user, gid: group }
}

/** Gives a file, or a directory with everything in it, away; symbolic links themselves, never what they point at. */
export function giveTo(owner: Owner, file: string): void {
  lchownSync(file, owner.uid, owner.gid)
  if (!lstatSync(file).isDirectory()) return
  for (const entry of readdirSync(file)) giveTo(owner, path.join(file, entry))
}
