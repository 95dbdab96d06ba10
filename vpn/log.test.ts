import { expect } from 'chai'
import fc from 'fast-check'
import { createLog, LOG_LEVELS, type LogOptions } from './log.js'

function captured(options: Partial<LogOptions> = {}) {
  const err: string[] = []
  const out: string[] = []
  const log = createLog({
    level: 'info',
    format: 'text',
    colour: false,
    now: () => new Date(0),
    err: (text) => err.push(text),
    out: (text) => out.push(text),
    ...options,
  })
  return { log, err, out }
}

describe('the log', () => {
  it('writes time, level, message and fields', () => {
    const { log, err } = captured()
    log.warn('client gone', {
      id: 3,
      user: 'anna',
      resumed: false,
      addresses: ['10.0.0.2/32', 'fd00::2/128'],
      none: null,
    })
    expect(err).to.deep.equal([
      '1970-01-01T00:00:00.000Z warn  client gone id=3 user=anna resumed=false addresses=10.0.0.2/32,fd00::2/128\n',
    ])
  })

  it('leaves out what is below its level', () => {
    for (const [i, level] of LOG_LEVELS.entries()) {
      const { log, err } = captured({ level })
      for (const of of LOG_LEVELS) log[of]('x')
      expect(err).to.have.length(LOG_LEVELS.length - i)
    }
  })

  it('writes one JSON object per line on request, and lets no field hide what the line says', () => {
    const { log, err, out } = captured({ format: 'json' })
    log.error('broken', { level: 'info', message: 'fine', code: 7 })
    log.announce('connected', 'connected: 10.0.0.2', { addresses: ['10.0.0.2/32'] })
    expect(JSON.parse(err[0]!)).to.deep.equal({
      time: '1970-01-01T00:00:00.000Z',
      level: 'error',
      message: 'broken',
      code: 7,
    })
    expect(JSON.parse(out[0]!)).to.include({ event: 'connected' })
  })

  it('announces on standard output, whatever the level', () => {
    const { log, err, out } = captured({ level: 'error' })
    log.announce('connected', 'connected: 10.0.0.2 via 203.0.113.1:443', {})
    expect(out).to.deep.equal(['connected: 10.0.0.2 via 203.0.113.1:443\n'])
    expect(err).to.deep.equal([])
  })

  it('is one line per event whatever a peer says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('text' as const, 'json' as const), (text, format) => {
        const { log, err } = captured({ format })
        log.info(text, { reason: text })
        expect(err).to.have.length(1)
        expect(err[0]!.split(/[\n\r]/)).to.have.length(2)
        if (format === 'text') expect(err[0]!.slice(0, -1)).not.to.match(/[\u0000-\u001f\u007f-\u009f]/)
      }),
    )
  })

  it('has colours on a terminal only', () => {
    const plain = captured()
    plain.log.error('x', { a: 1 })
    expect(plain.err[0]).not.to.include('\u001b')
    const coloured = captured({ colour: true })
    coloured.log.error('x', { a: 1 })
    expect(coloured.err[0]).to.include('\u001b[31m')
  })
})
