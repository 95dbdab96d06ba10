import { expect } from 'chai'
import type { Log } from '../log.js'
import { closedForwarding } from './forward-chains.js'
import { natKind, natRules, planNat } from './nat.js'
import { Nft, type NftResult } from './nft.js'

const NOTE = { tunName: 'mqvpn0', subnet: '10.0.0.0/24', subnet6: 'fd00::/112' }

/** An nft that knows a ruleset, and what it was told. */
function fake(ruleset: unknown[] = [], commit: Partial<NftResult> = {}) {
  const committed: { nftables: Record<string, unknown>[] }[] = []
  const nft = new Nft((args) => {
    if (args.includes('list'))
      return Promise.resolve({ code: 0, stdout: JSON.stringify({ nftables: ruleset }), stderr: '' })
    if (args[0] === '-j') committed.push(JSON.parse(args[1]!) as (typeof committed)[0])
    return Promise.resolve({ code: 0, stdout: '', stderr: '', ...commit })
  })
  return { nft, committed }
}

function logTo(lines: string[]): Log {
  const add = (message: string) => void lines.push(message)
  return { debug: () => undefined, info: add, warn: add, error: add, announce: () => undefined }
}

const forward = (more: Record<string, unknown>) => ({
  chain: {
    family: 'ip',
    table: 'filter',
    name: 'FORWARD',
    type: 'filter',
    hook: 'forward',
    prio: 0,
    policy: 'accept',
    ...more,
  },
})

describe('address translation', () => {
  it('masquerades each family that there is, past the TUN and loopback', () => {
    const texts = (note: typeof NOTE | { tunName: string; subnet: string }) =>
      natRules(note)
        .map((command) => JSON.stringify(command))
        .filter((text) => text.includes('masquerade'))
    const [v4, v6, ...more] = texts(NOTE)
    expect(more).to.deep.equal([])
    expect(v4).to.contain('{"op":"!=","left":{"meta":{"key":"oifname"}},"right":{"set":["mqvpn0","lo"]}}')
    expect(v4).to.contain('{"protocol":"ip","field":"saddr"}').and.to.contain('{"addr":"10.0.0.0","len":24}')
    expect(v6).to.contain('{"protocol":"ip6","field":"saddr"}').and.to.contain('{"addr":"fd00::","len":112}')
    expect(texts({ tunName: 'x', subnet: '10.0.0.0/24' })).to.have.length(1)
  })

  it('makes and removes its table in one transaction each', async () => {
    const { nft, committed } = fake()
    const kind = natKind(logTo([]), nft)
    await kind.apply(await planNat(NOTE, nft))
    await kind.undo(NOTE)
    expect(committed).to.have.length(2)
    const table = { table: { family: 'inet', name: 'mqvpn_mqvpn0' } }
    expect(committed[1]).to.deep.equal({ nftables: [{ add: table }, { delete: table }] })
  })

  it('warns of a forward chain of others that drops, with the rule to add', async () => {
    const lines: string[] = []
    const { nft } = fake([forward({ policy: 'drop' }), forward({ family: 'ip6', policy: 'drop' })])
    await natKind(logTo(lines), nft).apply({ tunName: 'mqvpn0', subnet: '10.0.0.0/24' })
    // Without IPv6 clients that of IPv6 is nobody's business.
    expect(lines).to.have.length(1)
    expect(lines[0]).to.contain('(ip filter FORWARD)')
    expect(lines[0]).to.contain('`iptables -I FORWARD -i mqvpn0 -j ACCEPT; iptables -I FORWARD -o mqvpn0 -j ACCEPT`')
  })

  it('does not fail when the other rules cannot be read', async () => {
    const nft = new Nft((args) => Promise.resolve({ code: args.includes('list') ? 1 : 0, stdout: '', stderr: 'no' }))
    await natKind(logTo([]), nft).apply(NOTE)
  })

  it('says what cannot be done', async () => {
    const { nft } = fake([], { code: 1, stderr: 'Error: busy' })
    const message = (promise: Promise<void>) =>
      promise.then(
        () => 'done',
        (error: unknown) => (error as Error).message,
      )
    expect(await message(natKind(logTo([]), nft).apply(NOTE))).to.match(
      /^address translation cannot be set up: nft: Error: busy/,
    )
    expect(await message(natKind(logTo([]), nft).undo(NOTE))).to.match(/^address translation cannot be removed: nft/)
    expect(await message(natKind(logTo([]), nft).undo({} as never))).to.match(/cannot be understood/)
  })
})

describe('forward chains of others', () => {
  const rule = (...expr: unknown[]) => ({ rule: { family: 'ip', table: 'filter', chain: 'FORWARD', expr } })
  const found = (...ruleset: unknown[]) => closedForwarding(ruleset as never, 'mqvpn0')

  it('are closed by policy, or by a last rule that takes everything', () => {
    expect(found(forward({}))).to.deep.equal([])
    expect(found(forward({ hook: 'input', policy: 'drop' }))).to.deep.equal([])
    expect(found(forward({ policy: 'drop' }))).to.have.length(1)
    expect(found(forward({}), rule({ accept: null }), rule({ counter: {} }, { reject: null }))).to.have.length(1)
    expect(found(forward({}), rule({ match: {} }, { drop: null }))).to.deep.equal([])
  })

  it('are open when a rule accepts the device, and our own are not meant', () => {
    const accept = rule({ match: { op: '==', left: { meta: { key: 'iifname' } }, right: 'mqvpn0' } }, { accept: null })
    expect(found(forward({ policy: 'drop' }), accept)).to.deep.equal([])
    expect(found(forward({ family: 'inet', table: 'mqvpn_kill_x', policy: 'drop' }))).to.deep.equal([])
  })

  it('are opened as their owners do it', () => {
    const todo = (more: Record<string, unknown>) => found(forward({ policy: 'drop', ...more }))[0]?.todo
    expect(todo({ family: 'ip6' })).to.contain('ip6tables -I FORWARD')
    expect(todo({ family: 'inet', table: 'firewalld' })).to.equal(
      '`firewall-cmd --zone=trusted --add-interface=mqvpn0`',
    )
    expect(todo({ family: 'inet', name: 'fwd' })).to.contain('nft insert rule inet filter fwd iifname mqvpn0 accept')
  })
})
