/** Methods that go through a list until they find what they look for, or to its end. */
const SEARCHES = [
  'filter',
  'find',
  'findIndex',
  'findLast',
  'findLastIndex',
  'indexOf',
  'lastIndexOf',
  'includes',
  'some',
  'every',
  'map',
  'slice',
] as const;

/**
 * How many elements of lists, sets and maps `work` goes through: what its time grows with, counted instead of measured.
 * A search counts its whole list, from where it begins.
 */
export function visited(work: () => void): number {
  let count = 0;
  const undo: (() => void)[] = [];
  const put = (object: object, name: string, value: unknown): void => {
    const before = Object.getOwnPropertyDescriptor(object, name)!;
    Object.defineProperty(object, name, { ...before, value });
    undo.push(() => Object.defineProperty(object, name, before));
  };
  for (const some of [[], new Map(), new Set()] as Iterable<unknown>[]) {
    const iterator = Object.getPrototypeOf(some[Symbol.iterator]()) as { next: () => unknown };
    const { next } = iterator;
    put(iterator, 'next', function counted(this: unknown) {
      count++;
      return next.call(this);
    });
  }
  for (const name of SEARCHES) {
    const search = Array.prototype[name] as (...args: unknown[]) => unknown;
    put(Array.prototype, name, function counted(this: unknown[], ...args: unknown[]) {
      const from = /indexOf|includes/.test(name) && typeof args[1] === 'number' ? args[1] : 0;
      count += this.length - from;
      return search.apply(this, args);
    });
  }
  try {
    work();
  } finally {
    for (const back of undo.reverse()) back();
  }
  return count;
}
