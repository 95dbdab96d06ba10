/**
 * How acme-client sends its requests. Its own way waits as long as a Retry-After says, in silence, and loses the reason
 * when there is no answer; here each request is limited in time and size, ends with the server, and tells what was wrong.
 */
import { axios } from 'acme-client'
import { VpnError } from '../../errors.js'
import { noAnswer, problemIn, refusal } from './problem.js'

const REQUEST_TIMEOUT_MS = 30_000
/** The longest answer is a chain of certificates. */
const ANSWER_BYTES_MOST = 1024 * 1024
/** Who says more than this is asked again all the same. */
const RETRY_AFTER_MOST_MS = 7 * 24 * 3600_000

interface Config {
  url?: string
  method?: string
  data?: unknown
  headers?: { toJSON?: () => unknown }
}

/** For all requests from now on. @param signal ends those that are under way */
export function useTransport(signal: AbortSignal): void {
  axios.defaults.adapter = async (config) => {
    const answer = await send(config as Config, signal)
    return { ...answer, statusText: '', config }
  }
}

async function send(
  { url = '', method = 'get', data, headers }: Config,
  signal: AbortSignal,
): Promise<{ status: number; headers: Record<string, string>; data: string }> {
  const host = hostOf(url)
  let response: Response
  let text: string
  try {
    response = await fetch(url, {
      method: method.toUpperCase(),
      headers: headersOf(headers),
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
      ...(typeof data === 'string' ? { body: data } : {}),
    })
    text = await textOf(response, host)
  } catch (error) {
    throw error instanceof VpnError ? error : noAnswer(host, error)
  }
  const { status } = response
  const parsed = jsonOf(text)
  if (status >= 400) {
    const problem = problemIn(parsed ?? { detail: `it answers with HTTP status ${status}` })
    // acme-client tries again with the nonce that comes with it.
    if (problem.type !== 'badNonce') throw refusal(host, status, problem, retryAfterMs(response, Date.now()))
  } else if (method.toLowerCase() === 'get' && !isDirectory(parsed)) {
    throw new VpnError(`${url} is no ACME directory (RFC 8555); is --acme-directory right?`)
  }
  return { status, headers: Object.fromEntries(response.headers), data: text }
}

async function textOf(response: Response, host: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  // Leaving the loop early ends the connection.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > ANSWER_BYTES_MOST) throw new VpnError(`${host} answers with more than 1 MiB; this is no ACME server`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function headersOf(headers: Config['headers']): Record<string, string> {
  const all = Object.entries((headers?.toJSON?.() ?? {}) as Record<string, unknown>)
  const texts = all.filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  // fetch knows the length, and which encodings it can read.
  return Object.fromEntries(texts.filter(([name]) => !/^(content-length|accept-encoding)$/i.test(name)))
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** The directory is all that is asked for without a signature (RFC 8555 §6.3). */
function isDirectory(value: unknown): boolean {
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  return ['newNonce', 'newAccount', 'newOrder'].every((name) => typeof fields[name] === 'string')
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function retryAfterMs(response: Response, now: number): number | null {
  const text = response.headers.get('retry-after')
  if (text === null) return null
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, RETRY_AFTER_MOST_MS) : null
}

export function hostOf(url: string): string {
  try {
    return new URL(url).host
  } catch {
    return url
  }
}
