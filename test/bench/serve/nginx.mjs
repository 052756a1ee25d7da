// nginx (of the Linux distribution) in two parts: the app, plain and behind mutual TLS as a job's agent has it; and the rival proxy.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { start } from './rig.mjs';

/** what one page's JSON weighs */
const BODY = 'x'.repeat(1024);

/** The app: 1 KiB for every request, and the file `bulk`; the mutual TLS is nginx's, in the place of the agent: a fake agent. */
export function startApp(directory, ports, session) {
  const { name, files } = session;
  return nginx(
    directory,
    'app',
    ports.plain,
    `server { listen 127.0.0.1:${ports.plain}; location / { return 200 "${BODY}"; } location = /bulk { root ${directory}; } }
     server { listen 127.0.0.1:${ports.tls} ssl; server_name ${name};
       ssl_certificate ${files.cert}; ssl_certificate_key ${files.key};
       ssl_client_certificate ${files.ca}; ssl_verify_client on;
       location / { return 200 "${BODY}"; } location = /bulk { root ${directory}; } }`,
  );
}

/** The rival: before the same app, with connections kept, plain and with the session's own mutual TLS. It checks no cookie. */
export function startRival(directory, ports, app, session) {
  const { name, files } = session;
  const kept = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;';
  return nginx(
    directory,
    'rival',
    ports.plain,
    `upstream plain { server 127.0.0.1:${app.plain}; keepalive 64; }
     upstream tls { server 127.0.0.1:${app.tls}; keepalive 64; }
     server { listen 127.0.0.1:${ports.plain}; location / { proxy_pass http://plain; ${kept} } }
     server { listen 127.0.0.1:${ports.tls}; location / { proxy_pass https://tls; ${kept}
       proxy_ssl_certificate ${files.clientCert}; proxy_ssl_certificate_key ${files.clientKey};
       proxy_ssl_trusted_certificate ${files.ca}; proxy_ssl_verify on;
       proxy_ssl_name ${name}; proxy_ssl_server_name on; } }`,
  );
}

/** What nginx reads from files only. */
export function sessionFiles(directory, { name, secrets, server }) {
  const save = (what, text) => {
    const path = join(directory, `${what}.pem`);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const files = {
    ...{ ca: save('ca', secrets.ca), cert: save('server', server.cert), key: save('server-key', server.key) },
    ...{ clientCert: save('client', secrets.clientCert), clientKey: save('client-key', secrets.clientKey) },
  };
  return { name, files };
}

async function nginx(directory, name, port, servers) {
  const own = join(directory, name);
  mkdirSync(own, { recursive: true });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((each) => `${each}_temp_path ${own};`);
  const config = `${process.getuid() === 0 ? 'user root;' : ''} worker_processes 1; daemon off; pid ${own}/pid; error_log ${own}/error.log;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 100000000; keepalive_timeout 300; ${temporary.join(' ')}
${servers}
}
`;
  writeFileSync(join(own, 'nginx.conf'), config);
  return await start('nginx', ['-c', join(own, 'nginx.conf'), '-e', join(own, 'error.log')], port, 'SIGQUIT');
}
