import { expect } from 'chai'
import { connect } from 'node:net'
import { HttpChallenge } from './http-challenge.js'

describe('the answer to a challenge', () => {
  let challenge: HttpChallenge
  beforeEach(async () => {
    challenge = await HttpChallenge.listen(0)
    challenge.answer('token', 'token.thumbprint')
  })
  afterEach(() => challenge.close())
  const ask = async (path: string, method = 'GET'): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${challenge.port}${path}`, { method })
    return [response.status, await response.text()]
  }

  it('is given for its token, and for nothing else', async () => {
    expect(await ask('/.well-known/acme-challenge/token')).to.deep.equal([200, 'token.thumbprint'])
    for (const path of ['/', '/token', '/.well-known/acme-challenge/', '/.well-known/acme-challenge/token/x']) {
      expect(await ask(path), path).to.deep.equal([404, ''])
    }
    expect(await ask('/.well-known/acme-challenge/__proto__')).to.deep.equal([404, ''])
    expect(await ask('/.well-known/acme-challenge/token', 'POST')).to.deep.equal([404, ''])
  })

  it('survives what is no HTTP, and somebody who says nothing does not keep it open', async () => {
    const garbage = connect(challenge.port, '127.0.0.1', () => garbage.write('\0\0nonsense\r\n\r\n'))
    garbage.resume()
    await new Promise((resolve) => garbage.on('close', resolve))
    const silent = connect(challenge.port, '127.0.0.1')
    silent.resume().on('error', () => undefined)
    await new Promise((resolve) => silent.on('connect', resolve))
    expect(await ask('/.well-known/acme-challenge/token')).to.deep.equal([200, 'token.thumbprint'])
    await challenge.close()
    await new Promise((resolve) => (silent.closed ? resolve(null) : silent.on('close', resolve)))
    challenge = await HttpChallenge.listen(0)
  })
})
