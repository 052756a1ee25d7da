/** Launch links as BinderHub has them: badges, the event stream that its clients read, and the old forms of address. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { LaunchWanted } from '../../../core/endpoint.ts';
import { asHpcbinderError, type ErrorCode, HpcbinderError } from '../../../core/errors.ts';
import {
  acceptsEvents,
  atCommit,
  BADGE_HEADERS,
  BADGES,
  BinderEvents,
  badge,
  EVENT_STREAM_HEADERS,
  imageName,
  legacyTarget,
  linkOf,
  PROVIDERS,
} from '../../links/index.ts';
import type { BuildTokens } from '../../sign-in/index.ts';
import type { Deps } from '../deps.ts';
import { refusalOf } from '../refusals.ts';
import { startLaunch, userOf } from './launches.ts';
import { openSession } from './sessions.ts';
import { RepoBody } from './shapes.ts';

const anyone = { config: { rule: { who: 'anyone' } } } as const;

export function linkRoutes(app: FastifyInstance, deps: Deps, clicks: BuildTokens): void {
  for (const name of BADGES)
    app.get(`/${name}`, anyone, async (_request, reply) => reply.headers(BADGE_HEADERS).send(badge(name)));
  app.get('/api/repoproviders', anyone, async () => PROVIDERS);
  app.get('/repo/*', anyone, async (request, reply) =>
    reply.redirect(`${deps.base.pathname}${legacyTarget(request.url.split('?')[0] ?? '')}`, 302),
  );
  app.post(
    '/api/build-token',
    { config: { rule: { who: 'user', acts: true } }, schema: { body: RepoBody } },
    async (request) => {
      const { provider, spec } = request.body as { provider: string; spec: string };
      const { account } = userOf(request);
      return { token: clicks.issue({ account, provider, spec, origin: deps.base.origin }) };
    },
  );
  app.get('/build/:provider/*', anyone, async (request, reply) => build(deps, clicks, request, reply));
}

/** Errors are events, for BinderHub's clients read nothing else (REES section 7.5). */
async function build(deps: Deps, clicks: BuildTokens, request: FastifyRequest, reply: FastifyReply) {
  const { raw } = reply.hijack();
  // what the gate has set; hijacked answers do not take it along
  raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), ...EVENT_STREAM_HEADERS });
  const { wanted, fault } = understood(deps, request);
  const left = new AbortController();
  raw.once('close', () => left.abort());
  const events = new BinderEvents(raw, {});
  const failed = (cause: unknown) => events.failed(asHpcbinderError(cause), refusalOf(cause).status);
  try {
    if (!acceptsEvents(request.headers.accept)) return failed(noStream());
    if (fault || !wanted) return failed(fault);
    if (!mayBuild(deps, clicks, request, wanted)) return failed(notAClick(deps, wanted));
    const view = await startLaunch(deps, userOf(request), wanted, request.ip);
    for await (const event of deps.launches.events(view.id, left.signal)) {
      events.progress(event);
      if (event.type !== 'launch') continue;
      const { state, error } = event.launch;
      if (state === 'ready') return events.ready(readyOf(deps, request, wanted, view.session ?? ''));
      if (state === 'cancelled')
        return failed(new HpcbinderError('E-CANCELLED', { message: 'the launch was cancelled' }));
      if (state === 'failed' && error) return failed(new HpcbinderError(error.code as ErrorCode, error));
    }
  } catch (cause) {
    failed(cause);
  }
}

function noStream(): HpcbinderError {
  return new HpcbinderError('E-USAGE', {
    message: 'this address is an event stream',
    hint: 'Accept: text/event-stream',
  });
}

function understood(deps: Deps, request: FastifyRequest): { wanted?: LaunchWanted; fault?: HpcbinderError } {
  try {
    const url = new URL(request.url.replace(/^\/build\//, '/v2/'), deps.base.origin);
    return { wanted: deps.judge.link(url).wanted };
  } catch (cause) {
    return { fault: asHpcbinderError(cause) };
  }
}

/** A GET starts something only for an API token, or for the click of whoever is signed in here (SECURITY R8). */
function mayBuild(deps: Deps, clicks: BuildTokens, request: FastifyRequest, wanted: LaunchWanted): boolean {
  const { who } = request;
  if (!who) return false;
  if (who.via === 'token') return who.scopes.includes('launch');
  const token = (request.query as Record<string, unknown>).build_token;
  if (typeof token !== 'string' || !deps.mayAct(request.raw, who)) return false;
  const { provider, spec } = wanted;
  return clicks.redeem(token, { account: who.user.account, provider, spec, origin: deps.base.origin });
}

function notAClick(deps: Deps, wanted: LaunchWanted): HpcbinderError {
  const page = new URL(linkOf(wanted), deps.base).href;
  return new HpcbinderError('E-FORBIDDEN', {
    message: `nothing is launched by this address alone: open ${page} and click Launch`,
    hint: 'Scripts send an API token with the scope "launch".',
  });
}

/** The session's address and a code that works once; what it lets in ends with the login or the API token that asked. */
function readyOf(deps: Deps, request: FastifyRequest, wanted: LaunchWanted, session: string) {
  const { record, granted } = deps.kept.session(session) ?? {};
  const repo = deps.judge.repoOf(wanted);
  const commit = record?.repo.commit ?? '';
  const { page, spec } = atCommit(wanted, repo, commit);
  const opened = new URL(openSession(deps, request, session));
  const token = opened.searchParams.get('c') ?? '';
  // clients add the page to begin with by themselves
  const url = new URL(granted?.sharedOrigin ? `${deps.base.pathname}s/${session}/` : '/', opened).href;
  return {
    url,
    token,
    image: imageName(wanted.provider as Parameters<typeof imageName>[0], repo, commit),
    repo_url: repo.url,
    binder_ref_url: page,
    binder_launch_host: deps.base.href,
    binder_request: `v2/${wanted.provider}/${wanted.spec}`,
    binder_persistent_request: linkOf({ ...wanted, spec }),
  };
}
