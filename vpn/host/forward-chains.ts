/** Forward chains of others (docker, ufw, firewalld, …) that drop what no rule of theirs accepts, and how to open them. */

type NftObject = Record<string, Record<string, unknown>>

export interface ForwardChain {
  family: 'ip' | 'ip6' | 'inet'
  /** `ip filter FORWARD` */
  where: string
  /** Commands for the administrator. */
  todo: string
}

/** Those that have no rule which accepts the device. @param ruleset as nft lists it */
export function closedForwarding(ruleset: readonly NftObject[], tunName: string): ForwardChain[] {
  const chains = ruleset.flatMap(({ chain }) => (chain?.['hook'] === 'forward' ? [chain] : []))
  return chains.flatMap((chain) => {
    const { family, table, name, policy } = chain
    if (family !== 'ip' && family !== 'ip6' && family !== 'inet') return []
    // Another mqvpn's kill switch is meant to be closed.
    if (String(table).startsWith('mqvpn_')) return []
    const rules = ruleset.flatMap(({ rule }) =>
      rule?.['family'] === family && rule['table'] === table && rule['chain'] === name ? [rule] : [],
    )
    const closed = policy === 'drop' || isRefusal(rules.at(-1))
    if (!closed || rules.some((rule) => accepts(rule, tunName))) return []
    return [{ family, where: `${family} ${String(table)} ${String(name)}`, todo: opening(chain, tunName) }]
  })
}

const expressions = (rule: Record<string, unknown> | undefined): Record<string, unknown>[] =>
  Array.isArray(rule?.['expr']) ? (rule['expr'] as Record<string, unknown>[]) : []

/** A last rule that takes everything, as firewalld has it. */
function isRefusal(rule: Record<string, unknown> | undefined): boolean {
  const keys = expressions(rule).flatMap((one) => Object.keys(one))
  const last = keys.at(-1)
  return (
    (last === 'drop' || last === 'reject') && keys.every((key) => key === last || key === 'counter' || key === 'log')
  )
}

function accepts(rule: Record<string, unknown>, tunName: string): boolean {
  const parts = expressions(rule)
  return parts.some((part) => 'accept' in part) && JSON.stringify(parts).includes(JSON.stringify(tunName))
}

function opening({ family, table, name }: Record<string, unknown>, tunName: string): string {
  if (table === 'firewalld') return `\`firewall-cmd --zone=trusted --add-interface=${tunName}\``
  if (table === 'filter' && name === 'FORWARD') {
    const program = family === 'ip6' ? 'ip6tables' : 'iptables'
    return `\`${program} -I FORWARD -i ${tunName} -j ACCEPT; ${program} -I FORWARD -o ${tunName} -j ACCEPT\``
  }
  const insert = (side: string): string =>
    `nft insert rule ${String(family)} ${String(table)} ${String(name)} ${side} ${tunName} accept`
  return `\`${insert('iifname')}; ${insert('oifname')}\``
}
