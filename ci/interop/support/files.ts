/** What the ends of a test read and write: certificates, bodies, a folder for them. */
import { createHash, randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'

export const NAME = 'interop.example'
export const BODY_BYTES = 3_000_000

export interface Folder {
  path: string
  cert: string
  key: string
  file(name: string): string
  remove(): void
}

/**
 * A new folder with a certificate for NAME, localhost and the addresses that tests use, signed by itself.
 * @param ballast so many more names, which make it large
 */
export async function makeFolder(ballast = 0): Promise<Folder> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mqvpn-interop-'))
  const file = (name: string) => path.join(folder, name)
  const more = Array.from({ length: ballast }, (_, at) => `,DNS:ballast-${at}.interop.example`).join('')
  const names = `subjectAltName=DNS:${NAME},DNS:localhost,IP:127.0.0.1,IP:10.78.0.1,IP:fd78::1${more}`
  await execa('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', `/CN=${NAME}`, '-addext', names, '-keyout', file('key.pem'), '-out', file('cert.pem')],
  ])
  return {
    path: folder,
    cert: file('cert.pem'),
    key: file('key.pem'),
    file,
    remove: () => {
      rmSync(folder, { recursive: true })
    },
  }
}

/** The body that our server sends: see native/test/interop_body.h. */
export function ourBody(bytes: number): Buffer {
  const body = Buffer.alloc(bytes)
  for (let at = 0; at < bytes; at++) body[at] = (at * 7 + (at >>> 8) * 13 + (at >>> 16) * 29) & 0xff
  return body
}

/** Writes a body that a foreign server sends. */
export function writeRandom(file: string, bytes = BODY_BYTES): void {
  writeFileSync(file, randomBytes(bytes))
}

export function digest(data: Buffer | string): string {
  return createHash('sha256')
    .update(typeof data === 'string' ? readFileSync(data) : data)
    .digest('hex')
}

/** A UDP port that is free now. */
export async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve)
  })
  const { port } = socket.address()
  await new Promise<void>((resolve) => {
    socket.close(resolve)
  })
  return port
}

/** Resolves as soon as somebody has this UDP port: gtlsserver prints nothing that could be waited for. */
export async function untilBound(port: number, milliseconds = 10_000): Promise<void> {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')} `
  const end = Date.now() + milliseconds
  while (!readFileSync('/proc/net/udp', 'utf8').includes(local)) {
    if (Date.now() > end) throw new Error(`nobody listens on UDP port ${port}`)
    await sleep(20)
  }
}
