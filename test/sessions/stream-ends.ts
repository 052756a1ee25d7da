/** Both ends of a numbered stream behind one interface: the one that runs on the laptop, and the agent's, in Python. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { agentSource } from '../../sessions/agent.ts';
import { FrameReader, Numbered } from '../../sessions/stream-core.ts';

export type Windows = { sends: number; takes: number };

export interface End {
  write(data: Buffer): Promise<void>;
  end(): Promise<void>;
  /** a new connection, on which nothing has arrived */
  resume(there: number): Promise<void>;
  next(most: number): Promise<Buffer>;
  /** what arrives; the data that it brings */
  feed(data: Buffer): Promise<Buffer>;
  use(count: number): Promise<void>;
  settle(): Promise<void>;
  state(): Promise<{ received: number; room: number; ended: boolean }>;
}

export function laptopEnd(windows: Windows): End {
  const core = new Numbered(windows);
  let reader = new FrameReader();
  let used = 0;
  return {
    write: async (data) => core.write(data),
    end: async () => core.end(),
    async resume(there) {
      reader = new FrameReader();
      core.resume(there);
    },
    next: async (most) => core.next(most) ?? Buffer.alloc(0),
    async feed(data) {
      reader.feed(data);
      const got: Buffer[] = [];
      for (let frame = reader.next(); frame; frame = reader.next()) got.push(core.take(frame) ?? Buffer.alloc(0));
      return Buffer.concat(got);
    },
    async use(count) {
      used += count;
      core.usedUpTo(used);
    },
    settle: async () => core.settle(),
    state: async () => ({ received: core.received, room: core.room(), ended: core.ended }),
  };
}

const DRIVER = `
source = sys.stdin.readline()
agent = {"__name__": "agent"}
exec(compile(json.loads(source), "agent.py", "exec"), agent)
core = buffer = None
for line in sys.stdin:
    verb, value = json.loads(line)
    out = None
    if verb == "new":
        core, buffer = agent["Numbered"](value["sends"], value["takes"]), bytearray()
    elif verb == "write":
        core.write(bytes.fromhex(value))
    elif verb == "resume":
        buffer = bytearray()
        core.resume(value)
    elif verb == "next":
        out = (core.next(value) or b"").hex()
    elif verb == "feed":
        buffer += bytes.fromhex(value)
        out = "".join(core.take(*frame).hex() for frame in iter(lambda: agent["take_frame"](buffer), None))
    elif verb == "state":
        out = {"received": core.received, "room": core.room(), "ended": core.ended}
    else:
        getattr(core, verb)(*([] if value is None else [value]))
    sys.stdout.write(json.dumps(out) + "\\n")
    sys.stdout.flush()
`;

/** One Python process that serves one end after another. */
export function agentEnds(python: string): { make(windows: Windows): Promise<End>; close(): void } {
  const child = spawn(python, ['-c', `import json, sys\n${DRIVER}`], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stdin.write(`${JSON.stringify(agentSource())}\n`);
  const ask = async (verb: string, value: unknown = null): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify([verb, value])}\n`);
    const { value: line, done } = await lines.next();
    if (done) throw new Error(`the agent's end failed at ${verb}`);
    return JSON.parse(line);
  };
  const bytesOf = (hex: unknown) => Buffer.from(String(hex), 'hex');
  return {
    async make(windows) {
      await ask('new', windows);
      return {
        write: async (data) => void (await ask('write', data.toString('hex'))),
        end: async () => void (await ask('end')),
        resume: async (there) => void (await ask('resume', there)),
        next: async (most) => bytesOf(await ask('next', most)),
        feed: async (data) => bytesOf(await ask('feed', data.toString('hex'))),
        use: async (count) => void (await ask('use', count)),
        settle: async () => void (await ask('settle')),
        state: async () => (await ask('state')) as { received: number; room: number; ended: boolean },
      };
    },
    close: () => void child.kill(),
  };
}
