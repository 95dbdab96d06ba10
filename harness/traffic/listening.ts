/** Whether a process's network namespace has a TCP listener: read from /proc, so that nobody has to connect. */
import { readFile, readlink } from 'node:fs/promises'

/** `st` of /proc/net/tcp for LISTEN (TCP_LISTEN of include/net/tcp_states.h). */
const LISTEN = '0A'

/**
 * @param pid a process in the namespace; before `ip netns exec` has entered it, nothing listens
 * @returns false too when the process has ended
 */
export async function listens(pid: number, port: number): Promise<boolean> {
  try {
    const [own, its] = await Promise.all([readlink('/proc/self/ns/net'), readlink(`/proc/${pid}/ns/net`)])
    if (own === its) return false
    const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'utf8')))
    return tables.some((table) => tableListens(table, port))
  } catch {
    return false
  }
}

/** @param table the text of /proc/net/tcp or tcp6 */
export function tableListens(table: string, port: number): boolean {
  const wanted = ':' + port.toString(16).toUpperCase().padStart(4, '0')
  return table.split('\n').some((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/)
    return state === LISTEN && local.endsWith(wanted)
  })
}
