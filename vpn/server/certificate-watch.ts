/** Looks whether the files of a certificate have changed, so that one that was renewed is used without a restart. */
import { statSync } from 'node:fs'
import { messageOf } from '../errors.js'
import type { Log } from '../log.js'

/** Certificates live for days; who has renewed one wants to see it used while still there. */
export const CERTIFICATE_POLL_MS = 10_000

export interface CertificateWatch {
  stop(): void
}

/**
 * @param files of the certificate and its key
 * @param use called after a change; what it throws is told once, and it is called again after the next change: a
 *   certificate without its key, between two writes, is no certificate yet
 */
export function watchCertificate(
  files: readonly string[],
  use: () => Promise<void>,
  log: Pick<Log, 'warn'>,
  pollMs = CERTIFICATE_POLL_MS,
): CertificateWatch {
  let known = stateOf(files)
  let busy = false
  const timer = setInterval(() => {
    const now = stateOf(files)
    // Gone, as between the two halves of a replacement: there is nothing to use.
    if (busy || now === known || now === null) return
    known = now
    busy = true
    use()
      .catch((error: unknown) => log.warn(`the changed certificate is not used: ${messageOf(error)}`))
      .finally(() => (busy = false))
  }, pollMs)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}

/** Null: not all of them are there. */
function stateOf(files: readonly string[]): string | null {
  try {
    return files
      .map((file) => statSync(file, { bigint: true }))
      .map(({ dev, ino, size, mtimeNs }) => `${dev}:${ino}:${size}:${mtimeNs}`)
      .join(' ')
  } catch {
    return null
  }
}
