/** Charts of a run that is not to be believed say so themselves: they are cut out and posted without their report. */
import type { Result } from '../../harness/results/schema.js'
import type { ChartConfig } from './types.js'

export function watermarked(config: ChartConfig, result: Pick<Result, 'trusted'>): ChartConfig {
  return { ...config, options: watermark(config.options, result) }
}

export function watermark(options: Record<string, unknown>, result: Pick<Result, 'trusted'>): Record<string, unknown> {
  if (result.trusted) return options
  const plugins = options['plugins'] as Record<string, unknown>
  return { ...options, plugins: { ...plugins, watermark: { text: 'not a measurement' } } }
}
