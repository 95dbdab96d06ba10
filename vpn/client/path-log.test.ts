import { expect } from 'chai'
import { PathLog } from './path-log.js'

describe('the log of paths', () => {
  const wifi = (state: string, cause = '') => ({ path: 0, device: 'wlan0', state, cause })
  const lte = (state: string, cause = '') => ({ path: 1, device: 'wwan0', state, cause })

  it('says what happened, why, and what carries the traffic now', () => {
    const log = new PathLog()
    expect(log.line(wifi('active'), 0)).to.deep.equal({ level: 'info', message: 'path wlan0 is active' })
    expect(log.line(lte('standby'), 0)?.message).to.equal('path wwan0 stands by')
    expect(log.line(wifi('down', 'no carrier'), 0)).to.deep.equal({
      level: 'warn',
      message: 'path wlan0 is down: no carrier; traffic goes over wwan0',
    })
    expect(log.line(lte('silent', 'no answer'), 0)?.message).to.equal(
      'path wwan0 is silent: no answer; no other path works',
    )
    expect(log.line(wifi('waiting', 'no answer over it; next try in 1 s'), 0)?.message).to.equal(
      'path wlan0 does not work: no answer over it; next try in 1 s; no other path works',
    )
  })

  it('calls a path without an interface the network', () => {
    const log = new PathLog()
    expect(
      log.line({ path: 0, device: null, state: 'active', cause: 'the connection moved here' }, 0)?.message,
    ).to.equal('the network is active: the connection moved here')
  })

  it('promises nothing that only the last connection had', () => {
    const log = new PathLog()
    log.line(lte('active'), 0)
    log.restart()
    expect(log.line(wifi('down', 'no carrier'), 0)?.message).to.match(/no other path works$/)
  })

  it('leaves the steps on the way to those who debug', () => {
    const log = new PathLog()
    for (const state of ['waiting', 'connecting', 'opening']) expect(log.line(wifi(state), 0)?.level).to.equal('debug')
  })

  it('shows a flapping link a few times per while, and how often it was silent about it', () => {
    const log = new PathLog()
    const shown = [...Array(100).keys()].filter((i) => log.line(wifi(i % 2 ? 'active' : 'down'), i * 10) !== null)
    expect(shown).to.have.length(6)
    // Another link is not to blame.
    expect(log.line(lte('active'), 1000)).to.not.equal(null)
    expect(log.line(wifi('active'), 20_000)?.message).to.equal('path wlan0 is active (94 changes before are not shown)')
  })
})
