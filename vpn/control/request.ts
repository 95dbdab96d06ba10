/** Asks a running mqvpn over its control socket. */
import { createConnection } from 'node:net'
import { StringDecoder } from 'node:string_decoder'
import { codeOf, messageOf, VpnError } from '../errors.js'

/** A status of ten thousand clients is about 10 MB. */
const REPLY_LIMIT_CHARS = 64 * 1024 * 1024

export interface Reply {
  ok: boolean
  error?: string
  [field: string]: unknown
}

/**
 * @throws VpnError when nobody answers, or not in time
 */
export async function request(path: string, message: object, limitMs = 5000): Promise<Reply> {
  const text = await exchange(path, `${JSON.stringify(message)}\n`, limitMs)
  try {
    return JSON.parse(text) as Reply
  } catch {
    throw new VpnError(`${path}: what answers there is no mqvpn`)
  }
}

/** Sends a line and reads one. */
function exchange(path: string, line: string, limitMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const decoder = new StringDecoder('utf8')
    let reply = ''
    const fail = (message: string): void => {
      socket.destroy()
      clearTimeout(timer)
      reject(new VpnError(`${path}: ${message}`))
    }
    const timer = setTimeout(() => fail(`no answer within ${limitMs / 1000} s`), limitMs)
    const socket = createConnection(path, () => socket.write(line))
    socket.on('data', (chunk: Buffer) => {
      reply += decoder.write(chunk)
      if (reply.length > REPLY_LIMIT_CHARS) fail('the answer is too long')
      const newline = reply.indexOf('\n')
      if (newline < 0) return
      clearTimeout(timer)
      socket.destroy()
      resolve(reply.slice(0, newline))
    })
    socket.on('error', (error) => fail(why(error)))
    socket.on('end', () => fail('it ended the conversation without an answer'))
  })
}

function why(error: Error): string {
  switch (codeOf(error)) {
    case 'ENOENT':
      return 'there is no such socket: no mqvpn runs here under this name'
    case 'ECONNREFUSED':
      return 'nobody listens there: the mqvpn that made this socket is gone'
    case 'EACCES':
    case 'EPERM':
      return 'only the user that runs mqvpn (root, as a rule) may ask; use sudo'
    default:
      return messageOf(error)
  }
}
