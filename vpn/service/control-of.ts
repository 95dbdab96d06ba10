/** Where a client with this configuration file can be asked. */
import { loadSettings } from '../config/load.js'
import { controlPath } from '../control/paths.js'

/**
 * @param warn for what is not right with the file, but no reason not to use it
 * @throws UsageError with every line that is wrong
 */
export function controlOf(file: string, env: NodeJS.ProcessEnv, warn: (line: string) => void): string {
  const log = { warn, debug: () => undefined }
  const { settings } = loadSettings({ side: 'client', flags: {}, env: { ...env }, file }, log)
  return settings.control ?? controlPath(settings.tunName)
}
