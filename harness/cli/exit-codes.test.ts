import { expect } from 'chai'
import { BenchError, InterruptedError, MachineError, SubjectError, UsageError } from '../lab/errors.js'
import { ScenarioError } from '../scenario/problems.js'
import { EXIT, EXIT_CODE_HELP, exitCodeOf } from './exit-codes.js'

describe('exit codes', () => {
  it('follow the class of the error', () => {
    expect(exitCodeOf(new UsageError('x'))).to.equal(2)
    expect(exitCodeOf(new ScenarioError(['x']))).to.equal(2)
    expect(exitCodeOf(new MachineError('x'))).to.equal(3)
    expect(exitCodeOf(new SubjectError('x'))).to.equal(5)
    expect(exitCodeOf(new InterruptedError('x'))).to.equal(130)
    expect(exitCodeOf(new BenchError('x'))).to.equal(3)
    expect(exitCodeOf(new TypeError('x'))).to.equal(5)
    expect(exitCodeOf('x')).to.equal(5)
  })

  it('are all told in --help', () => {
    for (const code of Object.values(EXIT)) expect(EXIT_CODE_HELP).to.match(new RegExp(`^  ${code} `, 'm'))
  })
})
