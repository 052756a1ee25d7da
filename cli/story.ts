/** What launch and open share: events shown and written down, then the attendance. */
import type { Cluster } from '../core/cluster.ts';
import type { Progress } from '../core/progress.ts';
import type { Arrived } from '../sessions/await.ts';
import { stoppedBySecond } from './aftermath.ts';
import { type AttendOptions, attend } from './attend.ts';
import type { Display } from './display.ts';
import type { Interrupts } from './interrupts.ts';
import { localRecords, type World } from './world.ts';

/** The world's functions, free of `this`. */
export function bound(world: World) {
  const { watchJob, agent, keep, cutOff, learned, reshaped, now, sleep, submit } = world;
  return { watchJob, agent, keep, cutOff, learned, reshaped, now, sleep, submit };
}

/** Shows each event, writes the story down, and gives what the generator returns. */
export async function shown<T>(
  run: AsyncGenerator<Progress, T>,
  display: Display,
  id: string,
  on: (event: Progress) => void = () => {},
): Promise<T> {
  const records = localRecords();
  records.tidy(new Date());
  for (;;) {
    const step = await run.next();
    if (step.done) return step.value;
    display.on(step.value);
    on(step.value);
    const line = storyLine(step.value);
    if (line !== undefined) records.tell(id, line);
  }
}

function storyLine(event: Progress): string | undefined {
  switch (event.type) {
    case 'log':
      return event.line;
    case 'done':
      return `[${event.phase}] ${event.text} (${event.seconds.toFixed(1)} s)`;
    case 'start':
      return `[${event.phase}] ${event.text}`;
    case 'note':
    case 'warning':
      return `${event.type}: ${event.text}`;
    case 'update':
      return undefined;
  }
}

export async function attended(
  arrived: Arrived & { cluster: Cluster },
  world: World,
  interrupts: Interrupts,
  options: AttendOptions,
): Promise<number> {
  const code = await attend(arrived.cluster, arrived.session, arrived.work, world, options, interrupts.signal);
  if (!interrupts.aborted) return code;
  return (await stoppedBySecond(world, interrupts)) ?? code;
}
