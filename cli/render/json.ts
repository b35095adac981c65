import type { Result } from '../../src/result/types.js';

/** The result as it is: key order is that of the types, so equal results are equal bytes. */
export const formatJson = (result: Result): string => `${JSON.stringify(result, null, 2)}\n`;
