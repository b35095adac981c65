import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Small files with much to do. */
const DEAR =
  /\/test\/(?:project\/(?:workflows|docs|commands|library)|compare\/runs-simulation|latency\/simulation|fuzz\/fuzz|explore\/spin|cli\/fleet)\.test\.ts$/;

/**
 * Files that start dozens of programs each: a fork copies the page tables of the worker, 1.6 ms while that is small, 33 ms once it
 * holds 1 GB.
 */
const STARTS_MANY =
  /\/test\/(?:record\/(?:hostile-info|print|btf|killed-process)|parsers\/(?:input\/decompress|trace-dat\/report)|cli\/(?:manners|broken-output|record)|fleet\/manifests)\.test\.ts$/;

/**
 * Where no run before tells how long each file takes (a clean clone), Vitest begins with the largest: some of the longest would be
 * last, and one of two workers idle beside them.
 */
export class DearestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number =>
      STARTS_MANY.test(moduleId) ? 0 : DEAR.test(moduleId) ? 1 : 2;
    // Stable: within each, as Vitest has them.
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}
