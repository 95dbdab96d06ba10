/**
 * The JSON Schema of `result.json`, for programs that read results in other languages. It is made from the zod schema:
 * `npx tsx harness/results/json-schema.ts && npx prettier --write schema` writes `schema/result.schema.json`, which the
 * package ships.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { RESULT_SCHEMA_VERSION, result } from './schema.js'

/** Draft 2020-12. */
export function resultJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(result, { target: 'draft-2020-12' })
  return {
    $schema,
    $id: `urn:mqvpn-bench:result:${RESULT_SCHEMA_VERSION}`,
    title: `Result of a run of mqvpn-bench, version ${RESULT_SCHEMA_VERSION}`,
    description:
      'Units are in the names; shares and probabilities are 0 to 1; atMs counts from the start of the measured traffic.',
    ...schema,
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(
    new URL('../../schema/result.schema.json', import.meta.url),
    `${JSON.stringify(resultJsonSchema(), null, 2)}\n`,
  )
}
