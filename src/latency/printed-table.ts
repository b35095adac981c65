/** What the lines of printed tables are, by 0-based number. */
export type TableLines = Map<number, 'heading' | 'row' | 'json'>;
