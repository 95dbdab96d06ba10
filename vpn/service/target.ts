/** Which client `mqvpn up` and `mqvpn down` mean: a name is `/etc/mqvpn/NAME.conf`, something with a `/` is a file. */
import { basename, join, resolve } from 'node:path'
import { UsageError } from '../errors.js'

export interface Places {
  /** `/etc/mqvpn` */
  config: string
  /** `/run/mqvpn` */
  run: string
  /** `/var/log/mqvpn` */
  log: string
}

export const PLACES: Places = { config: '/etc/mqvpn', run: '/run/mqvpn', log: '/var/log/mqvpn' }
export const DEFAULT_NAME = 'client'
const SUFFIX = '.conf'

export interface Target {
  name: string
  file: string
  /** The unit that is made for it; null for a file of its own. */
  unit: string | null
  pidFile: string
  logFile: string
}

/** @throws UsageError for a name that can be none of a file, of a unit and of a log */
export function targetOf(text: string, places: Places): Target {
  const isFile = text.includes('/')
  const name = isFile ? basename(text, SUFFIX) : text
  // systemd.unit(5) has more, which would have to be escaped.
  if (!/^[A-Za-z0-9_][\w.-]{0,63}$/.test(name)) {
    throw new UsageError(
      `${JSON.stringify(text)}: is no name for a client; write 1 to 64 letters, digits, -, _ or ., or the path of a file`,
    )
  }
  if (!isFile && name.endsWith(SUFFIX)) {
    throw new UsageError(`${text}: write the name without ${SUFFIX}, or a path such as ./${text}`)
  }
  return {
    name,
    file: isFile ? resolve(text) : join(places.config, name + SUFFIX),
    unit: isFile ? null : `mqvpn-client@${name}.service`,
    pidFile: join(places.run, `${name}.pid`),
    logFile: join(places.log, `${name}.log`),
  }
}
