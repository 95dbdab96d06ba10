import { expect } from 'chai'
import fc from 'fast-check'
import { JsonError, parseJson, positionIn, type JsonNode } from './json-text.js'

/** As JSON.parse has it. */
function plain(node: JsonNode): unknown {
  switch (node.type) {
    case 'string':
    case 'boolean':
      return node.value
    case 'number':
      return Number(node.text)
    case 'null':
      return null
    case 'array':
      return node.items.map(plain)
    case 'object':
      return Object.fromEntries(node.members.map(({ key, value }) => [key, plain(value)]))
  }
}

/** Where it is wrong and why, or null. */
function problem(text: string): string | null {
  try {
    parseJson(text)
    return null
  } catch (error) {
    expect(error).to.be.instanceOf(JsonError)
    const { at, message } = error as JsonError
    const { line, column } = positionIn(text, at)
    return `${line}:${column} ${message}`
  }
}

describe('JSON', () => {
  it('is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), (text) => {
        expect(plain(parseJson(text))).to.deep.equal(JSON.parse(text))
      }),
    )
  })

  it('is taken and refused as by JSON.parse, whatever the text', () => {
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom(...Array.from('{}[]",:\\untrfalse0123.-+eE \n\t')), maxLength: 30 }),
      fc.tuple(fc.json(), fc.nat(), fc.string({ maxLength: 2 })).map(([json, at, more]) => {
        const place = at % (json.length + 1)
        return json.slice(0, place) + more + json.slice(place + 1)
      }),
    )
    fc.assert(
      fc.property(text, (input) => {
        let expected = true
        try {
          JSON.parse(input)
        } catch {
          expected = false
        }
        expect(problem(input) === null, JSON.stringify(input)).to.equal(expected)
      }),
      { numRuns: 3000 },
    )
  })

  it('knows where everything stands', () => {
    const text = '{\r\n  "a": [1,\n true]}'
    const top = parseJson(text)
    if (top.type !== 'object') throw new Error('no object')
    expect(positionIn(text, top.members[0]!.at)).to.deep.equal({ line: 2, column: 3 })
    const list = top.members[0]!.value
    if (list.type !== 'array') throw new Error('no array')
    expect(list.items.map(({ at }) => positionIn(text, at))).to.deep.equal([
      { line: 2, column: 9 },
      { line: 3, column: 2 },
    ])
  })

  const wrong: [text: string, message: string][] = [
    ['', '1:1 the file ends where a value is missing'],
    ['{"a": 1', '1:8 the file ends where a , or } is missing'],
    ['{\n  "a": 1,\n}', '3:1 after a comma goes a key in "quotes"; take the last comma away'],
    ['{"a": [1,]}', '1:10 after a comma goes a value; take the last comma away'],
    ['{"a": 1\n "b": 2}', '2:2 here goes a , or }; a comma is missing before this'],
    ['{a: 1}', '1:2 here goes a key in "quotes" or }'],
    ["{'a': 1}", '1:2 here goes a key in "quotes" or }; texts are in "double quotes"'],
    ['{"a" 1}', '1:6 here goes a : after the key'],
    ['{"a": yes}', '1:7 here goes a value'],
    ['{ // why\n}', '1:3 JSON has no comments; an INI file has'],
    ['{"a": "b\n"}', '1:9 a text ends in the line in which it begins; a " is missing'],
    ['{"a": "b', '1:7 this text has no end; a " is missing'],
    ['{"a": "C:\\x"}', '1:7 this text has a \\ before something that needs none; a \\ itself is written \\\\'],
    ['{} {}', '1:4 there is something after the end'],
    ['01', '1:1 here goes a value'],
    ['['.repeat(100), '1:34 is nested more than 32 deep'],
  ]
  for (const [text, message] of wrong) {
    it(`says of ${JSON.stringify(text.slice(0, 20))} where it is wrong and why`, () => {
      expect(problem(text)).to.equal(message)
    })
  }

  it('of a size that a wrong file may have is judged in a moment', () => {
    for (const text of [
      `{${' '.repeat(1e6)}`,
      `"${'\\'.repeat(1e6)}`,
      `[${'1,'.repeat(5e5)}`,
      '"'.repeat(1e6),
      '1'.repeat(1e6),
    ]) {
      const start = performance.now()
      problem(text)
      expect(performance.now() - start).to.be.below(5000)
    }
  })
})
