import { expect } from 'chai'
import { MachineError, VpnError } from './errors.js'
import { isPassing, setupError } from './setup-errors.js'
import { systemError } from './testing/fake-engines.js'

const setUp = { tunName: 'mqvpn0', listen: { address: '192.0.2.1', port: 443 } }

describe('set-up errors', () => {
  const cases: [code: string, said: string, text: RegExp, machine: boolean][] = [
    ['EPERM', 'cannot make a TUN device', /root.*CAP_NET_ADMIN.*sudo/, true],
    ['EADDRINUSE', 'cannot bind 192.0.2.1:443', /UDP port 443.*ss -ulpn.*--listen/, false],
    ['EADDRNOTAVAIL', 'cannot bind', /does not have the address 192\.0\.2\.1.*--listen/, false],
    ['EBUSY', 'cannot make mqvpn0', /mqvpn0 is in use.*--tun-name/, false],
    ['ENOENT', '/dev/net/tun does not exist', /modprobe tun/, true],
    ['ENOENT', 'no interface eth9', /^no interface eth9$/, false],
    ['EOTHER', 'strange', /^strange$/, false],
  ]
  for (const [code, said, text, machine] of cases) {
    it(`say what to do about ${code}: ${said}`, () => {
      const error = setupError(systemError(code, said), setUp)
      expect(error).to.be.instanceOf(machine ? MachineError : VpnError)
      expect(error instanceof MachineError).to.equal(machine)
      expect(error.message).to.match(text)
    })
  }

  it('pass, or do not', () => {
    expect(isPassing(systemError('ENETUNREACH', 'x'))).to.equal(true)
    expect(isPassing(systemError('ENODEV', 'x'))).to.equal(true)
    expect(isPassing(systemError('EPERM', 'x'))).to.equal(false)
    expect(isPassing(new TypeError('x'))).to.equal(false)
  })
})
