/**
 * Single keys while a launch waits. A terminal that gives keys one by one makes no signals of them any more: ctrl-C and ctrl-Z
 * are sent on by hand. Yields to a question, which reads the terminal itself.
 */
type Listener = (key: string) => void;

let listener: Listener | undefined;
let asking = false;

const SIGNALS: ReadonlyMap<string, NodeJS.Signals> = new Map([
  ['\x03', 'SIGINT'],
  ['\x1c', 'SIGQUIT'],
]);

function onData(data: Buffer): void {
  for (const key of data.toString('latin1')) {
    const signal = SIGNALS.get(key);
    if (signal !== undefined) process.kill(process.pid, signal);
    else if (key === '\x1a') suspend();
    else listener?.(key);
  }
}

/** The shell gets its terminal back as it was; `fg` brings the keys again. */
function suspend(): void {
  release();
  process.once('SIGCONT', take);
  process.kill(process.pid, 'SIGTSTP');
}

function take(): void {
  if (listener === undefined || asking) return;
  process.stdin.setRawMode(true);
  process.stdin.on('data', onData);
  process.stdin.resume();
}

function release(): void {
  process.stdin.off('data', onData);
  process.stdin.setRawMode(false);
  process.stdin.pause();
}

/** Until the returned function is called. Only where stdin is a terminal. */
export function listenToKeys(on: Listener): () => void {
  listener = on;
  take();
  return () => {
    if (listener !== on) return;
    listener = undefined;
    if (!asking) release();
  };
}

/** A question is asked: keys are its own, until the returned function is called. */
export function keysPaused(): () => void {
  asking = true;
  if (listener !== undefined) release();
  return () => {
    asking = false;
    take();
  };
}
