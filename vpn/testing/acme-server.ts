/**
 * A certificate authority with ACME (RFC 8555) on loopback. It checks signatures, nonces and URLs, and really asks for the
 * token; every name leads to 127.0.0.1.
 */
import 'reflect-metadata'
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509'
import { createHash, createPublicKey, randomBytes, verify, webcrypto, type JsonWebKey } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Authorization {
  domain: string
  token: string
  status: 'pending' | 'valid' | 'invalid'
  error?: object
}
interface Order {
  account: string
  authorizations: string[]
  status: 'pending' | 'processing' | 'valid'
  certificate?: string
}
interface Signed {
  header: { alg: string; nonce: string; url: string; kid?: string; jwk?: JsonWebKey }
  payload: Record<string, unknown> | null
  account: string
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

export class AcmeTestServer {
  /** What it did, by name of the resource. */
  readonly asked: string[] = []
  readonly contacts: unknown[] = []
  /** So many answers refuse a nonce that is right. */
  badNonces = 0
  /** What a resource answers with in place of doing anything. */
  refuse: { resource: string; status: number; problem: object; headers?: Record<string, string> } | null = null
  /** Of certificates from now on. */
  life = { notBefore: new Date(Date.now() - 3600_000), notAfter: new Date(Date.now() + 90 * 24 * 3600_000) }
  /** Where it asks for tokens, in place of port 80. */
  httpPort = 0
  /** What it got when it asked for a token, of the last order. */
  seen: string[] = []
  readonly #server: Server
  readonly #nonces = new Set<string>()
  readonly #accounts = new Map<string, JsonWebKey>()
  readonly #orders = new Map<string, Order>()
  readonly #authorizations = new Map<string, Authorization>()
  readonly #certificates = new Map<string, string>()
  #keys: webcrypto.CryptoKeyPair | null = null

