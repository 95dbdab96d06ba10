/** The name by which clients can check a certificate of a public authority, without a pin that ends with it. */
import { X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { readFile } from '../config/private-file.js'

/**
 * Null: clients need the pin, because no authority that they know has signed this certificate.
 *
 * @param certFile the certificate, and those that lead to its authority
 * @param roots of public authorities, PEM
 */
export function publicName(certFile: string, roots: readonly string[] = rootCertificates): string | null {
  const blocks = readFile(certFile, '--cert').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  const chain = blocks.map((pem) => new X509Certificate(pem))
  const [leaf] = chain
  if (leaf === undefined || !chain.slice(1).every((issuer, i) => issued(chain[i]!, issuer))) return null
  const last = chain.at(-1)!
  if (!roots.some((pem) => issued(last, new X509Certificate(pem)))) return null
  const names = (leaf.subjectAltName ?? '').split(', ').flatMap((entry) => /^DNS:([^*"]+)$/.exec(entry)?.[1] ?? [])
  return names[0] ?? null
}

function issued(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.issuer === issuer.subject && certificate.verify(issuer.publicKey)
}
