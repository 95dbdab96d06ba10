/** Self-signed certificates for VPNs that identify their peer by its fingerprint. They live as long as a repeat. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runChecked } from '../lab/host.js'

export interface Certificate {
  certificateFile: string
  keyFile: string
  /** SHA-256, `AA:BB:…`. */
  fingerprint: string
}

/** ECDSA P-256, valid for a day. @param name file name and common name */
export async function selfSigned(directory: string, name: string): Promise<Certificate> {
  const certificateFile = join(directory, `${name}.crt`)
  const keyFile = join(directory, `${name}.key`)
  await runChecked('this host', [
    'openssl',
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-days', '1', '-subj', `/CN=${name}`, '-keyout', keyFile, '-out', certificateFile],
  ])
  return { certificateFile, keyFile, fingerprint: new X509Certificate(readFileSync(certificateFile)).fingerprint256 }
}
