/**
 * The one module of the harness that knows the native parts: what the addon (`mqvpn_native.node`) tells about the kernel,
 * and where the native programs are. Both are built by `npm install` into `build/release` of this package.
 */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { loadAddon, nativeFolder, NativeMissingError } from '../common/addon.js'
import { MachineError } from './lab/errors.js'

export { nativeFolder }

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
    throw new MachineError(new NativeMissingError(program, path).message)
  }
  return path
}

function addon(): Addon {
  try {
    return loadAddon() as Addon
  } catch (error) {
    if (error instanceof NativeMissingError) throw new MachineError(error.message)
    throw error
  }
}
