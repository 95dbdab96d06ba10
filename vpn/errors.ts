/**
 * Errors that end `mqvpn` with a message instead of a stack trace. The class decides the exit code (see
 * `exit-codes.ts`); the message says what was wrong, where, and what to do.
 */
export class VpnError extends Error {
  override readonly name: string = 'VpnError'
}

/** The command line, the environment or the configuration file is wrong: exit code 2. */
export class UsageError extends VpnError {
  override readonly name = 'UsageError'
}

/** This machine lacks something that is needed (rights, /dev/net/tun, the native addon): exit code 3. */
export class MachineError extends VpnError {
  override readonly name = 'MachineError'
}

/** The server refused this client, or is not the server that it should be; trying again changes nothing: exit code 4. */
export class RefusedError extends VpnError {
  override readonly name = 'RefusedError'
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** `ENOENT`, `EPERM`, … of an error of the system, or null. */
export function codeOf(error: unknown): string | null {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  return typeof code === 'string' ? code : null
}
