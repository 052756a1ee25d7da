/** The site's SSH login as a proof of who somebody is, against ssh2's own server (a named fake); a real sshd: test/faults/site-login.test.ts. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import type { SiteAttempt, SiteHost, SiteStep } from '../../core/site-login.ts';
import { siteLogin } from '../../transports/site-login.ts';
import { type FakeOptions, type FakeSshd, fakeSshd } from './fake-sshd.ts';
import { knownHostsFor } from './ssh-rig.ts';

const PASSWORD = 'correct horse';
const directory = mkdtempSync(join(tmpdir(), 'hb-site-'));
afterAll(() => rmSync(directory, { recursive: true }));
const open: (FakeSshd | SiteAttempt)[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) {
    if ('close' in each) each.close();
    else await each[Symbol.asyncDispose]();
  }
});

async function site(options: FakeOptions): Promise<{ sshd: FakeSshd; at: SiteHost }> {
  // no key is welcome: only what a person answers
  const sshd = await fakeSshd({ accept: [], ...options });
  open.push(sshd);
  return { sshd, at: { host: '127.0.0.1', port: sshd.port, knownHosts: knownHostsFor(directory, sshd) } };
}

function begin(at: SiteHost, deadlineMs = 20_000): SiteAttempt {
  const attempt = siteLogin(at).begin('alice', deadlineMs);
  open.push(attempt);
  return attempt;
}
const questions = (step: SiteStep) => (step.step === 'asks' ? step.questions : step);
const factor = (text: string, answer: string, echo = false) => ({ text, answer, echo });

describe('the SSH login of a site', () => {
  it('is a password where it asks for one; nothing is opened there, and the connection ends', async () => {
    const { sshd, at } = await site({ password: PASSWORD, banner: 'Property of the campus\n\u001b[31mNo entry' });
    const attempt = begin(at);
    expect(await attempt.next()).toEqual({
      step: 'asks',
      lines: ['Property of the campus', 'No entry'],
      questions: [{ text: 'Password of alice at 127.0.0.1', secret: true }],
    });
    expect(await attempt.next([PASSWORD])).toEqual({ step: 'in' });
    expect([sshd.attempts, sshd.connections, sshd.sessions.most]).toEqual([['none', 'password'], 1, 0]);
  });

  it('is refused at the first wrong password: no second one goes out on the same connection', async () => {
    const { sshd, at } = await site({ password: PASSWORD });
    const attempt = begin(at);
    await attempt.next();
    expect(await attempt.next(['wrong'])).toEqual({ step: 'refused', why: 'the server refused it' });
    expect(sshd.attempts).toEqual(['none', 'password']);
  });

  it('is what keyboard-interactive asks, in rounds, in the server’s words, shown or not as it says', async () => {
    const { at } = await site({
      prompts: [factor('Password: ', PASSWORD)],
      rounds: [[factor('Verification code: ', '123456', true), factor('Token of the day: ', 'x')], []],
    });
    const attempt = begin(at);
    expect(await attempt.next()).toEqual({
      step: 'asks',
      lines: ['Second factor', 'Enter what your device shows'],
      questions: [{ text: 'Password:', secret: true }],
    });
    expect(questions(await attempt.next([PASSWORD]))).toEqual([
      { text: 'Verification code:', secret: false },
      { text: 'Token of the day:', secret: true },
    ]);
    expect(await attempt.next(['123456', 'x'])).toEqual({ step: 'in' });
  });

  it('is all that the server wants, where one method is not enough', async () => {
    const { sshd, at } = await site({ prompts: [factor('Code: ', '1')], afterwards: 'password', password: PASSWORD });
    const attempt = begin(at);
    await attempt.next();
    expect(questions(await attempt.next(['1']))).toEqual([{ text: 'Password of alice at 127.0.0.1', secret: true }]);
    expect(await attempt.next([PASSWORD])).toEqual({ step: 'in' });
    expect(sshd.attempts).toEqual(['none', 'keyboard-interactive', 'password']);
  });

  it('proves nothing where the server lets somebody in unasked, or asks for nothing', async () => {
    const unasked = await site({ unasked: true, password: PASSWORD });
    expect(await begin(unasked.at).next()).toMatchObject({ step: 'refused' });
    const words = await site({ prompts: [] });
    expect(await begin(words.at).next()).toMatchObject({ step: 'refused' });
    const empty = await site({ password: '' });
    const attempt = begin(empty.at);
    await attempt.next();
    expect(await attempt.next([''])).toMatchObject({ step: 'refused' });
  });

  it('is not given to a server that asks without end, or for what a page cannot give', async () => {
    const endless = Array.from({ length: 40 }, () => [factor('Again: ', 'y')]);
    const { at } = await site({ prompts: [factor('Once: ', 'y')], rounds: endless });
    const attempt = begin(at);
    let step = await attempt.next();
    for (let n = 0; n < 40 && step.step === 'asks'; n++) step = await attempt.next(['y']);
    expect(step).toEqual({ step: 'refused', why: 'the server asks without end' });
    const keys = await site({});
    await expect(begin(keys.at).next()).rejects.toMatchObject({ code: 'E-SSH-AUTH' });
  });

  it('sends nothing to a host with another key than the pinned one', async () => {
    const { sshd, at } = await site({ password: PASSWORD });
    const other = await site({ password: PASSWORD });
    writeFileSync(at.knownHosts, '');
    knownHostsFor(directory, { port: sshd.port, hostKey: other.sshd.hostKey });
    await expect(begin(at).next()).rejects.toMatchObject({ code: 'E-SSH-HOSTKEY' });
    expect(sshd.attempts).toEqual([]);
  });

  it('says so where the server drops it, does not answer, or is not there', async () => {
    const { sshd, at } = await site({ password: PASSWORD });
    const attempt = begin(at);
    await attempt.next();
    sshd.drop();
    await expect(attempt.next([PASSWORD])).rejects.toMatchObject({ code: 'E-SSH-UNREACHABLE', transient: true });
    await sshd.stop();
    await expect(begin(at).next()).rejects.toMatchObject({ code: 'E-SSH-UNREACHABLE', transient: true });
    const silent = createServer((socket) => void socket.on('error', () => {}).unref()).listen(sshd.port, '127.0.0.1');
    await expect(begin(at, 300).next()).rejects.toMatchObject({ message: expect.stringContaining('took too long') });
    silent.close();
  });

  it('ends at its deadline, while somebody thinks about the answer too', async () => {
    const { sshd, at } = await site({ password: PASSWORD });
    const attempt = begin(at, 1_500);
    await attempt.next();
    await new Promise((resolve) => setTimeout(resolve, 1_700));
    await expect(attempt.next([PASSWORD])).rejects.toMatchObject({ message: expect.stringContaining('took too long') });
    expect(sshd.attempts).toEqual(['none']);
  });

  it('is not set up without the key of the host, or with a file that others may write', async () => {
    const { at } = await site({ password: PASSWORD });
    expect(() => siteLogin({ ...at, host: 'login1' })).toThrow(expect.objectContaining({ code: 'E-SIGN-IN' }));
    expect(() => siteLogin({ ...at, knownHosts: join(directory, 'none') })).toThrow(/cannot be read/);
    chmodSync(at.knownHosts, 0o666);
    expect(() => siteLogin(at)).toThrow(/written by others/);
    chmodSync(at.knownHosts, 0o644);
  });
});
