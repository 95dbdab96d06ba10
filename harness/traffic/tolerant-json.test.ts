import { expect } from 'chai'
import fc from 'fast-check'
import { parseTolerant } from './tolerant-json.js'

describe('tolerant JSON', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const text = JSON.stringify(value)
        expect(parseTolerant(text)).to.deep.equal({ documents: [JSON.parse(text)], truncated: false })
        expect(parseTolerant(JSON.stringify(value, null, 2)).documents).to.deep.equal([JSON.parse(text)])
      }),
    )
  })

  it('finds each of several documents between prose', () => {
    expect(parseTolerant('a {"x":1} b {c} {"y":[2]}\n').documents).to.deep.equal([{ x: 1 }, { y: [2] }])
  })

  it('leaves nan alone inside strings', () => {
    expect(parseTolerant('{"nan":"-nan","x":-nan,"y":[inf,-Infinity,NaN]}').documents).to.deep.equal([
      { nan: '-nan', x: null, y: [null, null, null] },
    ])
  })

  it('keeps the complete part of a document that was cut off', () => {
    expect(parseTolerant('{"a":{"b":1},"c":[{"d":2},{"e":3},{"f":')).to.deep.equal({
      documents: [{ a: { b: 1 }, c: [{ d: 2 }, { e: 3 }] }],
      truncated: true,
    })
    expect(parseTolerant('{"a":"b\\"')).to.deep.equal({ documents: [], truncated: true })
  })

  it('is not misled by brackets that do not match', () => {
    expect(parseTolerant('{"a":[1}{"b":2}').documents).to.deep.equal([{ b: 2 }])
  })

  it('never throws', () => {
    const pieces = fc.array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', 'nan', '1', '"a"', ' '))
    fc.assert(fc.property(pieces, (words) => Array.isArray(parseTolerant(words.join('')).documents)))
  })
})
