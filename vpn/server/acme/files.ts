/** What an authority gave, in the state directory, and whether it is time to ask again. */
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf, messageOf, VpnError } from '../../errors.js'
import { writeAtomically } from '../../state-file.js'

/** What a certificate is for; another wish needs another certificate. */
export interface Wanted {
  domains: readonly string[]
  directory: string
}

export interface Held {
  validFrom: Date
  validTo: Date
}

export class AcmeFiles {
  readonly certFile: string
  readonly keyFile: string
  readonly accountFile: string
  /** The key of an order that is under way; of the certificate, when the process died between two writes. */
  readonly #nextKeyFile: string
  /** From which directory the certificate is: it does not say so itself. */
  readonly #originFile: string
  readonly #stateDir: string

  constructor(stateDir: string) {
    this.#stateDir = stateDir
    this.certFile = join(stateDir, 'acme.crt')
    this.keyFile = join(stateDir, 'acme.key')
    this.accountFile = join(stateDir, 'acme-account.key')
    this.#nextKeyFile = join(stateDir, 'acme.key.next')
    this.#originFile = join(stateDir, 'acme.origin')
  }

  /** Null: there is none that is what is wanted. Whether it has expired is not asked. */
  held({ domains, directory }: Wanted): Held | null {
    try {
      const certificate = new X509Certificate(readFileSync(this.certFile))
      if (!this.#hasKey(certificate)) return null
      if (readFileSync(this.#originFile, 'utf8').trim() !== directory) return null
      if (!domains.every((name) => certificate.checkHost(name, { wildcards: false }) !== undefined)) return null
      return { validFrom: new Date(certificate.validFrom), validTo: new Date(certificate.validTo) }
    } catch {
      // Missing, cut off, or of something else: the next order replaces it.
      return null
    }
  }

  #hasKey(certificate: X509Certificate): boolean {
    const matches = (file: string): boolean => {
      try {
        return certificate.checkPrivateKey(createPrivateKey(readFileSync(file)))
      } catch {
        return false
      }
    }
    if (matches(this.keyFile)) return true
    if (!matches(this.#nextKeyFile)) return false
    renameSync(this.#nextKeyFile, this.keyFile)
    return true
  }

  /** The key of the account, made when there is none. */
  accountKey(): string {
    return this.#keeping(() => {
      if (existsSync(this.accountFile)) {
        const pem = readFileSync(this.accountFile, 'utf8')
        try {
          createPrivateKey(pem)
          return pem
        } catch (error) {
          throw new VpnError(
            `${this.accountFile} is no private key (${messageOf(error)}); remove it, and a new account is made`,
          )
        }
      }
      const pem = newKey()
      writeAtomically(this.accountFile, pem, 0o600)
      return pem
    })
  }

  /** A key for the certificate that is ordered now. */
  nextKey(): string {
    return this.#keeping(() => {
      const pem = newKey()
      writeAtomically(this.#nextKeyFile, pem, 0o600)
      return pem
    })
  }

  /** @param chain PEM, of the key that `nextKey` made last. @throws VpnError when it is not what was ordered */
  keep(chain: string, { directory, domains }: Wanted): void {
    this.#keeping(() => {
      let certificate: X509Certificate
      try {
        certificate = new X509Certificate(chain)
      } catch (error) {
        throw new VpnError(`what the authority sent is no certificate: ${messageOf(error)}`)
      }
      if (!certificate.checkPrivateKey(createPrivateKey(readFileSync(this.#nextKeyFile)))) {
        throw new VpnError('what the authority sent is the certificate of another key')
      }
      const missing = domains.find((name) => certificate.checkHost(name, { wildcards: false }) === undefined)
      if (missing !== undefined) throw new VpnError(`what the authority sent is no certificate for ${missing}`)
      // In this order a crash in between loses nothing: the key is found as the next one, and a certificate whose origin is
      // that of the one before is ordered again at most.
      writeAtomically(this.certFile, chain, 0o644)
      renameSync(this.#nextKeyFile, this.keyFile)
      writeAtomically(this.#originFile, `${directory}\n`, 0o644)
    })
  }

  #keeping<T>(use: () => T): T {
    try {
      mkdirSync(this.#stateDir, { recursive: true, mode: 0o700 })
      return use()
    } catch (error) {
      if (error instanceof VpnError) throw error
      const denied = codeOf(error) === 'EACCES' || codeOf(error) === 'EROFS'
      const advice = denied ? '; run it with sudo, or choose a folder with --state-dir' : ''
      throw new VpnError(`cannot keep a certificate in ${this.#stateDir}: ${messageOf(error)}${advice}`)
    }
  }
}

/** ECDSA P-256, which every authority and every client takes. */
function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
}

/** When a third of the life is left, as authorities advise; so one of 90 days has 30 days of tries. */
export function renewalDue({ validFrom, validTo }: Held, now: Date): boolean {
  const lifeMs = validTo.getTime() - validFrom.getTime()
  return validTo.getTime() - now.getTime() <= lifeMs / 3
}
