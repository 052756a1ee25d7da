/** The launch form, live: repository and ref are looked up as they are typed, fields are checked against the partition. */
import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Offers, ResolvedView } from '../../../core/endpoint.ts';
import { duration, memory, parseDuration, parseMemory } from '../../../core/units.ts';
import { fromInput } from '../../links/input.ts';
import { type Checks, type LaunchForm, LaunchPage } from '../parts/launch-form.ts';
import { said } from '../parts/words.ts';
import { useForecast } from './forecast.ts';
import { ask, takeOver } from './live.ts';

const PAUSE_MS = 500;
/** A click so soon was meant for what stood here before: another site can put this page under the pointer (SECURITY WEB-06). */
const EARLY_MS = 500;

type Typed = { repo: string; ref: string };

function formOf(): HTMLFormElement | null {
  return document.querySelector('form.launch');
}

function typedIn(name: string): string {
  const field = formOf()?.elements.namedItem(name);
  return field instanceof HTMLInputElement || field instanceof HTMLSelectElement ? field.value.trim() : '';
}

function LiveLaunch(first: LaunchForm) {
  const [choices, setChoices] = useState(first.choices);
  const [repo, setRepo] = useState<Pick<Checks, 'repo' | 'looking'>>({});
  const [commit, setCommit] = useState<string | undefined>(undefined);
  const [wrong, setWrong] = useState<Readonly<Record<string, string>>>({});
  const [partition, setPartition] = useState<string | undefined>(undefined);
  const [early, setEarly] = useState(false);
  const round = useRef(new AbortController());
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const api = `${first.frame.base}/api/v1`;
  const { xsrf } = first.frame;

  const look = async ({ repo: typed, ref }: Typed) => {
    round.current.abort();
    round.current = new AbortController();
    const { signal } = round.current;
    setCommit(undefined);
    if (typed === '') return setRepo({});
    try {
      const spec = fromInput(typed, { http: true, ...(ref === '' ? {} : { ref }) });
      setRepo({ looking: true });
      const answer = await ask<ResolvedView>(`${api}/resolve`, { body: spec, signal, ...(xsrf ? { xsrf } : {}) });
      if (signal.aborted) return;
      const text = answer.ok ? foundWords(answer.value) : `${answer.message}${answer.hint ? `. ${answer.hint}` : ''}`;
      setRepo({ repo: { ok: answer.ok, text } });
      if (answer.ok) setCommit(answer.value.commit);
    } catch (error) {
      setRepo({ repo: { ok: false, text: error instanceof Error ? error.message : '' } });
    }
  };
  const offersOf = async (cluster: string) => {
    const answer = await ask<Offers>(`${api}/clusters/${encodeURIComponent(cluster)}/offers`);
    const { offers: _, ...rest } = choices;
    setPartition(undefined);
    setChoices({ ...rest, cluster, ...(answer.ok ? { offers: answer.value } : {}) });
  };
  useEffect(() => {
    // not from the first: what the server sent is taken as it stands
    setEarly(true);
    const soon = setTimeout(() => setEarly(false), EARLY_MS);
    return () => clearTimeout(soon);
  }, []);
  useEffect(() => {
    const form = formOf();
    if (!form) return;
    void look({ repo: typedIn('repo'), ref: typedIn('ref') });
    // the page was not made to wait for a slow cluster: its answer is asked for now
    if (!first.choices.offers) void offersOf(first.choices.cluster);
    const soon = () => {
      clearTimeout(timer.current);
      timer.current = setTimeout(() => look({ repo: typedIn('repo'), ref: typedIn('ref') }), PAUSE_MS);
    };
    form.addEventListener('input', ({ target }) => {
      if (target instanceof HTMLInputElement && (target.name === 'repo' || target.name === 'ref')) soon();
    });
    form.addEventListener('change', ({ target }) => {
      const moved = movedTo(form, target);
      if (moved !== undefined) void offersOf(moved);
      if (target instanceof HTMLSelectElement && target.name === 'partition') setPartition(target.value);
    });
    return () => clearTimeout(timer.current);
  }, []);

  const chosen = choices.offers?.partitions.find(({ name }) => name === (partition ?? typedIn('partition')));
  useEffect(() => {
    const check = () => {
      const found = Object.fromEntries(
        Object.entries({
          time: problem(typedIn('time'), parseDuration, chosen?.maxSeconds, duration),
          memory: problem(typedIn('memory'), parseMemory, chosen?.memoryMbPerNode, memory),
        }).filter((entry): entry is [string, string] => entry[1] !== undefined),
      );
      for (const name of ['time', 'memory']) {
        const field = formOf()?.elements.namedItem(name);
        if (field instanceof HTMLInputElement) field.setCustomValidity(found[name] ?? '');
      }
      setWrong(found);
    };
    check();
    const form = formOf();
    form?.addEventListener('change', check);
    return () => form?.removeEventListener('change', check);
  }, [chosen]);
  const forecast = useForecast(api, xsrf, formOf, commit);
  const checks: Checks = { ...repo, ...forecast, wrong, early, ...(partition === undefined ? {} : { partition }) };
  return html`<${LaunchPage} ...${first} choices=${choices} checks=${checks} />`;
}

/** Data are on one cluster: the choice of either is followed by the other. The cluster that is now chosen, where that changed. */
function movedTo(form: HTMLFormElement, target: EventTarget | null): string | undefined {
  const select = form.elements.namedItem('cluster');
  if (!(select instanceof HTMLSelectElement)) return undefined;
  const boxes = [...form.querySelectorAll<HTMLInputElement>('input[name=data]')];
  const at = target instanceof HTMLInputElement && target.checked ? target.dataset.cluster : undefined;
  const before = select.value;
  if (at !== undefined) select.value = at;
  if (target !== select && select.value === before) return undefined;
  for (const box of boxes) if ((box.dataset.cluster ?? select.value) !== select.value) box.checked = false;
  return select.value;
}

function foundWords({ shown, commit, ref, notes }: ResolvedView): string {
  return [`${said(shown, 120)} @ ${ref ? `${said(ref, 60)} → ` : ''}${said(commit, 64).slice(0, 7)}`, ...notes].join(
    ' · ',
  );
}

function problem(
  text: string,
  parse: (text: string) => number,
  most: number | undefined,
  words: (value: number) => string,
): string | undefined {
  if (text === '') return undefined;
  try {
    return most !== undefined && parse(text) > most ? `at most ${words(most)} here` : undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

takeOver(LiveLaunch);
