import { Flags } from '@oclif/core';
import type { ObjectStore } from '../src/fleet/object-store.js';
import { temporaryFolder } from '../src/parsers/input/temporary-folder.js';

export const storeFlag = {
  store: Flags.string({
    description:
      'fetch recordings from there, one by one, s3://BUCKET/PREFIX: any S3-compatible store; credentials and endpoint from AWS_… in the environment (docs/fleet.md)',
    helpValue: 'URL',
    exclusive: ['root'],
  }),
};

/**
 * Runs `work` in a folder of its own, which is the current one meanwhile, for what is fetched. Throws UsageError for an address
 * that is none, and without credentials.
 */
export async function inStoreFolder<T>(url: string, work: (store: ObjectStore) => Promise<T>): Promise<T> {
  const { ObjectStore } = await import('../src/fleet/object-store.js');
  const store = new ObjectStore(url);
  const here = process.cwd();
  const folder = temporaryFolder('pttrace-store-');
  process.chdir(folder.path);
  try {
    return await work(store);
  } finally {
    process.chdir(here);
    folder.release();
  }
}
