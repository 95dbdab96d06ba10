/** Whether a server would get its UDP port. */
import { fail, ok, warn, type Finding } from './finding.js'
import type { Machine } from './machine.js'

/** @param isOurs a mqvpn server runs here */
export async function port(
  machine: Machine,
  listen: { address: string; port: number },
  isOurs: boolean,
): Promise<Finding[]> {
  const { address, port } = listen
  const where = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
  const code = await machine.udpPort(address, port)
  switch (code) {
    case null:
      return [ok('port', `UDP port ${where} is free`)]
    case 'EADDRINUSE':
      if (isOurs) return [ok('port', `UDP port ${where} is in use, and a mqvpn server runs here`)]
      return [
        fail(
          'port',
          `UDP port ${where} is in use`,
          '`ss -ulpn` shows by which program; end it, or choose another with --listen',
        ),
      ]
    case 'EADDRNOTAVAIL':
      return [
        fail(
          'port',
          `this host does not have the address ${address}`,
          '`ip address` shows those that it has; 0.0.0.0 is all of them',
        ),
      ]
    case 'EACCES':
    case 'EPERM':
      return [warn('port', `this user may not open port ${where}`, 'run the doctor with sudo')]
    default:
      return [fail('port', `UDP port ${where} cannot be opened: ${code}`, 'choose another with --listen')]
  }
}
