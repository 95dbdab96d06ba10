import { expect } from 'chai'
import fc from 'fast-check'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseProbeRecords, readProbeRecords } from './probe-records.js'

const HEADER =
  '# mqvpn-probe 1 {"role":"serve","protocol":"tcp","intervalUs":10000,"sizeBytes":200,"session":"18446744073709551615",' +
  '"startNs":1000000,"endNs":9000000,"skipped":3,"foreign":4,"overflow":0,"scheduling":"rr","receiveClock":"user"}\n'
const TEXT =
  HEADER +
  's 0 1000000 0 7000\ns 1 2000000 101 0\nr 5 1500000 2500000 3\nr 4 1400000 2600000 0\nb 8000000 104\n# end 2 2 1\n'

describe('probe records', () => {
  it('reads a whole file, in ms', () => {
    const records = parseProbeRecords(TEXT)
    expect(records.header).to.deep.include({ role: 'serve', protocol: 'tcp', intervalUs: 10_000, skipped: 3 })
    expect(records.sent).to.deep.equal([
      { seq: 0, txMs: 1, error: 0, lateMs: 0.007 },
      { seq: 1, txMs: 2, error: 101, lateMs: 0 },
    ])
    expect(records.received).to.deep.equal([
      { seq: 5, txMs: 1.5, rxMs: 2.5, lateMs: 0.000003 },
      { seq: 4, txMs: 1.4, rxMs: 2.6, lateMs: 0 },
    ])
    expect(records.breaks).to.deep.equal([{ atMs: 8, error: 104 }])
    expect([records.complete, records.garbage]).to.deep.equal([true, 0])
  })

  it('cut off at any byte: keeps every whole line, never half of one', () => {
    const whole = parseProbeRecords(TEXT)
    for (let length = 0; length < TEXT.length; ++length) {
      const part = parseProbeRecords(TEXT.slice(0, length))
      const lines = TEXT.slice(0, length).split('\n').length - 1
      expect(part.complete).to.equal(false)
      expect(part.garbage).to.equal(0)
      expect(part.sent).to.deep.equal(whole.sent.slice(0, Math.max(0, lines - 1)))
      expect(part.received).to.deep.equal(whole.received.slice(0, Math.max(0, lines - 3)))
      expect(part.header === null).to.equal(lines === 0)
    }
  })

  it('is not complete when lines are missing, strange, or follow the end', () => {
    expect(parseProbeRecords(TEXT.replace('s 1 2000000 101 0\n', '')).complete).to.equal(false)
    expect(parseProbeRecords(TEXT.replace('r 5', 'r x'))).to.deep.include({ complete: false, garbage: 1 })
    expect(parseProbeRecords(TEXT + 's 2 3 0 0\n').complete).to.equal(false)
    expect(parseProbeRecords(TEXT.replace(HEADER, ''))).to.deep.include({ complete: false, header: null })
    expect(parseProbeRecords(TEXT.replace('probe 1', 'probe 2')).header).to.equal(null)
  })

  it('takes any text', () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom(...TEXT.split('\n')),
      fc.constant('r 1 2'),
      fc.constant('s 1 2 3 nan'),
    )
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const { sent, received } = parseProbeRecords(lines.join('\n'))
        expect([...sent, ...received].flatMap(Object.values).every(Number.isFinite)).to.equal(true)
      }),
    )
  })

  it('reads a large file in pieces', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mqvpn-records-'))
    try {
      const file = join(folder, 'probe.txt')
      const lines = Array.from({ length: 30_000 }, (_, seq) => `s ${seq} ${seq}000000 0 0\n`)
      writeFileSync(file, HEADER + lines.join('') + '# end 30000 0 0\n')
      const records = await readProbeRecords(file)
      expect(records.complete).to.equal(true)
      expect(records.sent.at(-1)).to.deep.equal({ seq: 29_999, txMs: 29_999, error: 0, lateMs: 0 })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('says when there is no file', async () => {
    const failure = await readProbeRecords('/nonexistent/probe.txt').catch((error: unknown) => error)
    expect(String(failure)).to.contain('ENOENT')
  })
})
