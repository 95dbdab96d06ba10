import { expect } from 'chai'
import { ValueError } from '../config/values.js'
import { endpointText, isLoopback, metricsEndpoint } from './endpoint.js'

describe('where metrics are served', () => {
  const good: [text: string, is: string][] = [
    ['9100', '127.0.0.1:9100'],
    [':9100', '127.0.0.1:9100'],
    ['localhost:9100', '127.0.0.1:9100'],
    ['127.0.0.1:0', '127.0.0.1:0'],
    ['0.0.0.0:9100', '0.0.0.0:9100'],
    ['[::1]:9100', '[::1]:9100'],
    ['unix:/run/mqvpn/metrics.sock', 'unix:/run/mqvpn/metrics.sock'],
  ]
  for (const [text, is] of good) it(`${text} is ${is}`, () => expect(endpointText(metricsEndpoint(text))).to.equal(is))

  const bad: [text: string, message: RegExp][] = [
    ['', /there is no port; write 127\.0\.0\.1:PORT/],
    ['127.0.0.1', /there is no port/],
    ['::1', /there is no port/],
    ['[::1]', /there is no port/],
    ['127.0.0.1:', /there is no port/],
    ['127.0.0.1:99999', /from 0 to 65535/],
    ['99999', /from 0 to 65535/],
    ['vpn.example.org:9100', /IP address of this host/],
    ['*:9100', /write 0\.0\.0\.0:9100/],
    ['/run/metrics.sock', /as unix:\/run\/metrics\.sock/],
    ['unix:metrics.sock', /absolute path/],
    ['unix:', /is empty/],
    [`unix:/${'x'.repeat(107)}`, /at most 107/],
  ]
  for (const [text, message] of bad) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))}`, () => {
      expect(() => metricsEndpoint(text)).to.throw(ValueError, message)
    })
  }

  it('knows what only this host can reach', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].map(isLoopback)).to.deep.equal([
      true,
      true,
      true,
      true,
    ])
    expect(['0.0.0.0', '::', '192.0.2.1', '::ffff:192.0.2.1'].map(isLoopback)).to.deep.equal([
      false,
      false,
      false,
      false,
    ])
  })
})
