/**
 * The one module that knows the native parts: it loads the addon (`mqvpn_native.node`) and says where the native
 * programs are. Both are built by `npm install` into `build/release` of this package.
 */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MachineError } from './lab/errors.js'

/** Something that this kernel, and this user's rights, allow or not. */
export interface Feature {
  ok: boolean
  /** How it is there, or why it is not. */
  detail: string
}

/** What each name means, for `doctor`, in the order of its list. */
export const KERNEL_FEATURES = {
  netns: 'network namespaces can be made',
  capNetAdmin: 'CAP_NET_ADMIN (devices, addresses, routes)',
  capSysAdmin: 'CAP_SYS_ADMIN (namespaces, mounts)',
  tun: 'TUN/TAP devices',
  tunMultiQueue: 'TUN with many queues',
  tunVnetHdr: 'TUN offload headers',
  tunTso: 'TUN TCP segmentation offload',
  tunUso: 'TUN UDP segmentation offload',
  udpGso: 'UDP GSO (UDP_SEGMENT)',
  udpGro: 'UDP GRO',
  bindToDevice: 'SO_BINDTODEVICE',
  ioUring: 'io_uring',
  mptcp: 'Multipath TCP',
} as const

export type KernelFeature = keyof typeof KERNEL_FEATURES

export type NativeProgram = 'mqvpn-link' | 'mqvpn-probe'

interface Addon {
  kernelFeatures(): Record<string, Feature>
}

const PACKAGE_NAME = 'mqvpn-bench'

/** Asks the kernel by trying, in a network namespace of its own; leaves nothing behind, and needs no rights to ask. */
export function kernelFeatures(): Record<KernelFeature, Feature> {
  const found = addon().kernelFeatures()
  const unknown: Feature = { ok: false, detail: 'the native addon is older than this program: build it again' }
  const entries = Object.keys(KERNEL_FEATURES).map((name) => [name, found[name] ?? unknown])
  return Object.fromEntries(entries) as Record<KernelFeature, Feature>
}

/** Absolute path of a native program. */
export function programPath(program: NativeProgram): string {
  const path = join(nativeFolder(), program)
  try {
    accessSync(path, constants.X_OK)
  } catch {
    throw new MachineError(missing(program, path))
  }
  return path
}

/** Where the native parts are; the environment variable is for trying another build (sanitizers, debug). */
export function nativeFolder(): string {
  const chosen = process.env['MQVPN_NATIVE_DIR']
  return chosen ? resolve(chosen) : join(packageRoot(), 'build', 'release')
}

let loaded: Addon | null = null

function addon(): Addon {
  if (loaded) return loaded
  const path = join(nativeFolder(), 'mqvpn_native.node')
  try {
    loaded = createRequire(import.meta.url)(path) as Addon
  } catch (error) {
    const why = existsSync(path) && error instanceof Error ? ` (${error.message.split('\n')[0]})` : ''
    throw new MachineError(missing('the native addon', path) + why)
  }
  return loaded
}

/** From source this file lies in `harness/`, built in `dist/harness/`: the root is where our package.json is. */
function packageRoot(): string {
  const start = dirname(fileURLToPath(import.meta.url))
  for (let folder = start; ; folder = dirname(folder)) {
    if (nameOfPackage(folder) === PACKAGE_NAME) return folder
    if (folder === dirname(folder)) throw new MachineError(`no package.json of ${PACKAGE_NAME} above ${start}`)
  }
}

function nameOfPackage(folder: string): unknown {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown }).name
  } catch {
    return null
  }
}

function missing(what: string, path: string): string {
  return [
    `${what} cannot be used: ${path}`,
    'Possible solutions:',
    '  - in a source tree: cmake -S native -B build/release && cmake --build build/release',
    `  - installed from npm: npm rebuild ${PACKAGE_NAME} (needs cmake and a C++20 compiler; Debian: apt install cmake g++)`,
    '  - an install with --ignore-scripts builds nothing: allow the scripts of this package',
  ].join('\n')
}
