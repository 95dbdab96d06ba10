/**
 * Of the scripts, bash runs where it is there; zsh and fish, where they are there, read theirs for mistakes of syntax.
 */
import { expect } from 'chai'
import { execa } from 'execa'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { settings, SETTING_KEYS } from '../../config/settings.js'
import { UsageError } from '../../errors.js'
import { program } from '../../program.js'
import { completion } from './completion.js'
import { specOf } from './spec.js'

const root = program(() => undefined)
const SHELLS = ['bash', 'zsh', 'fish'] as const

async function isThere(shell: string): Promise<boolean> {
  const { exitCode } = await execa(shell, ['--version'], { reject: false })
  if (exitCode === undefined) console.log(`      ${shell} is not on this machine: its script was not run`)
  return exitCode !== undefined
}

describe('the completion', () => {
  let folder: string
  before(() => (folder = mkdtempSync(join(tmpdir(), 'mqvpn-completion-'))))
  after(() => rmSync(folder, { recursive: true }))

  it('knows every setting and every command, with what each takes', () => {
    const specs = specOf(root)
    const main = specs[0]!
    for (const key of SETTING_KEYS) {
      const flag = main.flags.find(({ flags }) => flags.includes(settings[key].flag))
      expect(flag, key).not.to.equal(undefined)
      expect(flag!.value === null, key).to.equal(settings[key].kind === 'switch')
    }
    const valueOf = (name: string) => main.flags.find(({ flags }) => flags.includes(name))?.value
    expect(valueOf('--scheduler')).to.deep.equal({ name: 'minrtt|wlb', kind: 'words', words: ['minrtt', 'wlb'] })
    expect(valueOf('--log-level')).to.include({ kind: 'words' })
    expect(valueOf('--path')).to.include({ kind: 'interface' })
    expect(valueOf('--auth-key-file')).to.include({ kind: 'file' })
    expect(valueOf('--qlog')).to.include({ kind: 'folder' })
    const paths = specs.map(({ path }) => path.join(' '))
    expect(paths).to.include.members(['', 'server', 'client', 'config show', 'up', 'down', 'doctor', 'completion'])
    expect(specs.find(({ path }) => path[0] === 'down')!.argument).to.include({ kind: 'client' })
  })

  it('shows a side only its own flags', () => {
    const client = specOf(root).find(({ path }) => path[0] === 'client')!
    const flags = client.flags.flatMap((one) => one.flags)
    expect(flags).to.include('--server').and.not.include('--subnet')
  })

  for (const shell of SHELLS) {
    it(`of ${shell} has all of them`, () => {
      const script = completion(shell, root)
      for (const { flags, commands } of specOf(root)) {
        for (const flag of flags.flatMap((one) => one.flags)) {
          const written = shell === 'fish' ? flag.replace(/^--/, '-l ').replace(/^-(?=\w$)/, '-s ') : flag
          expect(script, flag).to.include(written)
        }
        for (const { name } of commands) expect(script).to.include(name)
      }
    })

    it(`of ${shell} is understood by it`, async function () {
      if (!(await isThere(shell))) this.skip()
      const file = join(folder, `mqvpn.${shell}`)
      writeFileSync(file, completion(shell, root))
      const { exitCode, stderr } = await execa(shell, ['-n', file], { reject: false })
      expect(stderr).to.equal('')
      expect(exitCode).to.equal(0)
    })
  }

  it('of bash gives words, flags, values and files', async function () {
    if (!(await isThere('bash'))) this.skip()
    writeFileSync(join(folder, 'script'), completion('bash', root))
    writeFileSync(join(folder, 'a file.conf'), '')
    const ask = async (...words: string[]): Promise<string[]> => {
      const run = `source ./script; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mqvpn; printf '%s\\n' "\${COMPREPLY[@]}"`
      const { stdout } = await execa('bash', ['--norc', '-c', run, 'bash', 'mqvpn', ...words], { cwd: folder })
      return stdout.split('\n')
    }
    expect(await ask('cli')).to.deep.equal(['client'])
    expect(await ask('client', '--sched')).to.deep.equal(['--scheduler'])
    expect(await ask('client', '--scheduler', '')).to.deep.equal(['minrtt', 'wlb'])
    expect(await ask('client', '--scheduler', 'wlb', '--cc', 'b')).to.deep.equal(['bbr'])
    expect(await ask('client', '--path', 'l')).to.include('lo')
    expect(await ask('config', 'show', '--js')).to.deep.equal(['--json'])
    expect(await ask('--config', 'a')).to.deep.equal(['a file.conf'])
    expect(await ask('completion', 'z')).to.deep.equal(['zsh'])
    expect(await ask('client', '--subn')).to.deep.equal([''])
  })

  it('refuses another shell, and names those that there are', () => {
    expect(() => completion('bahs', root)).to.throw(UsageError, /write bash, zsh, fish; did you mean "bash"\?/)
    expect(() => completion('toString', root)).to.throw(UsageError, /write bash, zsh, fish/)
  })
})
