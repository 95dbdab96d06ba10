/**
 * No VPN: traffic straight over one path. It gives the best-single-path and sum-of-paths baselines that every other
 * result is printed against.
 */
import { release } from 'node:os'
import { UsageError } from '../lab/errors.js'
import type { Path } from '../lab/path.js'
import { untilPings } from './ready.js'
import type { RunningSubject, SubjectAdapter, SubjectContext } from './subject.js'
import { cannotRestart } from './unsupported.js'
import type { Requirement } from './which.js'

export const requirements: readonly Requirement[] = [{ program: 'ping', package: 'iputils-ping' }]

export const direct: SubjectAdapter = {
  kind: 'direct',
  version: () => Promise.resolve(`Linux ${release()}`),
  supports: () => Promise.resolve(null),
  cannot: (_spec, measurement) => cannotRestart(measurement, 'direct'),
  start: (context) => Promise.resolve(startDirect(context)),
}

function startDirect({ lab, spec }: SubjectContext): RunningSubject {
  const path = pathOf(lab.paths, spec.paths[0], spec.id)
  const endpoint = {
    serverAddress: path.addresses.server4,
    clientAddress: null,
    // Not the address: it may change while traffic runs (`readdress`).
    clientDevice: path.spec.name,
    probeProtocol: 'udp' as const,
    wrap: [],
  }
  return {
    endpoint,
    processes: [],
    dead: () => null,
    ready: (signal) =>
      untilPings(lab.client, endpoint.serverAddress, { subject: spec.id, processes: [], signal }, [
        '-I',
        path.spec.name,
      ]),
    stats: () => Promise.resolve({}),
    restart: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  }
}

/** A path by name; says which exist when it does not. */
export function pathOf(paths: ReadonlyMap<string, Path>, name: string | undefined, subject: string): Path {
  const path = name === undefined ? undefined : paths.get(name)
  if (path) return path
  const known = [...paths.keys()].join(', ')
  throw new UsageError(`subject ${subject}: there is no path \`${name ?? ''}\`; this scenario has: ${known}`)
}
