import { expect } from 'chai'
import { UsageError } from '../lab/errors.js'
import type { Lab } from '../lab/lab.js'
import { pathAddresses } from '../lab/addressing.js'
import { placeholderNames } from '../scenario/placeholders.js'
import type { SubjectSpec } from '../scenario/types.js'
import { argvOf, fill, placeholderValues, programOf } from './command-line.js'
import { command } from './command.js'

const lab = {
  id: 'mqb1-1',
  paths: new Map([
    ['a', { addresses: pathAddresses(1), client4: '10.100.1.2', client6: 'fd00:100:1::2' }],
    ['b', { addresses: pathAddresses(2), client4: '10.100.2.3', client6: 'fd00:100:2::3' }],
  ]),
} as unknown as Lab
const values = placeholderValues(lab, '/w')

describe('command subjects', () => {
  it('have a value for every placeholder that the scenario allows', () => {
    expect(Object.keys(values).sort()).to.deep.equal(placeholderNames(['a', 'b']).sort())
  })

  it('get addresses, devices and the work folder', () => {
    const text = '--server {server.address}:{port} --path {client.dev.a} --from {client.address.b} {workdir}/x {{y}}'
    expect(fill(text, values, 's')).to.equal('--server 10.100.0.1:4433 --path a --from 10.100.2.3 /w/x {y}')
  })

  it('are refused when a placeholder has no value, with the list of those that have', () => {
    expect(() => fill('{server.address.c}', values, 'other'))
      .to.throw(UsageError)
      .with.property('message')
      .that.matches(/^subject other: .*\{server\.address\.c\}.*known: .*\{server\.address\.a\}/)
  })

  it('run lists as they are', () => {
    expect(argvOf(['vpn', '--lab', '{lab}', 'a b'], values, 's')).to.deep.equal(['vpn', '--lab', 'mqb1-1', 'a b'])
  })

  it('run simple lines without a shell in between, others by the shell', () => {
    expect(argvOf('vpn -c {workdir}/c', values, 's')).to.deep.equal(['sh', '-c', 'exec vpn -c /w/c'])
    for (const line of ['cd /w && vpn', 'KEY=1 vpn', 'vpn; true', 'vpn > log', 'vpn `id`', 'set -e', 'vpn\nvpn']) {
      expect(argvOf(line, values, 's')).to.deep.equal(['sh', '-c', line])
    }
  })

  it('tell their program where that is possible', () => {
    expect(programOf('vpn -c x')).to.equal('vpn')
    expect(programOf(['/opt/vpn'])).to.equal('/opt/vpn')
    expect(programOf('cd /w && vpn')).to.equal(null)
    expect(programOf('{workdir}/vpn')).to.equal(null)
  })

  it('are missing when their program is', async () => {
    const side = { start: 'no-such-vpn --up', ready: 'true' }
    const spec = { id: 'x', kind: 'command', label: 'x', paths: [], options: { client: side, server: side } }
    const unsupported = await command.supports(spec as unknown as SubjectSpec, {} as never)
    expect(unsupported?.status).to.equal('missing')
    expect(unsupported?.reason).to.contain('no-such-vpn')
  })
})