  constructor() {
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        if (!response.headersSent) problem(response, 400, 'malformed', String(error))
        else response.end()
      })
    })
  }

  async listen(): Promise<this> {
    this.#keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }
  get directory(): string {
    return `${this.url}/directory`
  }
  get accounts(): number {
    return this.#accounts.size
  }
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, resource = '', id = ''] = new URL(request.url ?? '', this.url).pathname.split('/')
    this.asked.push(resource)
    response.setHeader('replay-nonce', this.#nonce())
    if (this.refuse?.resource === resource) {
      const { status, problem: body, headers = {} } = this.refuse
      reply(response, status, body, { ...headers, 'content-type': 'application/problem+json' })
      return
    }
    if (resource === 'directory') {
      const names = ['newNonce', 'newAccount', 'newOrder', 'revokeCert', 'keyChange']
      reply(response, 200, Object.fromEntries(names.map((name) => [name, `${this.url}/${name}`])))
      return
    }
    if (resource === 'newNonce') {
      response.writeHead(request.method === 'HEAD' ? 200 : 204).end()
      return
    }
    const signed = this.#verified(await bodyOf(request), `${this.url}${request.url}`)
    if (typeof signed === 'string') {
      problem(response, 400, signed, 'the signature, its URL or its nonce is wrong')
      return
    }
    await this.#answer(resource, id, signed, response)
  }

  /** The type of the problem when it is not signed as it should be. */
  #verified(body: string, url: string): Signed | string {
    const { protected: head, payload, signature } = JSON.parse(body) as Record<string, string>
    const header = JSON.parse(Buffer.from(head!, 'base64url').toString()) as Signed['header']
    if (!this.#nonces.delete(header.nonce)) return 'badNonce'
    if (this.badNonces > 0) {
      this.badNonces -= 1
      return 'badNonce'
    }
    // RFC 8555 §6.2: one of the two, never both.
    if ((header.kid === undefined) === (header.jwk === undefined)) return 'malformed'
    const key = header.jwk ?? this.#accounts.get(header.kid!)
    if (key === undefined) return 'accountDoesNotExist'
    const publicKey = createPublicKey({ key, format: 'jwk' })
    const text = Buffer.from(`${head}.${payload}`)
    const right = verify(
      'sha256',
      text,
      { key: publicKey, dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature!, 'base64url'),
    )
    if (header.alg !== 'ES256' || !right || header.url !== url) return 'unauthorized'
    const parsed = payload === '' ? null : (JSON.parse(Buffer.from(payload!, 'base64url').toString()) as object)
    return { header, payload: parsed as Signed['payload'], account: header.kid ?? this.#accountOf(key) }
  }

  #accountOf(key: JsonWebKey): string {
    return `${this.url}/account/${thumbprint(key)}`
  }

  async #answer(resource: string, id: string, { header, payload, account }: Signed, response: ServerResponse) {
    switch (resource) {
      case 'newAccount': {
        const known = this.#accounts.has(account)
        if (payload?.['termsOfServiceAgreed'] !== true) {
          problem(response, 403, 'userActionRequired', 'agree')
          return
        }
        this.contacts.push(payload['contact'])
        this.#accounts.set(account, header.jwk!)
        reply(response, known ? 200 : 201, { status: 'valid' }, { location: account })
        return
      }
      case 'account': {
        reply(response, 200, { status: 'valid' })
        return
      }
      case 'newOrder': {
        const names = (payload?.['identifiers'] as { value: string }[]).map(({ value }) => value)
        const authorizations = names.map((domain) => {
          const name = random()
          this.#authorizations.set(name, { domain, token: random(), status: 'pending' })
          return name
        })
        const order = random()
        this.#orders.set(order, { account, authorizations, status: 'pending' })
        reply(response, 201, this.#orderBody(order), { location: `${this.url}/order/${order}` })
        return
      }
      case 'order': {
        reply(response, 200, this.#orderBody(id))
        return
      }
      case 'authorization': {
        reply(response, 200, this.#authorizationBody(id))
        return
      }
      case 'challenge': {
        // As a real one: it answers, and asks then.
        void this.#validate(this.#authorizations.get(id)!, this.#accounts.get(account)!)
        reply(response, 200, this.#authorizationBody(id).challenges[0]!)
        return
      }
      case 'finalize':
        return this.#finalize(id, String(payload?.['csr']), response)
      case 'certificate':
        response.writeHead(200, { 'content-type': 'application/pem-certificate-chain' })
        return response.end(this.#certificates.get(id))
      default: {
        problem(response, 404, 'malformed', `there is no ${resource}`)
        return
      }
    }
  }

  /** RFC 8555 §8.3. */
  async #validate(authorization: Authorization, accountKey: JsonWebKey): Promise<void> {
    const { domain, token } = authorization
    const fail = (type: string, detail: string): void => {
      Object.assign(authorization, { status: 'invalid', error: { type: `urn:ietf:params:acme:error:${type}`, detail } })
    }
    try {
      const path = `/.well-known/acme-challenge/${token}`
      const answer = await fetch(`http://127.0.0.1:${this.httpPort}${path}`)
      const text = await answer.text()
      this.seen.push(text)
      if (answer.status === 200 && text === `${token}.${thumbprint(accountKey)}`) authorization.status = 'valid'
      else fail('unauthorized', `Invalid response from ${domain}: ${answer.status}`)
    } catch {
      fail('connection', `${domain}: Connection refused`)
    }
  }

  async #finalize(id: string, csr: string, response: ServerResponse): Promise<void> {
    const order = this.#orders.get(id)!
    if (!order.authorizations.every((name) => this.#authorizations.get(name)!.status === 'valid')) {
      problem(response, 403, 'orderNotReady', 'not all names are proven')
      return
    }
    const asked = new Pkcs10CertificateRequest(Buffer.from(csr, 'base64url'))
    const wanted = order.authorizations.map((name) => this.#authorizations.get(name)!.domain)
    const found = asked.extensions.find((one) => one instanceof SubjectAlternativeNameExtension)
    const names = found?.names.toJSON().map(({ value }) => value) ?? []
    if (!(await asked.verify()) || [...names].sort().join() !== [...wanted].sort().join()) {
      problem(response, 403, 'badCSR', 'of other names, or not signed by its key')
      return
    }
    order.status = 'processing'
    const certificate = await X509CertificateGenerator.create({
      serialNumber: `40${randomBytes(8).toString('hex')}`,
      subject: '',
      issuer: 'CN=Test authority',
      ...this.life,
      publicKey: asked.publicKey,
      signingKey: this.#keys!.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [new SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value })))],
    })
    this.#certificates.set(id, `${certificate.toString('pem')}\n`)
    reply(response, 200, this.#orderBody(id))
    // It is there at the next look.
    order.status = 'valid'
  }

  #orderBody(id: string) {
    const { status, authorizations } = this.#orders.get(id)!
    const all = authorizations.map((name) => this.#authorizations.get(name)!)
    return {
      status: status === 'pending' && all.every((one) => one.status === 'valid') ? 'ready' : status,
      identifiers: all.map(({ domain }) => ({ type: 'dns', value: domain })),
      authorizations: authorizations.map((name) => `${this.url}/authorization/${name}`),
      finalize: `${this.url}/finalize/${id}`,
      ...(status === 'valid' ? { certificate: `${this.url}/certificate/${id}` } : {}),
    }
  }

  #authorizationBody(id: string) {
    const { domain, token, status, error } = this.#authorizations.get(id)!
    const http = { type: 'http-01', url: `${this.url}/challenge/${id}`, token, status, ...(error ? { error } : {}) }
    const alpn = { type: 'tls-alpn-01', url: `${this.url}/none/${id}`, token, status: 'pending' }
    return { status, identifier: { type: 'dns', value: domain }, challenges: [http, alpn] }
  }

  #nonce(): string {
    const nonce = random()
    this.#nonces.add(nonce)
    return nonce
  }
}

/** RFC 7638 §3, of an EC key. */
function thumbprint({ crv, kty, x, y }: JsonWebKey): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
}

const random = (): string => randomBytes(16).toString('base64url')

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

function reply(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

function problem(response: ServerResponse, status: number, type: string, detail: string): void {
  const body = { type: `urn:ietf:params:acme:error:${type}`, detail }
  reply(response, status, body, { 'content-type': 'application/problem+json' })
}
