// BinderHub's JavaScript client as a page uses it. Arguments: address of the build endpoint, spec, lines after which it goes away; the API token comes by the environment.
// One JSON per line on stdout.

// what it takes of a browser
Object.assign(globalThis, {
  window: globalThis,
  document: { cookie: '', addEventListener() {}, removeEventListener() {} },
});
// its own way to end a stream is an error that nobody catches; a browser writes it to the console
process.on('unhandledRejection', () => {});
console.log = () => {};

const { BinderRepository } = await import('@jupyterhub/binderhub-client/client.js');
const [address, spec, most = 'Infinity'] = process.argv.slice(2);
const client = new BinderRepository(spec, new URL(address), { apiToken: process.env.API_TOKEN ?? 'a-token' });
let count = 0;
for await (const line of client.fetch()) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
  count += 1;
  if (line.phase === 'ready' || line.phase === 'failed' || count >= Number(most)) break;
}
client.close();
