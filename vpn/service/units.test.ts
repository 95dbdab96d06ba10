/**
 * The systemd units in `service/`. That systemd itself runs them is not tested here: it would have to be process 1.
 */
import { expect } from 'chai'
import { execa } from 'execa'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../common/package.js'
import { program, type Request } from '../program.js'

const UNITS = ['mqvpn-server.service', 'mqvpn-client@.service'] as const
/** `systemd-analyze security`, from 0 (nothing can go wrong) to 10; a service without any setting has 9.6. */
const EXPOSURE_MOST = 3.0

type Unit = Map<string, Map<string, string[]>>

const textOf = (unit: string): string => readFileSync(join(packageRoot(), 'service', unit), 'utf8')

/** systemd.syntax(7), as far as these files use it; anything else is a mistake in them. */
function parse(text: string): Unit {
  const sections: Unit = new Map()
  let section: Map<string, string[]> | null = null
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const head = /^\[(\w+)\]$/.exec(line)
    const pair = /^([A-Z]\w+)=(.*)$/.exec(line)
    if (head) sections.set(head[1]!, (section = new Map<string, string[]>()))
    else if (pair && section !== null) section.set(pair[1]!, [...(section.get(pair[1]!) ?? []), pair[2]!])
    else throw new Error(`not understood: ${line}`)
  }
  return sections
}

describe('the systemd units', () => {
  for (const name of UNITS) {
    describe(name, () => {
      const unit = parse(textOf(name))
      const service = unit.get('Service')!
      const only = (key: string): string => {
        expect(service.get(key), key).to.have.length(1)
        return service.get(key)![0]!
      }

      it('starts what the command line knows, with the file that the documentation names', () => {
        const [command, ...words] = only('ExecStart').split(' ')
        expect(command).to.equal('mqvpn')
        const requests: Request[] = []
        program((request) => requests.push(request)).parse(words, { from: 'user' })
        const side = name.includes('server') ? 'server' : 'client'
        const config = side === 'server' ? '/etc/mqvpn/server.conf' : '/etc/mqvpn/%i.conf'
        expect(requests).to.have.length(1)
        expect(requests[0]).to.include({ verb: 'run', side, config })
        expect(only('ExecStopPost')).to.match(/^-.*mqvpn recover/)
      })

      it('tells when it is ready, is watched, and is started again a limited number of times', () => {
        expect(only('Type')).to.equal('notify')
        expect(only('NotifyAccess')).to.equal('main')
        expect(Number(only('WatchdogSec'))).to.be.within(10, 120)
        expect(only('Restart')).to.equal('on-failure')
        expect(unit.get('Unit')!.get('StartLimitBurst')).to.deep.equal(['5'])
        expect(Number(unit.get('Unit')!.get('StartLimitIntervalSec')![0])).to.be.greaterThan(
          5 * Number(only('RestartSec')),
        )
        // What a person has to put right is not tried again.
        expect(only('RestartPreventExitStatus').split(' ')).to.include.members(['2', '3'])
      })

      it('keeps the notes of a killed one, with which its changes of the host are taken back', () => {
        expect(only('RuntimeDirectory')).to.equal('mqvpn')
        expect(only('RuntimeDirectoryPreserve')).to.equal('yes')
        expect(only('StateDirectory')).to.equal('mqvpn')
      })

      it('has the rights that a tunnel needs, and no others', () => {
        const capabilities = only('CapabilityBoundingSet').split(' ')
        const needed = name.includes('server')
          ? ['CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE']
          : ['CAP_NET_ADMIN', 'CAP_NET_RAW']
        expect(capabilities).to.have.members(needed)
        expect(only('DeviceAllow')).to.equal('/dev/net/tun rw')
        expect(service.has('PrivateDevices')).to.equal(false)
        expect(only('RestrictAddressFamilies').split(' ')).to.have.members([
          ...['AF_INET', 'AF_INET6', 'AF_NETLINK', 'AF_UNIX'],
        ])
        for (const [key, value] of [
          ['NoNewPrivileges', 'yes'],
          ['ProtectSystem', 'strict'],
          ['ProtectHome', 'yes'],
          // Each of these two would break it; the unit says why.
          ['MemoryDenyWriteExecute', 'no'],
          ['ProtectKernelTunables', 'no'],
        ] as const) {
          expect(only(key), key).to.equal(value)
        }
      })
    })
  }

  describe('in the eyes of systemd-analyze', () => {
    let folder: string
    let files: string[]

    before(async function () {
      const { failed, exitCode } = await execa('systemd-analyze', ['--version'], { reject: false })
      if (failed && exitCode === undefined) {
        console.log('      systemd-analyze is not on this machine: the units were only parsed')
        this.skip()
      }
      // It looks whether the program is there; here it is not installed.
      folder = mkdtempSync(join(tmpdir(), 'mqvpn-units-'))
      const stub = join(folder, 'mqvpn')
      writeFileSync(stub, '#!/bin/sh\n')
      chmodSync(stub, 0o755)
      files = UNITS.map((name) => {
        const file = join(folder, name.replace('@', '@home'))
        writeFileSync(file, textOf(name).replace(/^(Exec\w+=-?)mqvpn /gm, `$1${stub} `))
        return file
      })
    })
    after(() => {
      if (folder !== undefined) rmSync(folder, { recursive: true })
    })

    it('they are right', async () => {
      const { exitCode, stderr } = await execa('systemd-analyze', ['verify', '--man=no', ...files], { reject: false })
      expect(stderr).to.equal('')
      expect(exitCode).to.equal(0)
    }).timeout(60_000)

    it(`they are exposed by ${EXPOSURE_MOST} of 10 at most`, async function () {
      const args = ['security', '--offline=true', '--no-pager', `--threshold=${EXPOSURE_MOST * 10}`]
      for (const file of files) {
        const { exitCode, stdout, stderr } = await execa('systemd-analyze', [...args, file], { reject: false })
        if (/unrecognized option/.test(stderr)) {
          console.log('      this systemd-analyze cannot judge files (before version 250)')
          this.skip()
        }
        expect(exitCode, stdout.split('\n').at(-1)).to.equal(0)
      }
    }).timeout(60_000)
  })
})
