// A child process with its time and the peak memory of it and of a tool that it starts, as the kernel counts (VmHWM).
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const SAMPLE_MS = 25;
const SQUASHFS_TOOL = /^(mksquashfs|sqfstar|tar2sqfs)$/;

/** Seconds, and the peaks in MB; throws what it said where it fails. `tool`: undefined where none was seen. */
export async function watched(command, args, how = {}) {
  const began = performance.now();
  const child = spawn(command, args, { ...how, stdio: ['ignore', 'ignore', 'pipe'] });
  const peaks = { own: 0, tool: undefined };
  let said = '';
  child.stderr.on('data', (data) => {
    said = (said + data).slice(-4000);
  });
  const timer = setInterval(() => sample(child.pid, peaks), SAMPLE_MS);
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${code}\n${said}`);
  return { seconds: (performance.now() - began) / 1000, ...peaks };
}

function sample(pid, peaks) {
  peaks.own = Math.max(peaks.own, peakOf(pid) ?? 0);
  for (const name of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(name) || Number(name) < pid) continue;
    const status = read(`/proc/${name}/status`);
    if (SQUASHFS_TOOL.test(/^Name:\t(.*)$/m.exec(status)?.[1] ?? '') && descends(name, pid))
      peaks.tool = Math.max(peaks.tool ?? 0, megabytes(status) ?? 0);
  }
}

function descends(pid, from) {
  for (let at = Number(pid); at > 1; at = Number(/^PPid:\t(\d+)$/m.exec(read(`/proc/${at}/status`))?.[1] ?? 0))
    if (at === from) return true;
  return false;
}

function peakOf(pid) {
  return megabytes(read(`/proc/${pid}/status`));
}

function megabytes(status) {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kib === undefined ? undefined : (Number(kib) * 1024) / 1e6;
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended meanwhile
  }
}
