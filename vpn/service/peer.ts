/** Asks a client that runs in the background how it is. */
import { request } from '../control/request.js'
import { VpnError } from '../errors.js'
import type { Status } from '../status/render.js'

/** A client that starts is asked often, and must not hold the one who asks up. */
const LIMIT_MS = 2000

/** Null: nobody answers (yet). */
export async function statusAt(control: string): Promise<Status | null> {
  try {
    const reply = await request(control, { cmd: 'status' }, LIMIT_MS)
    return reply.ok ? (reply['status'] as Status) : null
  } catch (error) {
    if (error instanceof VpnError) return null
    throw error
  }
}
