/** The entry of every scenario file: `export default defineScenario({…})`. */
import type { ScenarioInput } from './scenario-input.js'
import { resolveScenario } from './schema.js'
import type { Scenario } from './types.js'

/** Registered, so that a second copy of this package recognises scenarios of the first. */
const MADE = Symbol.for('mqvpn-bench.scenario')

/**
 * Validates a scenario and returns it as plain data in base units. Nothing is created or started.
 *
 * @throws ScenarioError listing every problem with its key path, one per line
 */
export function defineScenario<const N extends string>(input: ScenarioInput<N>): Scenario {
  const scenario = resolveScenario(input)
  Object.defineProperty(scenario, MADE, { value: true, enumerable: false })
  return scenario
}

/** Was this made by `defineScenario`? */
export function isScenario(value: unknown): value is Scenario {
  return typeof value === 'object' && value !== null && MADE in value
}
