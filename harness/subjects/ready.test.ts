import { expect } from 'chai'
import { HostProcess } from '../lab/process.js'
import { SubjectError } from '../lab/errors.js'
import { until, untilSays } from './ready.js'

function shell(line: string): HostProcess {
  return HostProcess.start(['sh', '-c', line], { name: 'daemon', side: 'server', role: 'subject' })
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail('should have been rejected'),
    (error: unknown) => error as Error,
  )
}

describe('waiting until a subject is ready', () => {
  const never = new AbortController().signal

  it('resolves when the condition holds', async () => {
    let calls = 0
    await until(() => ++calls === 3, { subject: 'x', processes: [], signal: never })
    expect(calls).to.equal(3)
  })

  it('fails at once when a process ends, with its exit code and last lines', async () => {
    const process = shell('echo starting; echo no such key >&2; exit 3')
    const started = Date.now()
    const error = await rejection(until(() => false, { subject: 'x', processes: [process], signal: never }))
    expect(error).to.be.instanceOf(SubjectError)
    expect(error.message).to.match(/^x: daemon on the server ended with code 3; last lines of its log:\n/)
    expect(error.message).to.contain('no such key')
    expect(Date.now() - started).to.be.below(5000)
  })

  it('names the signal that ended a process', async () => {
    const process = shell('kill -KILL $$')
    const error = await rejection(until(() => false, { subject: 'x', processes: [process], signal: never }))
    expect(error.message).to.equal('x: daemon on the server was ended by SIGKILL')
  })

  it('lets a process end with 0 when it may go to the background', async () => {
    const process = shell('exit 0')
    await process.exited
    await until(() => true, { subject: 'x', processes: [process], signal: never, mayDaemonize: true })
    const error = await rejection(until(() => true, { subject: 'x', processes: [process], signal: never }))
    expect(error.message).to.contain('ended with code 0')
  })

  it('gives up after the limit and shows the log of each side', async () => {
    const process = shell('echo waiting for a peer; exec sleep 60')
    try {
      const error = await rejection(
        until(() => false, { subject: 'x', processes: [process], signal: never, limitMs: 300 }),
      )
      expect(error.message).to.equal('x did not become ready in 0.3 s; last lines of its log:\nwaiting for a peer')
    } finally {
      await process.stop()
    }
  })

  it('ends with the signal', async () => {
    const abort = new AbortController()
    setTimeout(() => {
      abort.abort(new Error('interrupted'))
    }, 20)
    const error = await rejection(until(() => false, { subject: 'x', processes: [], signal: abort.signal }))
    expect(error.message).to.equal('interrupted')
  })

  it('sees a line that a program prints', async () => {
    const process = shell('sleep 0.1; echo bound to 1.2.3.4; exec sleep 60')
    await untilSays(process, 'bound to', 'x')
    await process.stop()
  })
})
