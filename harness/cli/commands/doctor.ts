/** `doctor`: what this machine has and lacks, what is used instead, what to install. */
import pc from 'picocolors'
import { kernelFeatures, KERNEL_FEATURES, nativeFolder, programPath, type KernelFeature } from '../../native.js'
import { MachineError, messageOf } from '../../lab/errors.js'
import { requireRoot } from '../../lab/lab.js'
import { chooseShaper } from '../../shaping/choose.js'
import { requirementsOf, subjectKinds } from '../../subjects/index.js'
import { which } from '../../subjects/which.js'
import { EXIT } from '../exit-codes.js'

export interface Finding {
  group: 'needed' | 'kernel' | 'subjects'
  what: string
  ok: boolean
  /** Without it nothing runs. */
  essential: boolean
  detail: string
  /** What to do, when not ok. */
  remedy: string | null
}

/** Programs that every lab needs, with the Debian package that brings each. */
const PROGRAMS: readonly (readonly [string, string])[] = [
  ['ip', 'iproute2'],
  ['tc', 'iproute2'],
  ['iperf3', 'iperf3'],
  ['sysctl', 'procps'],
  ['setpriv', 'util-linux'],
  ['nft', 'nftables'],
  ['conntrack', 'conntrack'],
  ['ethtool', 'ethtool'],
  ['ping', 'iputils-ping'],
]

/** Without these the lab cannot be built at all; the others only make something faster or possible. */
const ESSENTIAL: readonly KernelFeature[] = ['netns', 'capNetAdmin', 'tun']

const WITHOUT: Partial<Record<KernelFeature, string>> = {
  mptcp: 'the subject mptcp is reported as unsupported',
  tunVnetHdr: 'the link emulator computes checksums itself, at a higher cost',
}

export async function findings(): Promise<Finding[]> {
  return [...programs(), ...natives(), ...features(), await netem(), ...subjectPrograms()]
}

/**
 * For a run: what is missing but can be done without, one sentence each, for the report's environment.
 *
 * @throws MachineError when something is missing that cannot
 */
export async function requireMachine(): Promise<string[]> {
  requireRoot()
  const lacking = (await findings()).filter((finding) => !finding.ok && finding.group !== 'subjects')
  const sentence = ({ what, detail, remedy }: Finding): string => `${what}: ${detail}${remedy ? ` (${remedy})` : ''}`
  const essential = lacking.filter((finding) => finding.essential)
  if (essential.length > 0) throw new MachineError(`this machine lacks ${essential.map(sentence).join('; ')}`)
  return lacking.map(sentence)
}

export async function doctorCommand({ json = false }: { json?: boolean }): Promise<number> {
  const all = await findings()
  const lacking = all.filter((finding) => finding.essential && !finding.ok)
  process.stdout.write(json ? `${JSON.stringify(all, null, 2)}\n` : `${render(all)}\n`)
  if (!json && lacking.length === 0) process.stdout.write('\nReady: this machine can build labs and measure.\n')
  if (!json && lacking.length > 0) {
    process.stdout.write(`\nNot ready: ${lacking.map((finding) => finding.what).join(', ')}.\n`)
  }
  return lacking.length > 0 ? EXIT.missing : EXIT.ok
}

function programs(): Finding[] {
  return PROGRAMS.map(([name, debianPackage]) => {
    const found = which(name)
    return {
      group: 'needed',
      what: name,
      ok: found !== null,
      essential: true,
      detail: found ?? 'not installed',
      remedy: found ? null : `apt install ${debianPackage}`,
    }
  })
}

function natives(): Finding[] {
  return (['mqvpn-link', 'mqvpn-probe'] as const).map((name) => {
    try {
      return { group: 'needed', what: name, ok: true, essential: true, detail: programPath(name), remedy: null }
    } catch {
      const remedy = 'npm run build:native'
      return { group: 'needed', what: name, ok: false, essential: true, detail: `not in ${nativeFolder()}`, remedy }
    }
  })
}

function features(): Finding[] {
  try {
    const found = kernelFeatures()
    return (Object.keys(KERNEL_FEATURES) as KernelFeature[]).map((name) => {
      const { ok, detail } = found[name]
      const essential = ESSENTIAL.includes(name)
      const remedy = ok
        ? null
        : (WITHOUT[name] ?? (process.getuid?.() === 0 ? null : 'run doctor with sudo to be sure'))
      return { group: 'kernel', what: KERNEL_FEATURES[name], ok, essential, detail, remedy }
    })
  } catch (error) {
    const detail = messageOf(error).split('\n')[0] ?? ''
    return [
      { group: 'kernel', what: 'native addon', ok: false, essential: true, detail, remedy: 'npm run build:native' },
    ]
  }
}

async function netem(): Promise<Finding> {
  const { kind, reason } = await chooseShaper('auto', [])
  const ok = kind === 'netem'
  return {
    group: 'kernel',
    what: 'netem (shaper)',
    ok,
    essential: false,
    detail: ok ? 'links are shaped by the kernel' : reason,
    remedy: ok ? null : 'the `user` shaper (mqvpn-link) is used instead',
  }
}

function subjectPrograms(): Finding[] {
  return subjectKinds.map((kind) => {
    const requirements = requirementsOf(kind)
    const missing = requirements.filter(({ program }) => which(program) === null)
    const packages = [...new Set(missing.map((requirement) => requirement.package))]
    return {
      group: 'subjects',
      what: kind,
      ok: missing.length === 0,
      essential: false,
      detail:
        missing.length === 0
          ? requirements.map(({ program }) => program).join(', ') || 'brings its own programs'
          : `${missing.map(({ program }) => program).join(', ')} not installed: reported as missing`,
      remedy: missing.length === 0 ? null : `apt install ${packages.join(' ')}`,
    }
  })
}

const TITLES: Record<Finding['group'], string> = {
  needed: 'Programs',
  kernel: 'Kernel and rights',
  subjects: 'Subjects',
}

function render(all: readonly Finding[]): string {
  const width = Math.max(...all.map((finding) => finding.what.length))
  return (Object.keys(TITLES) as Finding['group'][])
    .map((group) => {
      const lines = all
        .filter((finding) => finding.group === group)
        .map((finding) => {
          const mark = finding.ok ? pc.green('✓') : finding.essential ? pc.red('✗') : pc.yellow('–')
          const remedy = finding.remedy ? `  → ${finding.remedy}` : ''
          return `  ${mark} ${finding.what.padEnd(width)}  ${finding.detail}${remedy}`
        })
      return `${pc.bold(TITLES[group])}\n${lines.join('\n')}`
    })
    .join('\n\n')
}
