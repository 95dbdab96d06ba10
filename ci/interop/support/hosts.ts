/** Two hosts of a test: network namespaces joined by a pair of devices, and removed with everything in them. */
import { execa } from 'execa'

/**
 *   ┌ client ─────────────────────┐      ┌ server ─────────────────────┐
 *   │ 10.78.0.2, fd78::2  "wire"  ├──────┤ "wire"  10.78.0.1, fd78::1  │
 *   └─────────────────────────────┘      └─────────────────────────────┘
 */
export class TwoHosts {
  readonly client = `mqip-${process.pid}-c`
  readonly server = `mqip-${process.pid}-s`

  static async make(): Promise<TwoHosts> {
    const made = new TwoHosts()
    const ip = (...words: string[]) => execa('ip', words)
    try {
      for (const host of [made.client, made.server]) {
        await ip('netns', 'add', host)
        await ip('-n', host, 'link', 'set', 'dev', 'lo', 'up')
      }
      const peer = ['peer', 'name', 'wire', 'netns', made.server]
      await ip('-n', made.client, 'link', 'add', 'name', 'wire', 'type', 'veth', ...peer)
      for (const [host, number] of [
        [made.server, 1],
        [made.client, 2],
      ] as const) {
        await ip('-n', host, 'address', 'add', `10.78.0.${number}/24`, 'dev', 'wire')
        await ip('-n', host, 'address', 'add', `fd78::${number}/64`, 'dev', 'wire', 'nodad')
        await ip('-n', host, 'link', 'set', 'dev', 'wire', 'up')
      }
      return made
    } catch (error) {
      await made.remove()
      throw error
    }
  }

  /** A command line that runs in one of the two. */
  at(host: 'client' | 'server', ...command: string[]): string[] {
    return ['ip', 'netns', 'exec', this[host], ...command]
  }

  async remove(): Promise<void> {
    for (const host of [this.client, this.server]) await execa('ip', ['netns', 'delete', host], { reject: false })
  }
}
