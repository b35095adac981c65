import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

/** A schema of others that an output is held against; `schemas/README.md` says where they are from. */
export function publishedSchema(
  name: 'sarif-2.1.0-rtm.5' | 'github-workflow' | 'kcidb-5.3',
): Record<string, unknown> {
  const packed = readFileSync(new URL(`schemas/${name}.json.gz`, import.meta.url));
  return JSON.parse(gunzipSync(packed).toString('utf8'));
}

/** The XSD of JUnit reports as the Jenkins plugin reads them. */
export const JUNIT_XSD = fileURLToPath(new URL('schemas/jenkins-junit.xsd', import.meta.url));
