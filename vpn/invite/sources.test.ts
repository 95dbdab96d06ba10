/** Where an invitation comes from, what it is beside flags, and the file that is made of it. */
import { expect } from 'chai'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RawSettings } from '../config/raw.js'
import { resolveSettings } from '../config/resolve.js'
import { UsageError } from '../errors.js'
import { inviteCommand } from './command.js'
import { parseInvitation } from './invitation.js'
import { qrCode } from './qr.js'
import { readInvitation } from './read.js'
import { withInvitation } from './settings.js'

const PIN = '3f'.repeat(32)
const URI = `mqvpn://vpn.example:4433?pin=${PIN}#a-key-that-is-secret`
const INVITATION = parseInvitation(URI)

async function* chunks(...texts: string[]): AsyncGenerator<string> {
  for (const text of texts) yield await Promise.resolve(text)
}
const failure = async (run: () => unknown): Promise<string> => {
  try {
    await run()
  } catch (error) {
    expect(error).to.be.instanceOf(UsageError)
    expect((error as Error).message).not.to.include('secret')
    return (error as Error).message
  }
  throw new Error('did not fail')
}

describe('where an invitation comes from', () => {
  let folder: string
  let warned: string[]
  const log = { warn: (text: string) => void warned.push(text) }
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mqvpn-invite-'))
    warned = []
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const file = (text: string, mode = 0o600): string => {
    const path = join(folder, 'invitation')
    writeFileSync(path, text)
    chmodSync(path, mode)
    return `@${path}`
  }

  it('is the command line, a file, or one line of standard input', async () => {
    expect(await readInvitation(URI, chunks(), log)).to.deep.equal(INVITATION)
    expect(await readInvitation(file(`\n${URI}\n\n`), chunks(), log)).to.deep.equal(INVITATION)
    const typed = chunks('\n', URI.slice(0, 9), `${URI.slice(9)}\nnever read`)
    expect(await readInvitation('-', typed, log)).to.deep.equal(INVITATION)
    expect(await readInvitation('-', chunks(URI), log)).to.deep.equal(INVITATION)
    expect(warned).to.deep.equal([])
  })

  it('is refused when it is missing, several, or open to everybody', async () => {
    const read = (given: string, ...typed: string[]) => failure(() => readInvitation(given, chunks(...typed), log))
    expect(await read('@')).to.match(/behind @ stands the name of the file/)
    expect(await read(`@${folder}/none`)).to.match(/none: there is no such file/)
    expect(await read(file(''))).to.match(/is empty/)
    expect(await read(file(`${URI}\n${URI}`))).to.match(/has several lines/)
    expect(await read(file(URI, 0o644))).to.match(/every user of this machine can read it or change it: chmod 600/)
    expect(await read('-')).to.match(/standard input: is empty/)
    expect(await read('-', 'x'.repeat(70_000))).to.match(/^the invitation has 70000 characters/)
    expect(await read('vpn.example')).to.match(/does not begin with mqvpn/)
  })

  it('takes server, pin and key from it, and everything else from flags', () => {
    const flags: RawSettings = { path: [{ value: 'eth0', origin: '--path' }] }
    const { settings } = resolveSettings('client', withInvitation(INVITATION, flags))
    expect(settings).to.deep.include({
      server: { address: 'vpn.example', port: 4433 },
      pin: PIN,
      authKey: 'a-key-that-is-secret',
      path: [{ device: 'eth0', backup: false }],
    })
  })

  it('takes what says the same, and refuses what contradicts it', async () => {
    const flags = (all: Record<string, string>): RawSettings =>
      Object.fromEntries(Object.entries(all).map(([key, value]) => [key, [{ value, origin: `--${key}` }]]))
    const same = flags({ server: 'VPN.example:4433', pin: PIN.toUpperCase(), authKey: 'a-key-that-is-secret' })
    expect(resolveSettings('client', withInvitation(INVITATION, same)).settings).to.have.property('pin', PIN)
    const other = flags({ server: 'vpn.example', pin: '00'.repeat(32), authKey: 'other-secret' })
    const told = await failure(() => withInvitation(INVITATION, other))
    expect(told.split('\n')).to.have.length(3)
    expect(told).to.match(/^--server and the invitation contradict each other: it has the server vpn\.example:4433/)
    expect(await failure(() => withInvitation(INVITATION, flags({ authKeyFile: '/k' })))).to.match(/^--authKeyFile and/)
    const insecure = withInvitation(INVITATION, flags({ insecure: 'true' }))
    expect(await failure(() => resolveSettings('client', insecure))).to.match(
      /--insecure and the invitation contradict/,
    )
  })

  it('becomes a file that only its owner reads, and never replaces one unasked', async () => {
    const write = join(folder, 'etc', 'client.conf')
    let printed = ''
    const run = (force = false) => inviteCommand({ write, force }, INVITATION, (text) => (printed += text))
    expect(run()).to.equal(0)
    expect(printed)
      .to.match(/^written: .*client\.conf/)
      .and.not.include('secret')
    expect(statSync(write).mode & 0o777).to.equal(0o600)
    expect(readFileSync(write, 'utf8')).to.include('Key = a-key-that-is-secret')
    writeFileSync(write, 'mine')
    expect(await failure(() => run())).to.match(/there is such a file already; --force replaces it/)
    expect(readFileSync(write, 'utf8')).to.equal('mine')
    expect(run(true)).to.equal(0)
    expect(readFileSync(write, 'utf8')).to.include('vpn.example:4433')
    expect(readdirSync(join(folder, 'etc'))).to.deep.equal(['client.conf'])
    expect(existsSync(`${write}.${process.pid}.tmp`)).to.equal(false)
  })

  it('fits into a terminal as a code, or is not shown as one', () => {
    const code = qrCode(URI, 80)!
    const rows = code.trimEnd().split('\n')
    // Side by side with its quiet zone; two modules in a line.
    const widths = new Set(rows.map((row) => row.replace(/\u001b\[[\d;]*m/g, '').length))
    expect(widths.size).to.equal(1)
    const [width = 0] = widths
    expect(rows.length).to.equal(Math.ceil(width / 2))
    expect(qrCode(URI, width - 1)).to.equal(null)
    // The upper left finder pattern begins behind the quiet zone.
    expect(rows[1]).to.include('  █▀▀▀▀▀█ ')
  })
})
