/** The certificate of a server: the one that its owner gave, or a self-signed one that is made once and kept. */
import 'reflect-metadata'
import { BasicConstraintsExtension, ExtendedKeyUsage, ExtendedKeyUsageExtension } from '@peculiar/x509'
import { KeyUsageFlags, KeyUsagesExtension, PemConverter, SubjectAlternativeNameExtension } from '@peculiar/x509'
import { X509CertificateGenerator } from '@peculiar/x509'
import { createPrivateKey, randomBytes, webcrypto, X509Certificate, type KeyObject } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { codeOf, messageOf, UsageError, VpnError } from '../errors.js'
import type { Log } from '../log.js'
import { readFile, readSecretFile } from '../config/private-file.js'
import { writeAtomically } from '../state-file.js'

export interface ServerCertificate {
  certFile: string
  keyFile: string
  /** SHA-256 of the certificate, hexadecimal: what a client gives as `--pin`. */
  pin: string
  /** Made just now. */
  created: boolean
  selfSigned: boolean
}

/** Long, because a change of the certificate is a change of the pin on every client. */
const VALID_YEARS = 10
/** So that a client whose clock is slow does not refuse a new certificate. */
const BACKDATED_MS = 24 * 3600_000
/** A warning in time to do something about it. */
const EXPIRES_SOON_MS = 14 * 24 * 3600_000

/** Checks a certificate and key that belong to the user. @throws UsageError */
export function givenCertificate(
  certFile: string,
  keyFile: string,
  now: Date,
  log: Pick<Log, 'warn'>,
): ServerCertificate {
  const key = privateKey(readSecretFile(keyFile, '--key', log), keyFile)
  const certificate = parse(readFile(certFile, '--cert'), `--cert ${certFile}`)
  if (!certificate.checkPrivateKey(key)) {
    throw new UsageError(`--key ${keyFile} is not the private key of --cert ${certFile}`)
  }
  checkDates(certificate, `--cert ${certFile}`, 'renew it', now, log)
  return { certFile, keyFile, pin: pinOf(certificate), created: false, selfSigned: false }
}

/**
 * The server's own certificate in `stateDir`; made when there is none.
 *
 * @param names host names and addresses that it is made for
 */
export async function ownCertificate(
  stateDir: string,
  names: readonly string[],
  now: Date,
  log: Pick<Log, 'warn'>,
): Promise<ServerCertificate> {
  const certFile = join(stateDir, 'server.crt')
  const keyFile = join(stateDir, 'server.key')
  const created = !existsSync(certFile) || !existsSync(keyFile)
  if (created) await create(stateDir, { certFile, keyFile }, names, now)
  const again = `remove ${certFile} and ${keyFile}, and a new one is made (with another pin)`
  let certificate: X509Certificate
  let matches: boolean
  try {
    certificate = new X509Certificate(readFileSync(certFile))
    matches = certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile)))
  } catch (error) {
    throw new VpnError(`the generated certificate cannot be used: ${messageOf(error)}; ${again}`)
  }
  if (!matches) throw new VpnError(`${keyFile} is not the private key of ${certFile}; ${again}`)
  checkDates(certificate, certFile, again, now, log)
  return { certFile, keyFile, pin: pinOf(certificate), created, selfSigned: true }
}

async function create(
  stateDir: string,
  { certFile, keyFile }: { certFile: string; keyFile: string },
  names: readonly string[],
  now: Date,
): Promise<void> {
  const { certificate, key } = await selfSigned(names, now)
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 })
    // The key first: when the second write does not come to pass, both are made again at the next start.
    rmSync(certFile, { force: true })
    writeAtomically(keyFile, key, 0o600)
    writeAtomically(certFile, certificate, 0o644)
  } catch (error) {
    const denied = codeOf(error) === 'EACCES' || codeOf(error) === 'EROFS'
    const advice = denied ? '; run it with sudo, or choose a folder with --state-dir' : ''
    throw new VpnError(`cannot keep a certificate in ${stateDir}: ${messageOf(error)}${advice}`)
  }
}

/** ECDSA P-256 with SHA-256, as PEM. @param names the first is also its common name */
export async function selfSigned(names: readonly string[], now: Date): Promise<{ certificate: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const { subtle } = webcrypto
  const keys = await subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const notAfter = new Date(now)
  notAfter.setUTCFullYear(now.getUTCFullYear() + VALID_YEARS)
  // RFC 5280 §4.1.2.2: "positive integer", so its first bit is 0.
  const serial = randomBytes(16)
  serial[0] = (serial[0]! & 0x7f) | 0x40
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial.toString('hex'),
    name: [{ CN: [commonName(names)] }],
    notBefore: new Date(now.getTime() - BACKDATED_MS),
    notAfter,
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
      ),
    ],
  })
  const pkcs8 = await subtle.exportKey('pkcs8', keys.privateKey)
  return { certificate: `${certificate.toString('pem')}\n`, key: `${PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n` }
}

/** RFC 5280 A.1: ub-common-name is 64. */
function commonName(names: readonly string[]): string {
  return names.find((name) => name.length <= 64) ?? 'mqvpn'
}

function pinOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}

function parse(pem: string, where: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (error) {
    throw new UsageError(`${where}: is no certificate in PEM (-----BEGIN CERTIFICATE-----): ${messageOf(error)}`)
  }
}

function privateKey(pem: string, keyFile: string): KeyObject {
  if (/ENCRYPTED/.test(pem)) {
    throw new UsageError(
      `--key ${keyFile}: is encrypted; a server that starts by itself needs one without a passphrase`,
    )
  }
  try {
    return createPrivateKey(pem)
  } catch (error) {
    throw new UsageError(
      `--key ${keyFile}: is no private key in PEM (-----BEGIN PRIVATE KEY-----): ${messageOf(error)}`,
    )
  }
}

function checkDates(
  certificate: X509Certificate,
  what: string,
  remedy: string,
  now: Date,
  log: Pick<Log, 'warn'>,
): void {
  const [from, to] = [new Date(certificate.validFrom), new Date(certificate.validTo)]
  if (now < from) log.warn(`${what} is not valid before ${from.toISOString()}; is the clock right?`)
  else if (now > to) throw new UsageError(`${what} expired on ${to.toISOString()}: ${remedy}`)
  else if (to.getTime() - now.getTime() < EXPIRES_SOON_MS) log.warn(`${what} expires on ${to.toISOString()}: ${remedy}`)
}
