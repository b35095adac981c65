// Threads of a built pttrace outlive the command that started them: for many commands in one process (in-process.mjs), most of
// whose threads would spend more on loading their code and compiling it than on a small recording.
import { EventEmitter } from 'node:events';
import { createRequire, syncBuiltinESMExports } from 'node:module';

// The ES module's exports are copies, which syncBuiltinESMExports() renews.
const threads = createRequire(import.meta.url)('node:worker_threads');
const { Worker } = threads;

/** Those that have nothing to do, by what they were started with: script, options and environment. */
const idle = new Map();

/** What a pool of threads uses of a `Worker`; `terminate()` gives back a thread whose tasks are all answered. */
class WarmWorker extends EventEmitter {
  #key;
  #thread;
  #open = 0;
  #whole = true;
  #heard = {
    message: (message) => {
      if (!('progress' in message)) this.#open--;
      this.emit('message', message);
    },
    error: (error) => {
      this.#whole = false;
      // Without anybody to hear it, it would end the process: as it is with a thread.
      this.emit('error', error);
    },
    exit: (code) => {
      this.#whole = false;
      this.emit('exit', code);
    },
  };

  constructor(script, options) {
    super();
    this.#key = JSON.stringify([String(script), options, process.env]);
    this.#thread = idle.get(this.#key)?.pop() ?? new Worker(script, options);
    this.#thread.ref();
    for (const [event, hear] of Object.entries(this.#heard)) this.#thread.on(event, hear);
  }

  postMessage(message) {
    // It ends what is being read, and all behind it: such a thread is of no more use.
    if (message === 'stop') this.#whole = false;
    else this.#open++;
    this.#thread.postMessage(message);
  }

  async terminate() {
    if (!this.#whole || this.#open > 0) return this.#thread.terminate();
    for (const [event, hear] of Object.entries(this.#heard)) this.#thread.off(event, hear);
    this.#whole = false;
    this.#thread.unref();
    const others = idle.get(this.#key) ?? [];
    idle.set(this.#key, others);
    others.push(this.#thread);
    this.emit('exit', 1);
    return 1;
  }
}

/** From now on, in this process, for the threads of commands; all other workers are as ever. */
export function keepThreads() {
  if (threads.Worker !== Worker) return;
  threads.Worker = new Proxy(Worker, {
    construct: (target, [script, options]) =>
      /\/dist\/start\/thread\.js$/.test(String(script))
        ? new WarmWorker(script, options)
        : new target(script, options),
  });
  syncBuiltinESMExports();
}
