/** The form's forecast, live: asked when the repository is known and whenever a field has changed and rests. */
import { useEffect, useState } from 'preact/hooks';
import type { Forecast } from '../../../core/endpoint.ts';
import { type Fields, wantedOf } from '../parts/fields.ts';
import type { Checks } from '../parts/launch-form.ts';
import { ask } from './live.ts';

/** the scheduler is asked: a field must rest for a moment */
const PAUSE_MS = 800;

/** `commit`: of the repository that was found; without it nothing is asked. */
export function useForecast(
  api: string,
  xsrf: string | undefined,
  form: () => HTMLFormElement | null,
  commit: string | undefined,
): Pick<Checks, 'forecast' | 'refused'> {
  const [found, setFound] = useState<Pick<Checks, 'forecast' | 'refused'>>({});
  useEffect(() => {
    const over = new AbortController();
    let round = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    setFound({});
    const at = form();
    if (commit === undefined || !at) return;
    const look = async () => {
      round.abort();
      round = new AbortController();
      const signal = AbortSignal.any([over.signal, round.signal]);
      const body = bodyOf(at);
      if (!body) return setFound({});
      const answer = await ask<Forecast>(`${api}/forecast`, {
        body: { ...body, commit },
        signal,
        ...(xsrf ? { xsrf } : {}),
      });
      if (signal.aborted) return;
      if (answer.ok) setFound({ forecast: answer.value });
      else setFound(answer.lost ? {} : { refused: answer.message });
    };
    const soon = ({ target }: Event) => {
      if (target instanceof Element && ['repo', 'ref', '_xsrf'].includes(target.getAttribute('name') ?? '')) return;
      clearTimeout(timer);
      timer = setTimeout(look, PAUSE_MS);
    };
    void look();
    at.addEventListener('input', soon, { signal: over.signal });
    at.addEventListener('change', soon, { signal: over.signal });
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [commit]);
  return found;
}

/** undefined while what is typed cannot be meant. */
function bodyOf(form: HTMLFormElement): object | undefined {
  const fields: Record<string, unknown> = {};
  const data = new FormData(form);
  for (const name of data.keys()) fields[name] = name === 'data' ? data.getAll(name) : data.get(name);
  try {
    return wantedOf(fields as Fields);
  } catch {
    return undefined;
  }
}
