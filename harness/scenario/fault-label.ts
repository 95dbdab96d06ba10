/** Faults as a person would say them. */
import type { FaultAction, Loss } from './types.js'
import { formatDuration, formatPercent, formatRate } from './units.js'

function lossWords(loss: Loss | null): string {
  if (loss === null) return 'no loss'
  return loss.kind === 'random' ? `loss ${formatPercent(loss.probability)}` : 'loss in bursts'
}

/** `a: blackhole up`, `b: loss 5%`, `restart server`. */
export function faultLabel(action: FaultAction): string {
  const way = 'direction' in action && action.direction !== 'both' ? ` ${action.direction}` : ''
  switch (action.verb) {
    case 'restart':
      return `restart ${action.side}`
    case 'carrier':
      return `${action.path}: carrier ${action.on ? 'on' : 'off'}`
    case 'loss':
      return `${action.path}: ${lossWords(action.loss)}${way}`
    case 'delay':
      return `${action.path}: delay ${formatDuration(action.delayMs)}${way}`
    case 'jitter':
      return `${action.path}: jitter ${formatDuration(action.jitterMs)}${way}`
    case 'rate':
      return `${action.path}: rate ${formatRate(action.bitsPerSecond)}${way}`
    case 'mtu':
      return `${action.path}: MTU ${action.mtu}${action.silent ? ' (silent)' : ''}`
    default:
      return `${action.path}: ${action.verb}${way}`
  }
}
