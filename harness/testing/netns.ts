import { existsSync } from 'node:fs'

/** True when this host has a network namespace of that name. */
export function netnsExists(name: string): boolean {
  return existsSync(`/run/netns/${name}`)
}
