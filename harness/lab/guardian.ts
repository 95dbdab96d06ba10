/**
 * A shell that outlives its lab's owner, however that one ends (SIGKILL, out of memory), and then removes the lab.
 *
 * It waits on a pipe whose other end only the owner holds. The word `done` means that the owner has cleaned up; end of
 * file without it means that the owner is gone. It runs in its own session, so that a signal to the owner's process
 * group does not reach it. When it is killed as well, the next start finds the lab in the registry.
 */
import { spawn } from 'node:child_process'
import type { LabRecord } from './registry.js'

const SCRIPT = `
read -r word
[ "$word" = done ] && exit 0
state=$1
[ -d "$state" ] || exit 0
names=$(cat "$state/netns" 2>/dev/null)
for name in $names; do
  for pid in $(ip netns pids "$name" 2>/dev/null); do kill -9 "$pid" 2>/dev/null; done
done
for name in $names; do
  ip netns del "$name" 2>/dev/null
  rm -rf "/etc/netns/$name"
done
[ -f "$state/files" ] && while read -r file; do rm -rf "$file"; done <"$state/files"
rm -rf "$state"
`

export interface Guardian {
  /** Tells it that the lab is already removed. */
  dismiss(): void
}

export function startGuardian(record: LabRecord): Guardian {
  const child = spawn('sh', ['-c', SCRIPT, 'mqvpn-bench-guardian', record.directory], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.on('error', () => undefined)
  child.stdin.on('error', () => undefined)
  child.unref()
  // A pipe would keep this process alive; the guardian must not.
  ;(child.stdin as unknown as { unref?: () => void }).unref?.()
  return {
    dismiss: () => {
      child.stdin.end('done\n')
    },
  }
}
