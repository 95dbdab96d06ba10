import { expect } from 'chai'
import { Exposition } from './text.js'

describe('the text format of metrics', () => {
  it('names a family once, and keeps its samples together in whatever order they come', () => {
    const out = new Exposition()
    out.counter('a_total', 'First.', 1, { path: 0 })
    out.gauge('b', 'Second.', 2.5)
    out.counter('a_total', 'First.', 3, { path: 1 })
    expect(out.toString().split('\n')).to.deep.equal([
      '# HELP a_total First.',
      '# TYPE a_total counter',
      'a_total{path="0"} 1',
      'a_total{path="1"} 3',
      '# HELP b Second.',
      '# TYPE b gauge',
      'b 2.5',
      '',
    ])
  })

  it('escapes what a peer could have put into a label, and what a help text holds', () => {
    const out = new Exposition()
    out.gauge('a', 'One \\ two\nthree "four"', 1, { user: 'x"} 1\nb\\' })
    expect(out.toString().split('\n')).to.deep.equal([
      '# HELP a One \\\\ two\\nthree "four"',
      '# TYPE a gauge',
      'a{user="x\\"} 1\\nb\\\\"} 1',
      '',
    ])
  })

  it('leaves out what is not known, sample or label', () => {
    const out = new Exposition()
    out.gauge('a', 'A.', null)
    out.gauge('b', 'B.', undefined)
    out.gauge('c', 'C.', 1, { user: null, device: undefined })
    expect(out.toString()).to.equal('# HELP c C.\n# TYPE c gauge\nc 1\n')
  })

  it('writes numbers that JavaScript writes in another way', () => {
    const out = new Exposition()
    for (const [index, value] of [NaN, Infinity, -Infinity, 1e21, 1e-7].entries())
      out.gauge('a', 'A.', value, { index })
    const values = out.toString().trimEnd().split('\n').slice(2)
    expect(values.map((line) => line.split(' ')[1])).to.deep.equal(['NaN', '+Inf', '-Inf', '1e+21', '1e-7'])
  })
})
