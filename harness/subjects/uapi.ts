/**
 * WireGuard's cross-platform configuration protocol (wireguard.com/xplatform): `key=value` lines over a Unix socket,
 * ended by an empty line. Spoken directly, so that the socket may live in the daemon's own mount namespace, where `wg`
 * would not find it.
 */
import { createConnection } from 'node:net'

export type Settings = readonly (readonly [key: string, value: string | number])[]

/** Sets; throws with the daemon's errno. */
export async function uapiSet(socket: string, settings: Settings): Promise<void> {
  const lines = settings.map(([key, value]) => `${key}=${value}\n`).join('')
  const reply = parseUapi(await exchange(socket, `set=1\n${lines}\n`))
  const errno = reply.find(([key]) => key === 'errno')?.[1]
  if (errno !== '0') throw new Error(`wireguard-go refused its configuration (errno ${errno ?? 'missing'})`)
}

export async function uapiGet(socket: string): Promise<[key: string, value: string][]> {
  return parseUapi(await exchange(socket, 'get=1\n\n'))
}

export function parseUapi(text: string): [key: string, value: string][] {
  return text
    .split('\n')
    .filter((line) => line.includes('='))
    .map((line) => {
      const at = line.indexOf('=')
      return [line.slice(0, at), line.slice(at + 1)]
    })
}

function exchange(socket: string, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let reply = ''
    const connection = createConnection(socket, () => connection.write(request))
    connection.setEncoding('utf8')
    connection.setTimeout(2000, () => connection.destroy(new Error(`no answer on ${socket}`)))
    connection.on('data', (text: string) => {
      reply += text
      if (reply.endsWith('\n\n')) connection.end()
    })
    connection.on('error', reject)
    connection.on('close', () => {
      resolve(reply)
    })
  })
}
