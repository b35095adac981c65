/** Ctrl-C came before there was anything to report. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted before anything could be told');
    this.name = 'Interrupted';
  }
}
