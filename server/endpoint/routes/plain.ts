/** What monitors and scripts ask without an account: is it alive, which version, how much of everything. */
import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Deps } from '../deps.ts';

export function plainRoutes(app: FastifyInstance, deps: Deps): void {
  const anyone = { config: { rule: { who: 'anyone' } } } as const;
  const metrics = metricsOf(deps);

  // BinderHub's form; 503 tells a load balancer. Why is in the log: anybody may ask here
  app.get('/health', anyone, async (_request, reply) => {
    const ok = isKept(deps);
    return reply.code(ok ? 200 : 503).send({ ok, checks: [{ service: 'state', ok }] });
  });
  app.get('/versions', anyone, async () => ({
    hpcbinder: deps.product.split('/')[1] ?? deps.product,
    builder: deps.product,
  }));
  app.get('/metrics', anyone, async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()));
  app.get('/openapi.json', anyone, async () => app.swagger());
}

function isKept({ kept }: Deps): boolean {
  try {
    kept.check();
    return true;
  } catch {
    return false;
  }
}

function metricsOf(deps: Deps): Registry {
  const registers = new Registry();
  collectDefaultMetrics({ register: registers });
  new Gauge({
    name: 'hpcbinder_sessions',
    help: 'Sessions whose app answers',
    registers: [registers],
    collect() {
      this.set(deps.live.count());
    },
  });
  new Gauge({
    name: 'hpcbinder_launches',
    help: 'Launches on their way',
    registers: [registers],
    collect() {
      this.set(deps.launches.running().length);
    },
  });
  return registers;
}
