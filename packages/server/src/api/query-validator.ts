// Checks queries and path parameters against their schemas. Only whole numbers are converted, and only from digits: a
// lenient reading of `limit=1.5` would answer a question nobody asked.

import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

/** Bodies pass: the catalog's own rules check them, and say more than a schema can. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  if (httpPart === 'body') return () => true
  const check = Compile(schema)
  return (given: Record<string, unknown>) => {
    const value = Object.fromEntries(Object.entries(given).map(([name, text]) => [name, numberIn(text)]))
    return check.Check(value) ? { value } : { error: check.Errors(value) }
  }

  function numberIn(text: unknown): unknown {
    return httpPart === 'querystring' && typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : text
  }
}
