/** Reads what an end of mqvpn-probe has written (the format is in native/README.md). Times in ms of CLOCK_MONOTONIC. */
import { createReadStream } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { z } from 'zod'

export interface SentPacket {
  seq: number
  txMs: number
  /** errno; 0 when the kernel took it. */
  error: number
  /** How long after its due time. */
  lateMs: number
}

export interface ReceivedPacket {
  seq: number
  txMs: number
  rxMs: number
  /** How long after `rxMs` the probe itself ran. */
  lateMs: number
}

/** A TCP connection that ended; `error` 0: the peer closed it. */
export interface ConnectionBreak {
  atMs: number
  error: number
}

const header = z.object({
  role: z.enum(['connect', 'serve']),
  protocol: z.enum(['udp', 'tcp']),
  intervalUs: z.number(),
  sizeBytes: z.number(),
  startNs: z.number(),
  endNs: z.number(),
  skipped: z.number(),
  foreign: z.number(),
  overflow: z.number(),
  scheduling: z.string(),
  receiveClock: z.string(),
})
export type ProbeHeader = z.infer<typeof header>

/** What one end saw. */
export interface EndRecords {
  /** null: the file has none, or one that cannot be read. */
  header: ProbeHeader | null
  sent: SentPacket[]
  /** In the order of arrival. */
  received: ReceivedPacket[]
  breaks: ConnectionBreak[]
  /** The end mark is there and every line was understood. */
  complete: boolean
  /** Lines that mean nothing. */
  garbage: number
}

/** Both ends of one probe. */
export interface ProbeRecords {
  client: EndRecords
  server: EndRecords
}

const HEADER_LINE = /^# mqvpn-probe 1 (\{.*\})$/
const NS_PER_MS = 1e6

/** Takes one line after the other. */
export class RecordsReader {
  readonly records: EndRecords = { header: null, sent: [], received: [], breaks: [], complete: false, garbage: 0 }

  /** @param text without its line end */
  line(text: string): void {
    const { records } = this
    records.complete = false
    const [kind, ...words] = text.split(' ')
    const numbers = words.map(wholeNumber)
    const [a = NaN, b = NaN, c = NaN, d = NaN] = numbers
    const good = (count: number): boolean => numbers.length === count && numbers.every((value) => !Number.isNaN(value))
    if (kind === 's' && good(4)) {
      records.sent.push({ seq: a, txMs: b / NS_PER_MS, error: c, lateMs: d / NS_PER_MS })
    } else if (kind === 'r' && good(4)) {
      records.received.push({ seq: a, txMs: b / NS_PER_MS, rxMs: c / NS_PER_MS, lateMs: d / NS_PER_MS })
    } else if (kind === 'b' && good(2)) {
      records.breaks.push({ atMs: a / NS_PER_MS, error: b })
    } else if (text.startsWith('# end ')) {
      const { sent, received, breaks } = records
      const all = text === `# end ${sent.length} ${received.length} ${breaks.length}`
      records.complete = all && records.header !== null && records.garbage === 0
    } else {
      const found = readHeader(text)
      if (found && !records.header) records.header = found
      else ++records.garbage
    }
  }
}

/** For tests and small files. */
export function parseProbeRecords(text: string): EndRecords {
  const reader = new RecordsReader()
  // The last line has no line end when the file was cut off, and half a number looks like a number.
  for (const line of text.split('\n').slice(0, -1)) reader.line(line)
  return reader.records
}

/** Reads a file without holding its text. Rejects when it cannot be read. */
export async function readProbeRecords(path: string): Promise<EndRecords> {
  const reader = new RecordsReader()
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.write(chunk)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) reader.line(line)
  }
  return reader.records
}

function wholeNumber(text: string): number {
  return /^-?\d+$/.test(text) ? Number(text) : NaN
}

function readHeader(line: string): ProbeHeader | null {
  try {
    return header.parse(JSON.parse(HEADER_LINE.exec(line)?.[1] ?? ''))
  } catch {
    return null
  }
}
