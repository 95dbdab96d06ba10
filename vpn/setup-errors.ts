/** An engine could not be set up: what that means, and what to do about it. */
import { codeOf, MachineError, messageOf, VpnError } from './errors.js'

export interface SetUp {
  tunName: string
  /** A server's. */
  listen?: { address: string; port: number }
}

/** The error with which `mqvpn` ends. */
export function setupError(error: unknown, { tunName, listen }: SetUp): VpnError {
  const said = messageOf(error)
  switch (codeOf(error)) {
    case 'EPERM':
    case 'EACCES':
      return new MachineError(`${said}: a tunnel needs root, or CAP_NET_ADMIN; run it with sudo`)
    case 'EADDRINUSE':
      return new VpnError(
        listen
          ? `${said}: another program has UDP port ${listen.port} (\`ss -ulpn\` shows which); choose another with --listen`
          : said,
      )
    case 'EADDRNOTAVAIL':
      return new VpnError(
        listen ? `${said}: this host does not have the address ${listen.address}; choose another with --listen` : said,
      )
    case 'EBUSY':
    case 'EEXIST':
      // What the system says about it is no more than that.
      return new VpnError(
        `${said.includes(tunName) ? '' : `${said}: `}a device ${tunName} is in use, perhaps by another mqvpn; \`ip -d link show ${tunName}\` shows it; choose another name with --tun-name`,
      )
    case 'ENOENT':
      return said.includes('/dev/net/tun')
        ? new MachineError(`${said}: load the tun module (modprobe tun), or give the container /dev/net/tun`)
        : new VpnError(said)
    default:
      return error instanceof VpnError ? error : new VpnError(said)
  }
}

/** Whether a later try could succeed: an interface that comes back, a route that is found again. */
export function isPassing(error: unknown): boolean {
  return !['EPERM', 'EACCES', 'EINVAL', 'EBUSY', 'EEXIST'].includes(codeOf(error) ?? 'EINVAL')
}
