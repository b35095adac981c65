import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Small files with much to do. */
const DEAR =
  /\/test\/(?:project\/(?:workflows|docs|commands|library)|compare\/runs-simulation|latency\/simulation|fuzz\/fuzz|explore\/spin|cli\/fleet)\.test\.ts$/;

/**
 * Where no run before tells how long each file takes (a clean clone), Vitest begins with the largest: some of the longest would be
 * last, and one of two workers idle beside them.
 */
export class DearestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isDear = ({ moduleId }: TestSpecification): boolean => DEAR.test(moduleId);
    return [...sorted.filter(isDear), ...sorted.filter((file) => !isDear(file))];
  }
}
