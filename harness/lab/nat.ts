/**
 * A NAT in front of one path of the client: UDP leaves from ports of one of two ranges, chosen anew by `rebind`.
 *
 * It lives in the client's own namespace, behind the routing decision, so programs on the client do not see it (their
 * socket keeps its address and port), exactly as with a home router; the server sees a port that changes.
 */
import type { Host } from './host.js'

/** Two ranges that do not meet; outside the kernel's ephemeral default (32768–60999) is not needed, they are after NAT. */
const RANGES = ['20000-29999', '30000-39999'] as const

export class Nat {
  #range = 0

  private constructor(
    readonly host: Host,
    readonly device: string,
  ) {}

  static async start(host: Host, device: string): Promise<Nat> {
    const nat = new Nat(host, device)
    await nat.#load()
    return nat
  }

  /** Every binding is forgotten; replies to the old ports are dropped, as an unknown port is by a NAT. */
  async rebind(): Promise<void> {
    this.#range = 1 - this.#range
    await this.#load()
    // The mapping of a known flow lives in conntrack, not in the rule set.
    await this.host.run('conntrack', ['-F'], { check: false })
  }

  async #load(): Promise<void> {
    const table = `mqvpn_bench_nat_${this.device.replace(/[^A-Za-z0-9]/g, '_')}`
    const gone = RANGES[1 - this.#range]
    await this.host.run('nft', ['-f', '-'], {
      input: `
table ip ${table}
delete table ip ${table}
table ip ${table} {
  chain out {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "${this.device}" meta l4proto udp masquerade to :${RANGES[this.#range] ?? ''}
  }
  chain in {
    type filter hook prerouting priority raw; policy accept;
    iifname "${this.device}" udp dport ${gone ?? ''} drop
  }
}
`,
    })
  }
}
