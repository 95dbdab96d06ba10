/** What runs over the paths: iperf3 over TCP or UDP, and the probe that feels every gap. Builders of plain data. */
import type { Directions } from './types.js'
import type { Duration, Rate, Size } from './units.js'

type OneOrMany<T> = T | readonly T[]

export interface IperfOptions {
  /** up: client to server. A list gives one measurement each. */
  direction: OneOrMany<Directions>
  /** Parallel TCP connections, 1 … 128; a list gives one measurement each. Default 1. */
  streams?: OneOrMany<number>
  /** Of the measured part. */
  duration: Duration
  /** Left out before it: slow start. Default `'1s'`. */
  omit?: Duration
  /** TCP congestion control, e.g. `'bbr'`; must be loaded in the kernel. Default: the system's. */
  congestion?: string
}

export interface UdpOptions {
  direction: OneOrMany<Directions>
  /** Offered load, counted over the payload, of all streams together; a list gives one measurement each. */
  rate: OneOrMany<Exclude<Rate, 'unlimited'>>
  /** Bytes in each datagram. Default `'1200B'`, which fits through every tunnel. */
  payload?: Size
  /** Parallel flows, 1 … 128. Default 1. */
  streams?: number
  duration: Duration
  /** Default `'0s'`: UDP has no slow start. */
  omit?: Duration
}

export interface ProbeOptions {
  /** Between two packets in each direction, `'1ms'` … `'1s'`: also the resolution of every outage. */
  every: Duration
  /** Bytes in each packet, 32 … 1200. Default `'64B'`. */
  payload?: Size
  /** Only where the probe is the only traffic. */
  duration?: Duration
}

export interface IperfInput extends IperfOptions {
  readonly kind: 'iperf'
}
export interface UdpInput extends UdpOptions {
  readonly kind: 'udp'
}
export interface ProbeInput extends ProbeOptions {
  readonly kind: 'probe'
}
export type TrafficInput = IperfInput | UdpInput | ProbeInput

/** Kept on an object so that an editor lists what there is after `traffic.` */
export const traffic = {
  /** iperf3 over TCP: as fast as it goes. */
  iperf: (options: IperfOptions): IperfInput => ({ ...options, kind: 'iperf' }),
  /** iperf3 over UDP at a fixed rate: loss and jitter. */
  udp: (options: UdpOptions): UdpInput => ({ ...options, kind: 'udp' }),
  /** Numbered packets in both directions, beside the load: outage, loss, reordering, delay under load. */
  udpProbe: (options: ProbeOptions): ProbeInput => ({ ...options, kind: 'probe' }),
}
