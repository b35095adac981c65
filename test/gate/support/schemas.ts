import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv, { type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { JUNIT_XSD, publishedSchema } from '../../support/schemas.js';

let sarif: ValidateFunction | undefined;

function sarifSchema(): ValidateFunction {
  const ajv = new Ajv.default({ strict: false, allErrors: true, unicodeRegExp: false });
  addFormats.default(ajv);
  // Written for draft 4, whose meta schema is not shipped; nothing in it means something else in draft 7.
  const { $schema: _, id: __, ...schema } = publishedSchema('sarif-2.1.0-rtm.5');
  return ajv.compile(schema);
}

/** What the SARIF 2.1.0 schema as OASIS published it says against a log; empty: valid. */
export function sarifFaults(text: string): string {
  // To compile it takes half a second.
  const valid = (sarif ??= sarifSchema());
  return valid(JSON.parse(text)) ? '' : JSON.stringify(valid.errors?.slice(0, 3));
}

/** Null: xmllint is there. With CI=true it has to be. */
export function missingXmllint(): string | null {
  if (spawnSync('xmllint', ['--version']).status === 0) return null;
  if (process.env.CI) throw new Error('xmllint is missing (libxml2-utils)');
  return 'xmllint is not installed';
}

/** What the schema of the Jenkins JUnit plugin says against a report; empty: valid. `dir` takes a scratch file. */
export function junitFaults(xml: string, dir: string): string {
  const file = join(dir, 'checked.xml');
  writeFileSync(file, xml);
  const run = spawnSync('xmllint', ['--noout', '--schema', JUNIT_XSD, file], { encoding: 'utf8' });
  return run.status === 0 ? '' : run.stderr;
}
