/** What the lines of printed tables are, by 0-based number. */
export type TableLines = Map<number, 'heading' | 'row' | 'json'>;

/** What bpftrace, the terminal and markup say around a table; never its title. */
export const CHATTER =
  /^\s*(?:\^C|Attach(?:ing|ed) \d+ probes?\W*|Lost \d+ events|`{3,}.*|~{3,}.*|<\/?\w[^>]*>)\s*$/;
