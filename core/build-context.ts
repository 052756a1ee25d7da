/** How a build context is laid out: the Dockerfile and the Apptainer definition read the same tar. */

/** where the host's settings (CA, index, mirror, proxy) are while steps run; gone from the finished root file system */
export const SETTINGS_DIR = '/run/hpcbinder-build';
/** the context's folder of those settings; `env` in it is sourced by every step */
export const SETTINGS_CONTEXT = 'settings';

/** The context's file or folder of the plan's step of that index. */
export function stepContext(index: number): string {
  return `step-${index}`;
}

/**
 * Run once before the steps. The bundle is the base's own certificates and the site's, for an index may be outside the
 * inspecting proxy. apt reads its mirror from a file of its own (APT_CONFIG), so that there is nothing to undo in /etc.
 */
export const PREPARE_SETTINGS = `cd ${SETTINGS_DIR}
if [ -f site-ca.pem ]; then
  touch bundle.pem
  if [ -f /etc/ssl/certs/ca-certificates.crt ]; then cat /etc/ssl/certs/ca-certificates.crt > bundle.pem; fi
  cat site-ca.pem >> bundle.pem
fi
if [ -f apt-mirror ]; then
  IFS= read -r mirror < apt-mirror
  mkdir sources.d
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    if [ -f "$file" ]; then sed "s|https\\{0,1\\}://deb.debian.org/debian|$mirror|g" "$file" > "sources.d/$(basename "$file")"; fi
  done
fi`;
