import { expect } from 'chai'
import { MachineError, RefusedError, UsageError, VpnError } from './errors.js'
import { EXIT, EXIT_CODE_HELP, exitCodeOf } from './exit-codes.js'

describe('exit codes of mqvpn', () => {
  it('follow the class of the error', () => {
    expect(exitCodeOf(new VpnError('x'))).to.equal(1)
    expect(exitCodeOf(new UsageError('x'))).to.equal(2)
    expect(exitCodeOf(new MachineError('x'))).to.equal(3)
    expect(exitCodeOf(new RefusedError('x'))).to.equal(4)
    expect(exitCodeOf(new TypeError('x'))).to.equal(1)
    expect(exitCodeOf('x')).to.equal(1)
  })

  it('are all told in --help', () => {
    for (const code of Object.values(EXIT)) expect(EXIT_CODE_HELP).to.match(new RegExp(`^  ${code} `, 'm'))
  })
})
