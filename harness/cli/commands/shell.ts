/** `shell`: a scenario's lab, its map, and a shell in one of its hosts. */
import { spawn } from 'node:child_process'
import { Lab } from '../../lab/lab.js'
import { labMap } from '../../lab/map.js'
import type { HostName } from '../../lab/host.js'
import { loadScenario } from '../../scenario/load.js'
import { drawTopology } from '../../scenario/topology.js'
import { chooseShaper, type ShaperChoice } from '../../shaping/choose.js'
import { EXIT } from '../exit-codes.js'

export interface ShellOptions {
  host: HostName
  shaper: ShaperChoice
}

export async function shellCommand(
  file: string,
  command: readonly string[],
  options: ShellOptions,
  signal: AbortSignal,
): Promise<number> {
  const { scenario } = await loadScenario(file)
  const { kind } = await chooseShaper(options.shaper, scenario.paths)
  const lab = await Lab.open(scenario.paths, { shaper: kind })
  try {
    const interactive = command.length === 0
    if (interactive) {
      process.stdout.write(`${drawTopology(scenario)}\n\n${labMap(lab)}\n\n`)
      process.stdout.write(`A shell on ${options.host}; leave it to remove the lab.\n`)
    }
    const words = interactive ? [process.env['SHELL'] ?? '/bin/sh'] : command
    // Not Host.spawn: the terminal belongs to the shell, and it must not die with a signal that is meant for it.
    const child = spawn('ip', ['netns', 'exec', lab[options.host].netns, ...words], {
      stdio: 'inherit',
      env: { ...process.env, PS1: `${options.host}# `, debian_chroot: `${lab.id} ${options.host}` },
    })
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (exit) => {
        resolve(exit ?? 1)
      })
      // Ctrl-C inside the shell reaches us too; only a termination of ourselves ends the shell.
      signal.addEventListener('abort', () => {
        if (!interactive) child.kill('SIGTERM')
      })
    })
    return interactive ? EXIT.ok : code
  } finally {
    await lab.close()
  }
}
