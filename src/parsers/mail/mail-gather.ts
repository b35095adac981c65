import { looksLikeMail, type MailText, readMail } from './mail.js';
import { unwrapMail } from './mail-wrap.js';

/** Enough to tell a mail by. */
const ENOUGH = 64 << 10;
/** A mail is read whole; text beyond this is no mail, whatever its first lines look like. */
const MAX_MAIL = 64 << 20;

/** Holds an input's first bytes until they show whether it is a mail, and a mail until its end. */
export class MailGather {
  private held: Uint8Array[] = [];
  private bytes = 0;
  private state: 'undecided' | 'mail' | 'other' = 'undecided';

  /** Bytes to go on with, null while they are held. */
  add(chunk: Uint8Array): Uint8Array | null {
    if (this.state === 'other') return chunk;
    // A Buffer's own slice would be a view of bytes that are overwritten.
    this.held.push(Uint8Array.prototype.slice.call(chunk));
    this.bytes += chunk.length;
    if (this.state === 'undecided') {
      if (this.bytes < ENOUGH) return null;
      this.decide();
    }
    if (this.state === 'mail' && this.bytes <= MAX_MAIL) return null;
    this.state = 'other';
    return this.take();
  }

  /** End of input: what was held, read as a mail if it is one. */
  finish(): { readonly mail: MailText | null; readonly rest: Uint8Array | null; readonly bytes: number } {
    if (this.state === 'undecided') this.decide();
    const held = this.held.length === 0 ? null : this.take();
    const mail = this.state === 'mail' && held !== null ? unwrapMail(readMail(held)) : null;
    return { mail, rest: mail ? null : held, bytes: held?.length ?? 0 };
  }

  private decide(): void {
    this.held = [this.take()];
    this.state = looksLikeMail(this.held[0]!) ? 'mail' : 'other';
  }

  private take(): Uint8Array {
    const [only] = this.held;
    const all = this.held.length === 1 ? only! : Buffer.concat(this.held);
    this.held = [];
    return all;
  }
}
