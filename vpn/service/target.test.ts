import { expect } from 'chai'
import { UsageError } from '../errors.js'
import { PLACES, targetOf } from './target.js'

describe('which client is meant', () => {
  it('a name is a file, a unit, a pid file and a log', () => {
    expect(targetOf('work-1', PLACES)).to.deep.equal({
      name: 'work-1',
      file: '/etc/mqvpn/work-1.conf',
      unit: 'mqvpn-client@work-1.service',
      pidFile: '/run/mqvpn/work-1.pid',
      logFile: '/var/log/mqvpn/work-1.log',
    })
  })

  it('a path is that file, for which there is no unit', () => {
    expect(targetOf('/tmp/x/home.conf', PLACES)).to.include({ name: 'home', file: '/tmp/x/home.conf', unit: null })
    expect(targetOf('./home.conf', PLACES).file).to.equal(`${process.cwd()}/home.conf`)
  })

  for (const text of ['', '..', '-x', 'a b', 'a\n', 'x'.repeat(65), '../', '/tmp/a b.conf', 'home.conf']) {
    it(`refuses ${JSON.stringify(text.slice(0, 20))}`, () => expect(() => targetOf(text, PLACES)).to.throw(UsageError))
  }
})
