import { expect } from 'chai'
import { allowServers, killSwitchKind, killSwitchRules, planKillSwitch } from './kill-switch.js'
import { Nft } from './nft.js'

const NOTE = {
  tunName: 'mqvpn0',
  servers: [
    { address: '192.0.2.1', port: 443 },
    { address: '::ffff:192.0.2.1', port: 443 },
    { address: 'fe80::1%eth0', port: 4433 },
  ],
  paths: [] as string[],
}

const texts = (note = NOTE) => killSwitchRules(note).map((command) => JSON.stringify(command))

describe('kill switch', () => {
  it('drops by policy what leaves and what is forwarded, in one table of both families', () => {
    const chains = texts().filter((text) => text.includes('"chain":{'))
    expect(chains).to.have.length(2)
    for (const [index, hook] of ['output', 'forward'].entries()) {
      expect(chains[index])
        .to.contain(`"hook":"${hook}"`)
        .and.to.contain('"policy":"drop"')
        .and.to.contain('"family":"inet"')
    }
  })

  it('knows nothing of connections of before, nor of DNS', () => {
    expect(texts().join('\n')).to.not.match(/"ct"|established|"right":53\b/)
  })

  it('has each server once, as packets have its address', () => {
    const [v4, v6, ...more] = texts().filter((text) => text.includes('"set":{"family"'))
    expect(more).to.deep.equal([])
    expect(v4).to.contain('"elem":[{"concat":["192.0.2.1",443]}]')
    expect(v6).to.contain('"elem":[{"concat":["fe80::1",4433]}]')
    expect(texts({ ...NOTE, servers: [] }).join('')).to.not.contain('elem')
  })

  it('lets the server be reached from the paths that are named, or from all but the TUN', () => {
    const toServer = (paths: string[]) => texts({ ...NOTE, paths }).filter((text) => text.includes('"@servers'))
    expect(toServer([])).to.have.length(2)
    for (const text of toServer([])) {
      expect(text).to.contain('"op":"!=","left":{"meta":{"key":"oifname"}},"right":"mqvpn0"')
      expect(text).to.not.contain('{"set":[')
    }
    for (const text of toServer(['eth0', 'wlan0', 'eth0'])) expect(text).to.contain('{"set":["eth0","wlan0"]}')
  })

  it('refuses what is no address, port or device, before anything is done', async () => {
    const nft = new Nft(() => expect.fail('nft was run'))
    const refusal = (change: Partial<typeof NOTE>) =>
      killSwitchKind(nft)
        .apply({ ...NOTE, ...change })
        .then(
          () => 'done',
          (error: unknown) => (error as Error).message,
        )
    expect(await refusal({ servers: [{ address: 'vpn.example', port: 443 }] })).to.match(
      /"vpn\.example" is no IP address/,
    )
    expect(await refusal({ servers: [{ address: '192.0.2.1', port: 0 }] })).to.match(/port 0 is none/)
    expect(await refusal({ paths: ['eth*'] })).to.match(/cannot be the name of a device/)
    expect(await refusal({ tunName: '@x' })).to.match(/cannot be the name of a device/)
  })

  it('replaces itself in one transaction, and is undone by its name alone', async () => {
    const committed: string[] = []
    const nft = new Nft((args) => {
      if (args[0] === '-j') committed.push(args[1]!)
      return Promise.resolve({ code: 0, stdout: '', stderr: '' })
    })
    await killSwitchKind(nft).apply(await planKillSwitch(NOTE, nft))
    await allowServers({ ...NOTE, servers: [{ address: '192.0.2.9', port: 1 }] }, nft)
    await killSwitchKind(nft).undo({ tunName: 'mqvpn0', servers: 'later' } as never)
    expect(committed).to.have.length(3)
    expect(committed[1]).to.contain('192.0.2.9').and.to.not.contain('192.0.2.1"')
    const table = { table: { family: 'inet', name: 'mqvpn_kill_mqvpn0' } }
    expect(JSON.parse(committed[2]!)).to.deep.equal({ nftables: [{ add: table }, { delete: table }] })
  })
})
