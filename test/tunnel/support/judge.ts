/** tcpdump as the judge of what leaves a host. */
import type { Host } from '../../../harness/lab/host.js'
import type { HostProcess } from '../../../harness/lab/process.js'
import { until } from './until.js'

/** What the kernel and DHCP need; the rest is a leak. `-Q out` sees it after every hook. */
export const EXEMPT = 'not arp and not (icmp6 and ip6[40] >= 133 and ip6[40] <= 137 and ip6[7] == 255)'

/** What tcpdump has seen leave over a device. */
export class Judge {
  readonly seen: string[] = []
  readonly process: HostProcess
  #ready = false

  private constructor(host: Host, device: string, direction: string, filter: string) {
    const argv = ['--immediate-mode', '-l', '-nn', '-Q', direction, '-i', device, filter]
    this.process = host.spawn('tcpdump', argv, { role: 'traffic' })
    this.process.onLine((line) => {
      if (line.startsWith('listening on')) this.#ready = true
      else if (/ IP6? /.test(line)) this.seen.push(line)
    })
  }

  static async on(host: Host, device: string, direction = 'out', filter = EXEMPT): Promise<Judge> {
    const judge = new Judge(host, device, direction, filter)
    await until(`tcpdump on ${device}`, () => judge.#ready, { explain: () => judge.process.tail() })
    return judge
  }

  async sees(what: RegExp): Promise<string> {
    return until(`${String(what)} in tcpdump`, () => this.seen.find((line) => what.test(line)), {
      explain: () => this.seen.join('\n') + this.process.tail(),
    })
  }
}
