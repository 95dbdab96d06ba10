/**
 * What is said over the control socket: one JSON object per line in each direction, as many as a client likes, each
 * answered in order.
 *
 *     {"cmd":"status"}                → {"ok":true,"status":{…}}
 *     {"cmd":"disconnect","id":3}     → {"ok":true}
 *     {"cmd":"users"}                 → {"ok":true,"users":[{"name":"anna",…}]}
 *     {"cmd":"add-user","user":"anna:KEY","address":"10.0.0.5"}
 *                                     → {"ok":true,"replaced":false,"cut":0}
 *     {"cmd":"remove-user","name":"anna"}
 *                                     → {"ok":true,"cut":1,"configured":true}
 *     {"cmd":"stauts"}                → {"ok":false,"error":"unknown cmd \"stauts\"; did you mean \"status\"?"}
 */
import { didYouMean } from '../../common/suggest.js'
import type { CommandRequest } from '../engine.js'
import { messageOf } from '../errors.js'

/** Of one request, its newline included. */
export const REQUEST_LIMIT_BYTES = 4096

/** What the running program can do for somebody at the socket. */
export interface Controlled {
  status(): Promise<object>
  command(request: CommandRequest): Promise<object>
}

/** Of a server; a client has none of them. */
const SERVER_COMMANDS = ['disconnect', 'users', 'add-user', 'remove-user']
const COMMANDS = ['status', ...SERVER_COMMANDS]

/** The answer to one line. Never throws: whatever is wrong is the answer. */
export async function answer(line: string, controlled: Controlled): Promise<object> {
  let request: unknown
  try {
    request = JSON.parse(line)
  } catch {
    return refusal('this is no JSON; write one object per line, such as {"cmd":"status"}')
  }
  const cmd = typeof request === 'object' && request !== null ? (request as { cmd?: unknown }).cmd : undefined
  if (typeof cmd !== 'string') return refusal('there is no "cmd"; write {"cmd":"status"}')
  if (!COMMANDS.includes(cmd))
    return refusal(`unknown cmd ${JSON.stringify(cmd.slice(0, 40))}${didYouMean(cmd, COMMANDS)}`)
  try {
    if (cmd === 'status') return { ok: true, status: await controlled.status() }
    return await controlled.command(request as CommandRequest)
  } catch (error) {
    return refusal(messageOf(error))
  }
}

export function refusal(error: string): { ok: false; error: string } {
  return { ok: false, error }
}
