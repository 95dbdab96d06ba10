import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { execa } from 'execa'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Packed {
  files: { path: string; mode: number }[]
}

describe('the package', () => {
  let files: string[]

  before(async () => {
    // The scripts of the package stay out: this asks what would be packed, it does not build it.
    const { stdout } = await execa('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root })
    const [packed] = JSON.parse(stdout) as [Packed]
    // Bundled packages of others are theirs.
    files = packed.files.map(({ path }) => path).filter((path) => !path.startsWith('node_modules/'))
  })

  it('contains what an installation needs', () => {
    expect(files).to.include.members([
      'package.json',
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'ci/build-native.mjs',
      'ci/setup.sh',
      'native/CMakeLists.txt',
      'native/io/CMakeLists.txt',
      'scenarios/asym.ts',
      'scenarios/smoke.ts',
      'schema/result.schema.json',
    ])
  })

  it('contains the commands and the types of the scenario API', function () {
    // dist/ is there after `npm run build` only.
    if (!files.some((file) => file.startsWith('dist/'))) this.skip()
    expect(files).to.include.members([
      'dist/vpn/main.js',
      'dist/harness/cli/main.js',
      'dist/harness/index.js',
      'dist/harness/index.d.ts',
    ])
  })

  it('leaves out what only developers need', () => {
    const folders = new Set(files.map((file) => file.split('/')[0]))
    for (const folder of ['.ci', '.github', 'test', 'testdata', 'build', 'results', 'harness']) {
      expect(folders).not.to.include(folder)
    }
    expect(files.filter((file) => /\.test\.|(^|\/)(test|testing|testdata|fuzz|corpus)\//.test(file))).to.deep.equal([])
    expect(files.filter((file) => /\.(log|pcap|map)$/.test(file))).to.deep.equal([])
  })
})
