/**
 * Which pages have an entry in a map keyed by page. One event frees or allocates up to 2^10 pages
 * (`MAX_PAGE_ORDER`), nearly none of which is a table: a bit per page is looked at instead of the map. Plain data, as all of the state.
 */
export interface PageIndex {
  /** Block of 512 pages → slot in `words`; blocks without an entry have none. */
  slots: Map<number, number>;
  /** Sixteen words a slot: one bit per page. */
  words: Int32Array;
  /** Slots whose blocks have gone. */
  unused: number[];
  /** Slots ever handed out. */
  made: number;
}

/** Pages that lie together: 2 MiB. */
export const BLOCK = 512;
const WORDS = BLOCK / 32;

export const newPageIndex = (): PageIndex => ({
  slots: new Map(),
  words: new Int32Array(WORDS),
  unused: [],
  made: 0,
});

/** Pages are whole numbers, negative ones too (identities without a known base). */
export function markPage(index: PageIndex, page: number): void {
  const block = Math.floor(page / BLOCK);
  const slot = index.slots.get(block) ?? newSlot(index, block);
  const bit = page - block * BLOCK;
  index.words[slot * WORDS + (bit >> 5)]! |= 1 << (bit & 31);
}

export function unmarkPage(index: PageIndex, page: number): void {
  const block = Math.floor(page / BLOCK);
  const slot = index.slots.get(block);
  if (slot === undefined) return;
  const bit = page - block * BLOCK;
  index.words[slot * WORDS + (bit >> 5)]! &= ~(1 << (bit & 31));
  for (let w = slot * WORDS; w < (slot + 1) * WORDS; w++) if (index.words[w] !== 0) return;
  index.slots.delete(block);
  index.unused.push(slot);
}

/** The pages from `block` * 512 on, all of them. */
export function unmarkBlock(index: PageIndex, block: number): void {
  const slot = index.slots.get(block);
  if (slot === undefined) return;
  index.words.fill(0, slot * WORDS, (slot + 1) * WORDS);
  index.slots.delete(block);
  index.unused.push(slot);
}

export function isMarked(index: PageIndex, page: number): boolean {
  const block = Math.floor(page / BLOCK);
  const slot = index.slots.get(block);
  if (slot === undefined) return false;
  const bit = page - block * BLOCK;
  return ((index.words[slot * WORDS + (bit >> 5)]! >> (bit & 31)) & 1) === 1;
}

/** `map.set(page, value)`, and its bit. */
export function setPage<T>(map: Map<number, T>, index: PageIndex, page: number, value: T): void {
  map.set(page, value);
  markPage(index, page);
}

/** `map.delete(page)`, and its bit. */
export function deletePage<T>(map: Map<number, T>, index: PageIndex, page: number): void {
  if (map.delete(page)) unmarkPage(index, page);
}

/** The first page in [from, end) that has an entry; `end` where none has. */
export function nextPage(index: PageIndex, from: number, end: number): number {
  for (let page = from; page < end; ) {
    const block = Math.floor(page / BLOCK);
    const slot = index.slots.get(block);
    const blockEnd = (block + 1) * BLOCK;
    if (slot !== undefined) {
      const found = nextInBlock(index.words, slot, page - block * BLOCK);
      if (found < BLOCK) return Math.min(block * BLOCK + found, end);
    }
    page = blockEnd;
  }
  return end;
}

/** Every entry of `map` for `count` pages from `first` on, in order; `visit` may delete the one it is given. */
export function forEachPage<T>(
  map: Map<number, T>,
  index: PageIndex,
  first: number,
  count: number,
  visit: (value: T) => void,
): void {
  const end = first + count;
  for (let page = nextPage(index, first, end); page < end; page = nextPage(index, page + 1, end)) {
    visit(map.get(page)!);
  }
}

function nextInBlock(words: Int32Array, slot: number, from: number): number {
  let w = from >> 5;
  let word = words[slot * WORDS + w]! & (-1 << (from & 31));
  while (word === 0) {
    if (++w === WORDS) return BLOCK;
    word = words[slot * WORDS + w]!;
  }
  return w * 32 + 31 - Math.clz32(word & -word);
}

function newSlot(index: PageIndex, block: number): number {
  // A slot that was given back is empty.
  const slot = index.unused.pop() ?? index.made++;
  if ((slot + 1) * WORDS > index.words.length) {
    const wider = new Int32Array(index.words.length * 2);
    wider.set(index.words);
    index.words = wider;
  }
  index.slots.set(block, slot);
  return slot;
}
