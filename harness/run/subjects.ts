/** Which subjects can run here, before anything is built. */
import type { SubjectInfo } from '../results/schema.js'
import type { Scenario, SubjectSpec } from '../scenario/types.js'
import { adapterFor } from '../subjects/index.js'

/** "Unsupported, because …" is a result, so this does not throw. */
export async function examineSubjects(scenario: Scenario, ids: ReadonlySet<string>): Promise<SubjectInfo[]> {
  return Promise.all(scenario.subjects.filter((spec) => ids.has(spec.id)).map((spec) => examineSubject(spec, scenario)))
}

async function examineSubject(spec: SubjectSpec, scenario: Scenario): Promise<SubjectInfo> {
  const adapter = adapterFor(spec.kind)
  const why = await adapter.supports(spec, scenario)
  return {
    id: spec.id,
    kind: spec.kind,
    label: spec.label,
    version: why ? null : await adapter.version(spec),
    paths: spec.paths,
    status: why?.status ?? 'ok',
    reason: why?.reason ?? null,
    remedy: why?.remedy ?? null,
  }
}
