import { expect } from 'chai'
import { X509Certificate, createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UsageError, VpnError } from '../errors.js'
import { givenCertificate, ownCertificate, selfSigned } from './certificate.js'

const NOW = new Date('2026-03-01T12:00:00Z')
const later = (years: number) => new Date(NOW.getTime() + years * 365.25 * 86400_000)

describe('certificates', () => {
  let folder: string
  let warnings: string[]
  const log = { warn: (message: string) => void warnings.push(message) }
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mqvpn-cert-'))
    warnings = []
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const failure = async (run: () => unknown): Promise<Error> => {
    try {
      await run()
    } catch (error) {
      return error as Error
    }
    throw new Error('did not fail')
  }

  describe('that are made', () => {
    const make = (now = NOW, names = ['vpn-host', '192.0.2.1', '2001:db8::1']) =>
      ownCertificate(join(folder, 'state'), names, now, log)

    it('are P-256, self-signed, for ten years, for the names and addresses, for servers only', async () => {
      const { certFile, created, pin } = await make()
      expect(created).to.equal(true)
      const certificate = new X509Certificate(readFileSync(certFile))
      expect(certificate.publicKey.asymmetricKeyDetails).to.deep.equal({ namedCurve: 'prime256v1' })
      expect(certificate.verify(certificate.publicKey)).to.equal(true)
      expect(certificate.ca).to.equal(false)
      expect(certificate.subject).to.equal('CN=vpn-host')
      expect(certificate.subjectAltName).to.equal('DNS:vpn-host, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1')
      expect(certificate.checkHost('vpn-host')).to.equal('vpn-host')
      expect(certificate.checkIP('192.0.2.1')).to.equal('192.0.2.1')
      expect(certificate.keyUsage).to.deep.equal(['1.3.6.1.5.5.7.3.1'])
      expect(new Date(certificate.validFrom) < NOW).to.equal(true)
      expect(new Date(certificate.validTo).getUTCFullYear()).to.equal(2036)
      expect(pin).to.equal(createHash('sha256').update(certificate.raw).digest('hex'))
    })

    it('lie in files that only their owner can read, and nothing else is left', async () => {
      const { keyFile, certFile } = await make()
      expect(statSync(keyFile).mode & 0o777).to.equal(0o600)
      expect(statSync(join(folder, 'state')).mode & 0o777).to.equal(0o700)
      expect(readdirSync(join(folder, 'state')).sort()).to.deep.equal(['server.crt', 'server.key'])
      expect(readFileSync(keyFile, 'utf8')).to.match(/^-----BEGIN PRIVATE KEY-----\n/)
      expect(readFileSync(certFile, 'utf8')).to.match(
        /^-----BEGIN CERTIFICATE-----\n[\s\S]*-----END CERTIFICATE-----\n$/,
      )
    })

    it('are used again at the next start', async () => {
      const first = await make()
      const second = await make(NOW, ['another'])
      expect(second).to.deep.equal({ ...first, created: false })
    })

    it('are made again when a start was cut short between key and certificate', async () => {
      const first = await make()
      rmSync(first.certFile)
      const second = await make()
      expect(second.created).to.equal(true)
      expect(second.pin).not.to.equal(first.pin)
    })

    it('are never used with a key that is not theirs, or broken, or expired', async () => {
      const { certFile, keyFile } = await make()
      writeFileSync(keyFile, (await selfSigned(['x'], NOW)).key)
      const other = await failure(() => make())
      expect(other).to.be.instanceOf(VpnError)
      expect(other.message).to.match(/not the private key of .*; remove .*server\.crt and .*server\.key/)
      writeFileSync(certFile, 'broken')
      expect((await failure(() => make())).message).to.match(/cannot be used: .*; remove/)
      rmSync(certFile)
      await make()
      expect((await failure(() => make(later(11)))).message).to.match(/expired on 2036-.*remove/)
    })

    it('warn before they expire', async () => {
      await make()
      await make(new Date('2036-02-25T00:00:00Z'))
      expect(warnings).to.have.length(1)
      expect(warnings[0]).to.match(/expires on 2036-03-01/)
    })

    it('say what to do when the folder cannot be written', async () => {
      writeFileSync(join(folder, 'file'), '')
      const error = await failure(() => ownCertificate(join(folder, 'file', 'state'), ['x'], NOW, log))
      expect(error).to.be.instanceOf(VpnError)
      expect(error.message).to.match(/cannot keep a certificate in /)
    })
  })

  describe('that are given', () => {
    const certFile = () => join(folder, 'c.pem')
    const keyFile = () => join(folder, 'k.pem')
    const give = (now = NOW) => givenCertificate(certFile(), keyFile(), now, log)
    beforeEach(async () => {
      const { certificate, key } = await selfSigned(['vpn.example.org'], NOW)
      writeFileSync(certFile(), certificate)
      writeFileSync(keyFile(), key, { mode: 0o600 })
    })

    it('are used with their key', () => {
      expect(give()).to.deep.include({ certFile: certFile(), keyFile: keyFile(), created: false, selfSigned: false })
      expect(existsSync(join(folder, 'server.key'))).to.equal(false)
    })

    it('are refused with a reason', async () => {
      chmodSync(keyFile(), 0o644)
      expect(() => give()).to.throw(UsageError, /--key .*every user.*chmod 600/)
      chmodSync(keyFile(), 0o600)
      expect(() => give(later(11))).to.throw(UsageError, /--cert .* expired on/)
      writeFileSync(certFile(), 'x')
      expect(() => give()).to.throw(UsageError, /--cert .*BEGIN CERTIFICATE/)
      writeFileSync(certFile(), (await selfSigned(['y'], NOW)).certificate)
      expect(() => give()).to.throw(UsageError, /--key .* is not the private key of --cert/)
      writeFileSync(keyFile(), 'x')
      expect(() => give()).to.throw(UsageError, /--key .*BEGIN PRIVATE KEY/)
      writeFileSync(keyFile(), '-----BEGIN ENCRYPTED PRIVATE KEY-----\n')
      expect(() => give()).to.throw(UsageError, /without a passphrase/)
      rmSync(keyFile())
      expect(() => give()).to.throw(UsageError, /--key .*no such file/)
    })
  })
})
