/**
 * Errors that end a run with a message instead of a stack trace. The class decides the exit code
 * (see `cli/exit-codes.ts`); the message is one line: what was wrong, where, and what to do.
 */
export class BenchError extends Error {
  override readonly name: string = 'BenchError'
}

/** This machine lacks something that is needed: exit code 3. */
export class MachineError extends BenchError {
  override readonly name = 'MachineError'
}

/** The user asked for something that cannot be: exit code 2. */
export class UsageError extends BenchError {
  override readonly name = 'UsageError'
}

/** A subject, or a program that carries it, failed: exit code 5. */
export class SubjectError extends BenchError {
  override readonly name = 'SubjectError'
}

/** SIGINT or SIGTERM arrived: exit code 130 once everything is cleaned up. */
export class InterruptedError extends BenchError {
  override readonly name = 'InterruptedError'
}

/** One line from anything that was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) {
    const short = (error as { shortMessage?: unknown }).shortMessage
    return typeof short === 'string' ? short : error.message
  }
  return String(error)
}
