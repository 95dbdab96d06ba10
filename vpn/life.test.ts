import { expect } from 'chai'
import { EventEmitter } from 'node:events'
import { createLife } from './life.js'

class FakeProcess extends EventEmitter {
  readonly exits: number[] = []
  exit(code: number): void {
    this.exits.push(code)
  }
}

describe('the life of mqvpn', () => {
  let process: FakeProcess
  let said: string[]
  const create = () => createLife(process, (text) => void said.push(text))
  beforeEach(() => {
    process = new FakeProcess()
    said = []
  })

  for (const [signal, code] of [
    ['SIGTERM', 0],
    ['SIGINT', 130],
    ['SIGHUP', 130],
  ] as const) {
    it(`is asked to end by ${signal}: exit code ${code}`, async () => {
      const life = create()
      expect(life.signal.aborted).to.equal(false)
      process.emit(signal, signal)
      await life.stopped()
      expect(life.signal.aborted).to.equal(true)
      expect(life.exitCode()).to.equal(code)
      expect(process.exits).to.deep.equal([])
      expect(said).to.deep.equal([`${signal}: closing (again to end at once)`])
    })
  }

  it('ends at once at a second signal', () => {
    create()
    process.emit('SIGTERM', 'SIGTERM')
    process.emit('SIGINT', 'SIGINT')
    expect(process.exits).to.deep.equal([130])
  })

  it('goes on at SIGHUP when that means something else, and ends at SIGTERM as ever', () => {
    let reloads = 0
    const life = create()
    life.onReload(() => (reloads += 1))
    process.emit('SIGHUP', 'SIGHUP')
    process.emit('SIGHUP', 'SIGHUP')
    expect(reloads).to.equal(2)
    expect(life.signal.aborted).to.equal(false)
    process.emit('SIGTERM', 'SIGTERM')
    // While it is ending there is nothing to reload, and nobody is in a hurry.
    process.emit('SIGHUP', 'SIGHUP')
    expect(reloads).to.equal(2)
    expect(life.exitCode()).to.equal(0)
    expect(process.exits).to.deep.equal([])
  })

  it('cleans up at the end, however that comes', () => {
    let cleaned = 0
    create().atExit(() => (cleaned += 1))
    process.emit('exit')
    expect(cleaned).to.equal(1)
  })
})
