import { expect } from 'chai'
import { execa } from 'execa'
import { settings, SETTING_KEYS } from '../config/settings.js'
import { program } from '../program.js'
import { manPage, roff } from './man.js'

const page = manPage(
  program(() => undefined),
  '1.2.3',
)

describe('the man page', () => {
  it('has every setting, with its flag and its key of a file', () => {
    for (const key of SETTING_KEYS) {
      const { flag, file } = settings[key]
      expect(page, flag).to.include(`\\fB${roff(flag)}\\fR`)
      if (file !== undefined) expect(page, flag).to.include(`[${roff(file[0])}] ${roff(file[1])}`)
    }
  })

  it('has every command and every exit code', () => {
    for (const command of ['server', 'client', 'config show', 'status', 'up', 'down', 'doctor', 'completion']) {
      expect(page).to.include(`\n\\fB${roff(command)}\\fR`)
    }
    for (const code of [0, 1, 2, 3, 4, 130]) expect(page).to.include(`.B ${code}\n`)
  })

  it('is taken by groff without a warning', async function () {
    const { exitCode, stdout, stderr } = await execa('groff', ['-man', '-Tutf8', '-ww', '-z'], {
      input: page,
      reject: false,
    })
    if (exitCode === undefined) {
      console.log('      groff is not on this machine: the page was not set')
      this.skip()
    }
    expect({ exitCode, stdout, stderr }).to.deep.equal({ exitCode: 0, stdout: '', stderr: '' })
  })

  it('escapes what means something to roff', () => {
    expect(['--a-b', '.x', "'y", 'a\\b', 'plain'].map(roff)).to.deep.equal([
      ...['\\-\\-a\\-b', '\\&.x', "\\&'y", 'a\\eb', 'plain'],
    ])
  })
})
