/** What a launch has told so far, as the list of phases that the progress page fills. Pure. */
import type { PhaseName, Progress } from '../../../core/progress.ts';
import type { Waiting } from '../../../core/waiting.ts';

export type PhaseLine = {
  phase: PhaseName;
  state: 'running' | 'done' | 'skipped';
  text: string;
  /** the phase's time once it is done */
  seconds?: number;
  /** bytes, of a phase that sends or writes */
  done?: number;
  total?: number;
  waiting?: Waiting;
  /** epoch seconds */
  startsAt?: number;
};

export type Story = {
  phases: readonly PhaseLine[];
  asides: readonly { kind: 'note' | 'warning'; text: string }[];
  /** lines of output so far */
  lines: number;
};

export const NOTHING_TOLD: Story = { phases: [], asides: [], lines: 0 };

/** a launch says a handful; what would be more is a fault that must not fill a page */
const MOST_ASIDES = 50;

export function told(story: Story, event: Progress): Story {
  switch (event.type) {
    case 'log':
      return { ...story, lines: story.lines + 1 };
    case 'note':
    case 'warning':
      return { ...story, asides: [...story.asides, { kind: event.type, text: event.text }].slice(0, MOST_ASIDES) };
    case 'start':
      return changed(story, { phase: event.phase, state: 'running', text: event.text });
    case 'update': {
      const before = story.phases.find(({ phase }) => phase === event.phase);
      const { type: _, text, ...rest } = event;
      return changed(story, { ...before, ...rest, state: 'running', text: text ?? before?.text ?? '' });
    }
    case 'done': {
      const { phase, text, seconds, skipped } = event;
      return changed(story, { phase, text, seconds, state: skipped ? 'skipped' : 'done' });
    }
  }
}

/** A phase keeps its place; one that begins anew (a second attempt) is written again where it stood. */
function changed(story: Story, line: PhaseLine): Story {
  const at = story.phases.findIndex(({ phase }) => phase === line.phase);
  return { ...story, phases: at < 0 ? [...story.phases, line] : story.phases.with(at, line) };
}

/** What the launch is doing now: the last phase that runs. */
export function present(story: Story): PhaseLine | undefined {
  return story.phases.findLast(({ state }) => state === 'running');
}
