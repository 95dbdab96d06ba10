import { expect } from 'chai'
import { MachineError } from '../errors.js'
import { expectDevice, Nft, removeTable, replaceTable, nftRunner, tableName, type NftResult } from './nft.js'

const answering = (result: Partial<NftResult>) =>
  new Nft(() => Promise.resolve({ code: 1, stdout: '', stderr: '', ...result }))

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail('it succeeded'),
    (error: unknown) => error as Error,
  )
}

describe('nft', () => {
  it('names the package when there is no nft', async () => {
    for (const use of [
      (nft: Nft) => nft.commit('no NAT', []),
      (nft: Nft) => nft.expectHere(),
      (nft: Nft) => nft.ruleset('firewall'),
    ]) {
      const error = await failureOf(use(answering({ code: 127, missing: true })))
      expect(error).to.be.instanceOf(MachineError)
      expect(error.message).to.match(/install the package nftables/)
    }
  })

  it('says what to do about missing rights and a kernel without nftables', async () => {
    const rights = await failureOf(
      answering({ stderr: 'Error: Operation not permitted (you must be root)\nmore' }).commit('no NAT', []),
    )
    expect(rights).to.be.instanceOf(MachineError)
    expect(rights.message).to.equal(
      'no NAT: nft: Error: Operation not permitted (you must be root); run mqvpn as root, or give it CAP_NET_ADMIN',
    )
    const kernel = await failureOf(
      answering({ stderr: 'netlink: Error: cache initialization failed: Protocol not supported' }).commit('x', []),
    )
    expect(kernel).to.be.instanceOf(MachineError)
    expect(kernel.message).to.contain('modprobe')
  })

  it('hands on what nft says, or with which code it ended', async () => {
    expect(
      (await failureOf(answering({ stderr: 'internal:0:0-0: Error: No such file' }).commit('x', []))).message,
    ).to.equal('x: nft: internal:0:0-0: Error: No such file; `nft list ruleset` shows what is there')
    expect((await failureOf(answering({ code: 139 }).commit('x', []))).message).to.contain('nft ended with 139')
    expect((await failureOf(answering({ code: 0, stdout: 'table' }).ruleset('x'))).message).to.contain('is no JSON')
  })

  it('gives everything to one nft, as JSON', async () => {
    const calls: (readonly string[])[] = []
    const nft = new Nft((args) => {
      calls.push(args)
      return Promise.resolve({ code: 0, stdout: '', stderr: '' })
    })
    await nft.commit('x', replaceTable('t', []))
    expect(calls).to.have.length(1)
    expect(calls[0]!.slice(0, -1)).to.deep.equal(['-j'])
    const table = { table: { family: 'inet', name: 't' } }
    expect(JSON.parse(calls[0]!.at(-1)!)).to.deep.equal({
      nftables: [{ add: table }, { delete: table }, { add: table }],
    })
    expect(removeTable('t')).to.deep.equal([{ add: table }, { delete: table }])
  })

  it('finds out that a program is missing, or ends with an error', async () => {
    expect(await nftRunner('/nonexistent/nft')([])).to.include({ missing: true })
    expect(await nftRunner('sh')(['-c', 'cat; echo yes; echo no >&2; exit 3'])).to.deep.equal({
      code: 3,
      stdout: 'yes',
      stderr: 'no',
      missing: false,
    })
  })

  it('names tables in letters, digits and _, and never two instances alike', () => {
    expect(tableName('mqvpn_', 'mqvpn0')).to.equal('mqvpn_mqvpn0')
    const names = ['a-b', 'a.b', 'a_b', 'ab', 'a_2db', 'a__b', 'A-b', 'ä', '"; flush ruleset'.slice(3, 9)]
    const tables = names.map((name) => tableName('mqvpn_kill_', name.replaceAll(' ', '-')))
    expect(new Set(tables).size).to.equal(names.length)
    for (const table of tables) expect(table).to.match(/^mqvpn_kill_\w+$/)
  })

  it('refuses names that would be more than one device in a rule', () => {
    for (const name of ['eth*', '*', '@servers', 'a b', 'a/b', '"', '$x', '', 'sixteen-letters.']) {
      expect(() => expectDevice(name), name).to.throw(/cannot be the name of a device in a firewall rule/)
    }
    for (const name of ['eth0', 'eth0.100', 'br-lan', 'wlp3s0_x', 'fifteen-letters'])
      expect(expectDevice(name)).to.equal(name)
  })
})
