import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { ESLint } from 'eslint'

const root = fileURLToPath(new URL('..', import.meta.url))

describe('the import rule', () => {
  // The repository's own configuration; without type information, so that the files need not exist.
  const eslint = new ESLint({
    cwd: root,
    ruleFilter: ({ ruleId }) => ruleId === 'layout/import-direction' || ruleId === 'no-restricted-syntax',
    overrideConfig: {
      languageOptions: { parserOptions: { projectService: false } },
      linterOptions: { reportUnusedDisableDirectives: 'off' },
    },
  })

  async function problems(filePath: string, code: string): Promise<string[]> {
    const results = await eslint.lintText(code, { filePath })
    return results.flatMap(({ messages }) => messages.map(({ message }) => message))
  }

  const refused = [
    ['reports/html.ts', `import { openLab } from '../harness/lab/lab.js'`],
    ['reports/html.ts', `export * from '../harness/index.js'`],
    ['reports/charts/bar.ts', `export { median } from '../../harness/stats/median.js'`],
    ['reports/html.ts', `import { result } from '../harness/results/../stats/median.js'`],
    ['reports/html.ts', `import { defineScenario } from 'mqvpn-bench'`],
    ['reports/html.ts', `const lab = await import('../harness/lab/lab.js')`],
    ['reports/html.ts', `type Lab = import('../harness/lab/lab.js').Lab`],
    ['harness/subjects/mqvpn.ts', `import { startClient } from '../../vpn/client.js'`],
    ['harness/subjects/mqvpn.ts', `import type { Config } from '../../vpn/config.js'`],
    ['harness/lab/lab.ts', `const addon = require('../../build/release/addon.node')`],
    ['harness/lab/lab.ts', `const file = 'build/release/mqvpn_native.node'`],
    ['harness/run/run.ts', `import asym from '../../scenarios/asym.js'`],
    ['harness/run/run.ts', `import { fixture } from '../../test/fixture.js'`],
    ['harness/lab/lab.ts', `import { loadAddon } from '../../common/addon.js'`],
    ['harness/native.ts', `const addon = require('../build/release/addon.node')`],
    ['vpn/client.ts', `import { loadAddon } from '../common/addon.js'`],
    ['vpn/native.ts', `const addon = require('../build/release/addon.node')`],
    ['common/suggest.ts', `import { quote } from '../harness/scenario/units.js'`],
    ['common/suggest.ts', `import { parse } from '../vpn/config/values.js'`],
    ['vpn/client.ts', `import { openLab } from '../harness/lab/lab.js'`],
    ['vpn/client.ts', `import { table } from '../reports/table.js'`],
    ['vpn/client.ts', `import { openLab } from 'mqvpn-bench'`],
    ['scenarios/asym.ts', `import { defineScenario } from '../harness/index.js'`],
    ['scenarios/asym.ts', `import fs from 'node:fs'`],
    ['scenarios/asym.ts', `import { z } from 'zod'`],
  ] as const
  for (const [file, code] of refused) {
    it(`refuses in ${file}: ${code}`, async () => {
      expect(await problems(file, code)).to.have.length(1)
    })
  }

  const allowed = [
    ['reports/html.ts', `import type { Result } from '../harness/results/schema.js'`],
    ['reports/html.ts', `import { escape } from './escape.js'`],
    ['reports/html.ts', `import { Chart } from 'chart.js'`],
    ['harness/cli/report.ts', `import { renderHtml } from '../../reports/html.js'`],
    ['harness/native.ts', `import { loadAddon } from '../common/addon.js'`],
    ['harness/scenario/load.ts', `import { nearest } from '../../common/suggest.js'`],
    ['vpn/native.ts', `import { loadAddon } from '../common/addon.js'`],
    ['vpn/config/values.ts', `import { nearest } from '../../common/suggest.js'`],
    ['common/addon.ts', `const addon = require('../build/release/mqvpn_native.node')`],
    ['harness/run/run.test.ts', `import { fixture } from '../../test/fixture.js'`],
    ['scenarios/asym.ts', `import { defineScenario } from 'mqvpn-bench'`],
  ] as const
  for (const [file, code] of allowed) {
    it(`allows in ${file}: ${code}`, async () => {
      expect(await problems(file, code)).to.deep.equal([])
    })
  }

  it('says what the folder may import', async () => {
    const [message] = await problems('reports/html.ts', `import '../harness/lab/lab.js'`)
    expect(message).to.equal(
      "'harness/lab/lab' may not be imported here: reports read result files: of the repository they may import only harness/results/schema.",
    )
  })
})
