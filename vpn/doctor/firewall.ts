/** nftables: for address translation on a server, and for the kill switch. */
import { fail, ok, warn, type Finding } from './finding.js'
import type { Machine } from './machine.js'

export async function firewall(machine: Machine, needed: boolean): Promise<Finding[]> {
  if (!(await machine.has('nft'))) {
    const todo = 'install the package nftables'
    return needed
      ? [fail('firewall', 'nft is not here, and the configuration needs it (NAT or kill switch)', todo)]
      : [warn('firewall', 'nft is not here: neither a server with NAT nor a kill switch', todo)]
  }
  // Reading the rules asks the kernel, as making some would.
  const rules = await machine.run('nft', '--json', 'list', 'ruleset')
  if (rules !== null) return [ok('firewall', 'nftables works')]
  return machine.uid() === 0
    ? [
        (needed ? fail : warn)(
          'firewall',
          'nft is here, but the kernel refuses it',
          'load the module (modprobe nf_tables), or give the container CAP_NET_ADMIN',
        ),
      ]
    : [warn('firewall', 'nft is here, but this user may not ask the kernel', 'run the doctor with sudo')]
}
