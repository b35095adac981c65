import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Why tests that need a real server and its client cannot run here; null: they can. */
export function missingRedis(): string | null {
  if (spawnSync('redis-server', ['--version']).status !== 0) return 'redis-server is not installed';
  for (const name of ['bullmq', 'ioredis']) {
    try {
      import.meta.resolve(name);
    } catch {
      return `${name} is not installed`;
    }
  }
  return null;
}

/** A server that is gone with the test. */
export class RedisServer {
  readonly url: string;
  private readonly port: number;
  private readonly folder: string;
  private process: ChildProcess | null = null;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.folder = folder;
    this.url = `redis://127.0.0.1:${port}`;
  }

  static async start(folder: string): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), folder);
    await server.up();
    return server;
  }

  async up(): Promise<void> {
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--dir', this.folder];
    this.process = spawn('redis-server', args, { stdio: 'ignore' });
    for (let i = 0; i < 200; i++) {
      const ping = spawnSync('redis-cli', ['-p', String(this.port), 'ping'], { encoding: 'utf8' });
      if (ping.stdout?.includes('PONG')) return;
      await sleep(50);
    }
    throw new Error('redis-server did not start');
  }

  /** With everything it knew. */
  async down(): Promise<void> {
    const { process } = this;
    if (process === null || process.exitCode !== null || process.signalCode !== null) return;
    const ended = new Promise((resolve) => process.once('exit', resolve));
    process.kill('SIGKILL');
    await ended;
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
