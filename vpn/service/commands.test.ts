import { expect } from 'chai'
import { UsageError } from '../errors.js'
import { program, type Request } from '../program.js'

function parse(...words: string[]): Request {
  const requests: Request[] = []
  program((request) => requests.push(request)).parse(words, { from: 'user' })
  expect(requests).to.have.length(1)
  return requests[0]!
}

describe('the commands around a service', () => {
  it('up and down mean the client of that name, or the one of client.conf', () => {
    expect(parse('up')).to.deep.equal({ verb: 'up', name: 'client', waitMs: 30_000 })
    expect(parse('up', 'home', '--wait', '5')).to.deep.equal({ verb: 'up', name: 'home', waitMs: 5000 })
    expect(parse('down')).to.deep.equal({ verb: 'down', name: 'client' })
    expect(parse('down', './home.conf')).to.deep.equal({ verb: 'down', name: './home.conf' })
  })

  it('the doctor takes its file behind the command and in front of it', () => {
    expect(parse('doctor')).to.deep.equal({ verb: 'doctor', config: null, json: false })
    expect(parse('doctor', '--config', '/c', '--json')).to.deep.equal({ verb: 'doctor', config: '/c', json: true })
    expect(parse('--config', '/c', 'doctor')).to.deep.equal({ verb: 'doctor', config: '/c', json: false })
  })

  it('completion takes a shell', () => {
    expect(parse('completion', 'zsh')).to.deep.equal({ verb: 'completion', shell: 'zsh' })
  })

  for (const wait of ['-1', 'soon', '1.5', '86401', '']) {
    it(`refuses --wait ${JSON.stringify(wait)}`, () => {
      expect(() => parse('up', `--wait=${wait}`)).to.throw(
        UsageError,
        /--wait .*: write a whole number from 0 to 86400/,
      )
    })
  }
})
