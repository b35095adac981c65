import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

type Listener = (params: Record<string, unknown>) => void;

/** A Chromium of this machine, spoken to by its DevTools protocol through a pipe: `--remote-debugging-pipe`, messages end in NUL. */
export class Chromium {
  private readonly process: ChildProcess;
  private readonly profile = mkdtempSync(join(tmpdir(), 'pttrace-chromium-'));
  private readonly waiting = new Map<number, (message: Message) => void>();
  private readonly listeners = new Map<string, Listener>();
  private last = 0;

  constructor(executable: string) {
    this.process = spawn(
      executable,
      [
        ...['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--no-first-run'],
        ...['--remote-debugging-pipe', `--user-data-dir=${this.profile}`],
      ],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
    );
    let rest = '';
    (this.process.stdio[4] as Readable).setEncoding('utf8').on('data', (chunk: string) => {
      const messages = (rest + chunk).split('\0');
      rest = messages.pop()!;
      for (const text of messages) this.take(JSON.parse(text) as Message);
    });
  }

  /** Throws what the browser says against it. */
  send(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, ({ result, error }) =>
        error ? reject(new Error(`${method}: ${error.message}`)) : resolve(result ?? {}),
      );
      const message = JSON.stringify({ id, method, params, sessionId });
      (this.process.stdio[3] as Writable).write(`${message}\0`);
    });
  }

  /** One listener an event and page. */
  on(method: string, sessionId: string, listener: Listener): void {
    this.listeners.set(`${sessionId} ${method}`, listener);
  }

  async newPage(width: number, height: number, colorScheme: 'light' | 'dark'): Promise<Page> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, String(sessionId), String(targetId));
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await page.send(`${domain}.enable`);
    await page.send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    });
    await page.send('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value: colorScheme }],
    });
    return page;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGKILL');
    await ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  private take(message: Message): void {
    if (message.id === undefined) {
      this.listeners.get(`${message.sessionId} ${message.method}`)?.(message.params ?? {});
      return;
    }
    this.waiting.get(message.id)?.(message);
    this.waiting.delete(message.id);
  }
}

export class Page {
  /** What the page wrote to its console, and its errors. */
  readonly said: string[] = [];
  /** Addresses that it asked for. */
  readonly asked: string[] = [];
  private readonly browser: Chromium;
  private readonly session: string;
  private readonly target: string;

  constructor(browser: Chromium, session: string, target: string) {
    this.browser = browser;
    this.session = session;
    this.target = target;
    for (const method of ['Runtime.consoleAPICalled', 'Runtime.exceptionThrown', 'Log.entryAdded'])
      browser.on(method, session, (params) => this.said.push(JSON.stringify(params)));
    browser.on('Network.requestWillBeSent', session, ({ request }) =>
      this.asked.push((request as { url: string }).url),
    );
  }

  send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    return this.browser.send(method, params, this.session);
  }

  async goto(url: string): Promise<void> {
    const loaded = new Promise<void>((resolve) =>
      this.browser.on('Page.loadEventFired', this.session, () => resolve()),
    );
    await this.send('Page.navigate', { url });
    await loaded;
  }

  /** Value of an expression, as JSON has it. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: unknown }).value;
  }

  async press(key: string, code: number): Promise<void> {
    for (const type of ['rawKeyDown', 'keyUp'])
      await this.send('Input.dispatchKeyEvent', { type, key, code: key, windowsVirtualKeyCode: code });
  }

  close(): Promise<unknown> {
    return this.browser.send('Target.closeTarget', { targetId: this.target });
  }
}
