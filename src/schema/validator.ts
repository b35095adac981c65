import { createRequire } from 'node:module';
import type { Options, ValidateFunction } from 'ajv/dist/2020.js';
import { type JsonSchema, readSchema } from './read-schema.js';

/**
 * The check of a published schema, made when it is first asked for: loading and compiling take longer than a short recording,
 * and each thread and command would pay for files that it does not read. `adapt`: the schema as it is meant here.
 */
export function validatorOf<T>(
  name: string,
  options: Options,
  adapt: (schema: JsonSchema) => JsonSchema = (schema) => schema,
): () => ValidateFunction<T> {
  let compiled: ValidateFunction<T> | undefined;
  return () => {
    if (compiled === undefined) {
      const { Ajv2020 } = createRequire(import.meta.url)(
        'ajv/dist/2020.js',
      ) as typeof import('ajv/dist/2020.js');
      compiled = new Ajv2020(options).compile<T>(adapt(readSchema(name)));
    }
    return compiled;
  };
}
