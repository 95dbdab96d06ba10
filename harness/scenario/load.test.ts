import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect } from 'chai'
import { UsageError } from '../lab/errors.js'
import { loadScenario } from './load.js'

const SCENARIO = `import { defineScenario, traffic } from 'mqvpn-bench'
import { description } from './helper.js'
export default defineScenario({
  name: 'ok',
  description,
  paths: { a: { rate: '10mbit', delay: '1ms', queue: '9p' } },
  traffic: { bulk: traffic.iperf({ direction: 'up', duration: '1s' }) },
})
`

describe('loadScenario', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'load-'))
  after(() => {
    rmSync(directory, { recursive: true })
  })
  const write = (name: string, text: string) => {
    const file = path.join(directory, name)
    writeFileSync(file, text)
    return file
  }
  before(() => {
    // Far from any package.json, so nothing says whether this is a module.
    write(
      'helper.ts',
      "import { gilbert } from 'mqvpn-bench'\nexport const description: string = 'With ' + gilbert.name\n",
    )
  })

  for (const extension of ['ts', 'mts', 'js', 'mjs']) {
    it(`reads .${extension}, with a helper beside it`, async () => {
      const file = write(`ok.${extension}`, SCENARIO)
      const loaded = await loadScenario(file)
      expect(loaded.file).to.equal(file)
      expect(loaded.sha256).to.match(/^[0-9a-f]{64}$/)
      expect(loaded.scenario.description).to.equal('With gilbert')
    })
  }

  it('reads a file again after it was edited', async () => {
    const file = write('edited.ts', SCENARIO)
    const before = await loadScenario(file)
    write('edited.ts', SCENARIO.replace("name: 'ok'", "name: 'new'"))
    const after = await loadScenario(file)
    expect(after.scenario.name).to.equal('new')
    expect(after.sha256).to.not.equal(before.sha256)
  })

  it('makes traces absolute, relative to the file', async () => {
    mkdirSync(path.join(directory, 'traces'))
    write('traces/lte.up', '1\n')
    const file = write(
      'trace.ts',
      SCENARIO.replace("rate: '10mbit'", "rate: { down: '1mbit' }, trace: { up: 'traces/lte.up' }"),
    )
    const { scenario } = await loadScenario(file)
    expect(scenario.paths[0]!.up.trace).to.equal(path.join(directory, 'traces/lte.up'))
    expect(scenario.paths[0]!.down.trace).to.equal(null)
  })

  const refused: [string, string | null, string][] = [
    ['no such file, with a near name', null, 'okk.ts: no such file; did you mean "ok.ts"?'],
    [
      'a syntax error',
      "import { at } from 'mqvpn-bench'\n\nconst x = [1,,,}\n",
      'bad.ts:3:15: syntax error: Unexpected token',
    ],
    [
      'an error while it loads',
      'const x: any = undefined\n\nexport default x.foo\n',
      "bad.ts:3: threw TypeError: Cannot read properties of undefined (reading 'foo')",
    ],
    [
      'a misspelled import',
      "import { att } from 'mqvpn-bench'\nexport default att('1s')\n",
      'bad.ts:2: mqvpn-bench has no "att"; did you mean "at"?',
    ],
    [
      'a missing helper',
      "import x from './nothing.js'\nexport default x\n",
      "threw Error: Cannot find module './nothing.js'",
    ],
    [
      'no default export',
      'export const x = 1\n',
      'bad.ts: no default export; write: export default defineScenario({…})',
    ],
    [
      'a default export of another kind',
      'export default { name: 1 }\n',
      'bad.ts: the default export was not made by defineScenario',
    ],
    [
      'a trace that is missing',
      SCENARIO.replace("rate: '10mbit'", "trace: 'gone.up'"),
      'bad.ts: paths.a.trace: no such file: gone.up',
    ],
    [
      'problems of the scenario, one a line',
      SCENARIO.replace("'10mbit'", '10').replace("'9p'", '9'),
      "bad.ts: paths.a.rate: got 10; write a unit, e.g. '10mbit'\n",
    ],
  ]
  for (const [what, text, message] of refused) {
    it(`tells ${what}`, async () => {
      const file = text === null ? path.join(directory, 'okk.ts') : write('bad.ts', text)
      let thrown: unknown
      await loadScenario(file).catch((error: unknown) => {
        thrown = error
      })
      expect(thrown).to.be.instanceOf(UsageError)
      expect((thrown as Error).message).to.include(message)
      expect((thrown as Error).message.split('\n').every((line) => line.startsWith(directory))).to.equal(true)
    })
  }

  it('tells a directory and an odd extension', async () => {
    expect(await loadScenario(directory).catch(String)).to.include('is a directory; name a scenario file')
    const odd = write('x.json', '{}')
    expect(await loadScenario(odd).catch(String)).to.include('a scenario file ends in .ts, .mts, .js, .mjs')
  })
})
