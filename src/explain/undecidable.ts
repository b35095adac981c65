/** Rules of the catalogue that no event read so far can decide: known by name, never reported as passed. None now. */
export const UNDECIDABLE: Readonly<Record<number, { name: string; statement: string; source: string }>> = {};
