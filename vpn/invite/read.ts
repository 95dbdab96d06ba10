/** Where an invitation is taken from: the command line, a file that only its owner reads, or standard input. */
import { readSecretFile } from '../config/private-file.js'
import { UsageError } from '../errors.js'
import type { Log } from '../log.js'
import { parseInvitation, type Invitation } from './invitation.js'

/** Nothing that is an invitation is longer. */
const LENGTH_MOST = 64 * 1024

/**
 * @param given `mqvpn://…`, `@FILE`, or `-` for standard input
 * @throws UsageError
 */
export async function readInvitation(
  given: string,
  stdin: AsyncIterable<Buffer | string>,
  log: Pick<Log, 'warn'>,
): Promise<Invitation> {
  if (given === '-') return parseInvitation(oneLine(await firstLine(stdin), 'standard input'))
  if (!given.startsWith('@')) return parseInvitation(given.trim())
  const file = given.slice(1)
  if (file === '') throw new UsageError('behind @ stands the name of the file with the invitation: @FILE')
  return parseInvitation(oneLine(readSecretFile(file, 'invitation', log), file))
}

/** Up to the end of the line, since at a terminal nothing else ends it. */
async function firstLine(stdin: AsyncIterable<Buffer | string>): Promise<string> {
  let text = ''
  for await (const chunk of stdin) {
    text += String(chunk)
    if (text.trimStart().includes('\n') || text.length > LENGTH_MOST) break
  }
  return text.trimStart().split('\n')[0] ?? ''
}

function oneLine(text: string, where: string): string {
  const line = text.trim()
  if (line === '') throw new UsageError(`${where}: is empty; there has to be an invitation, mqvpn://…`)
  if (/[\r\n]/.test(line)) throw new UsageError(`${where}: has several lines; it holds one invitation and no more`)
  return line
}
