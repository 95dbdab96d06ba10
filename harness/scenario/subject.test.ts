import { expect } from 'chai'
import { defineScenario } from './define.js'
import { fillPlaceholders, placeholderProblem } from './placeholders.js'
import { subjects, type SubjectInput } from './subject-input.js'
import { traffic } from './traffic.js'

const resolve = (list: SubjectInput<'a' | 'b'>[]) =>
  defineScenario({
    name: 'x',
    description: 'x',
    paths: { a: { rate: 'unlimited' }, b: { rate: 'unlimited' } },
    subjects: list,
    traffic: { bulk: traffic.iperf({ direction: 'up', duration: '1s' }) },
  }).subjects

describe('subjects', () => {
  it('begin with direct over every path, listed or not', () => {
    const direct = { kind: 'direct', options: {} }
    const expected = [
      { ...direct, id: 'direct:a', label: 'direct a', paths: ['a'] },
      { ...direct, id: 'direct:b', label: 'direct b', paths: ['b'] },
    ]
    expect(resolve([])).to.deep.equal(expected)
    expect(resolve([subjects.direct(), subjects.direct({ path: 'b' })])).to.deep.equal(expected)
  })

  it('are called after their kind and the paths that were chosen', () => {
    const found = resolve([
      subjects.mptcp(),
      subjects.mptcp({ paths: ['b', 'a'] }),
      subjects.wireguardGo(),
      subjects.wireguardGo({ path: 'b' }),
      subjects.mqvpn(),
      subjects.mqvpn({ path: 'a' }),
      subjects.mqvpn({ paths: ['a', 'b'], scheduler: 'minrtt' }),
      subjects.mqvpn({ scheduler: 'wlb', cc: 'cubic' }),
      subjects.fastd({ name: 'fastd-null', method: 'null' }),
    ]).slice(2)
    expect(found.map(({ id, label, paths }) => [id, label, paths.join(' ')])).to.deep.equal([
      ['mptcp', 'mptcp', 'a b'],
      ['mptcp:b+a', 'mptcp on b + a', 'b a'],
      ['wireguard-go', 'wireguard-go', 'a'],
      ['wireguard-go:b', 'wireguard-go on b', 'b'],
      ['mqvpn', 'mqvpn', 'a b'],
      ['mqvpn:a', 'mqvpn on a', 'a'],
      ['mqvpn:a+b:minrtt', 'mqvpn minrtt on a + b', 'a b'],
      ['mqvpn:wlb:cubic', 'mqvpn wlb cubic', 'a b'],
      ['fastd-null', 'fastd-null', 'a'],
    ])
    expect(found.at(-1)!.options).to.deep.equal({ method: 'null' })
  })

  it('carry the options of their kind, complete', () => {
    const side = { start: ['vpn', '{client.dev.a}'], ready: { device: 'tun0' } }
    const [openvpn, mqvpn, command] = resolve([
      subjects.openvpn(),
      subjects.mqvpn({ cc: 'none' }),
      subjects.command({ name: 'vpn', server: side, client: { ...side, stop: 'vpn stop' }, target: '10.9.0.1' }),
    ]).slice(2)
    expect(openvpn!.options).to.deep.equal({ cipher: 'AES-128-GCM' })
    expect(mqvpn!.options).to.deep.equal({ scheduler: null, cc: 'none' })
    expect(command).to.deep.equal({
      id: 'vpn',
      kind: 'command',
      label: 'vpn',
      paths: ['a', 'b'],
      options: {
        version: null,
        server: side,
        client: { ...side, stop: 'vpn stop' },
        target: '10.9.0.1',
        device: null,
        udp: true,
      },
    })
  })
})

describe('placeholders', () => {
  it('are replaced; doubled braces stand for one, a shell variable for itself', () => {
    const values = { port: '4433', 'client.dev.a': 'a' }
    expect(fillPlaceholders('x {port} {client.dev.a} {{port}} ${HOME} {print $1}', values)).to.equal(
      'x 4433 a {port} ${HOME} {print $1}',
    )
    expect(() => fillPlaceholders('{lab}', values)).to.throw(TypeError, '{lab} has no value')
  })

  it('are checked against the paths', () => {
    expect(placeholderProblem('{server.address} {client.address6.b} ${x} {{y}}', ['a', 'b'])).to.equal(null)
    expect(placeholderProblem('{sever.address}', ['a'])).to.include('did you mean "server.address"?')
  })
})
