// Official SDKs, unchanged, against `quittance serve`.
//
//   node tests/interop/run.mjs [--json] [--only NAME]... [--quittance PATH]
//
// Each SDK has its own sandbox process, its own listener for deliveries and a script of a few lines. Packages are pinned with their
// digests (`package-lock.json`, `requirements.txt`) and installed below `target/interop`. What cannot be tried here (no Python, no
// registry) is said in a line `NOT RUN: …` and is no failure; a step that fails is, and so is one that was not reached.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SDKS, STEPS } from './sdks.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(HERE, '../..');
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');
const WORK = join(TARGET, 'interop');

/** A trial that takes longer hangs; most take two seconds. */
const TRIAL_SECONDS = 90;
const START_SECONDS = 30;

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    quittance: { type: 'string', default: join(TARGET, 'debug', 'quittance') },
  },
});

/** A reason for which something cannot be tried here, as against a failure. */
class NotRun extends Error {}

function digest(...files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest('hex');
}

const UNREACHABLE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|NewConnectionError|Name or service not known|No matching distribution|ConnectTimeout/;

function installed(command, args, cwd) {
  const done = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (done.status === 0) return;
  const said = `${done.stdout ?? ''}${done.stderr ?? ''}${done.error ?? ''}`.trim();
  if (done.error?.code === 'ENOENT') throw new NotRun(`${command} is not installed`);
  if (UNREACHABLE.test(said)) throw new NotRun(`the packages cannot be fetched here (${command} ${args[0]})`);
  throw new Error(`${command} ${args.join(' ')} failed:\n${said}`);
}

/** Installs once for each state of the lock file; the stamp is written last, so that a broken installation is made anew. */
function once(folder, stamp, install) {
  const file = join(folder, '.installed');
  if (existsSync(file) && readFileSync(file, 'utf8') === stamp) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  install();
  writeFileSync(file, stamp);
}

const LANGUAGES = {
  /** Scripts lie beside `node_modules`, where Node looks for packages. */
  node() {
    const folder = join(WORK, 'node');
    const manifests = ['package.json', 'package-lock.json'].map((name) => join(HERE, 'node', name));
    once(folder, digest(...manifests) + process.version, () => {
      for (const manifest of manifests) cpSync(manifest, join(folder, manifest.slice(join(HERE, 'node').length)));
      installed('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], folder);
    });
    cpSync(join(HERE, 'node'), folder, { recursive: true });
    return (script) => [process.execPath, ['--import', './reach.mjs', join(folder, script)], folder];
  },
  python() {
    const folder = join(WORK, 'python');
    const requirements = join(HERE, 'python', 'requirements.txt');
    const found = spawnSync('python3', ['--version'], { encoding: 'utf8' });
    if (found.error) throw new NotRun('python3 is not installed');
    const python = join(folder, 'bin', 'python');
    once(folder, digest(requirements) + found.stdout, () => {
      installed('python3', ['-m', 'venv', folder], ROOT);
      installed(python, ['-m', 'pip', 'install', '--quiet', '--require-hashes', '--requirement', requirements], ROOT);
    });
    return (script) => [python, [join(HERE, 'python', script)], join(HERE, 'python')];
  },
};

/** Takes the sandbox's deliveries in and hands them out: `GET /deliveries` lists all so far. */
async function listener() {
  const deliveries = [];
  const server = createServer((request, response) => {
    if (request.method === 'GET' && request.url === '/deliveries') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(deliveries));
      return;
    }
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      deliveries.push({ path: request.url, headers: request.headers, body: Buffer.concat(parts).toString('utf8') });
      response.end();
    });
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** Starts a sandbox and reads the line that it prints when it listens. */
async function sandbox(sdk, webhooks) {
  const args = ['serve', sdk.connector, '--port', '0', '--json', '--customer', '0s', '--webhooks', `${webhooks}/webhooks`];
  const folder = join(WORK, 'tls', sdk.name);
  if (sdk.tls) {
    mkdirSync(folder, { recursive: true });
    args.push('--tls', '--tls-authority', join(folder, 'authority.pem'));
  }
  const child = spawn(options.quittance, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (text) => { complaint += text; });
  const line = await new Promise((ready, refuse) => {
    const late = setTimeout(() => refuse(new Error(`serve said nothing for ${START_SECONDS} s`)), START_SECONDS * 1000);
    createInterface({ input: child.stdout }).once('line', (text) => { clearTimeout(late); ready(text); });
    child.once('error', refuse);
    child.once('exit', (code) => refuse(new Error(`serve ended with ${code}: ${complaint.trim()}`)));
  });
  const stop = () => { child.removeAllListeners('exit'); child.kill(); };
  const { url, providers: [{ hosts, credentials }], tls_authority: authority } = JSON.parse(line);
  return { url, hosts, credentials, authority, stop };
}

const NOT_REACHED = 'not reached';

/** Steps without a verdict fail: the first for the reason, unless one before it failed; the others since they were not reached. */
function missed(steps, reason) {
  const first = STEPS.find((step) => steps[step] === undefined);
  if (first && !STEPS.some((step) => steps[step]?.verdict === 'fail')) steps[first] = { verdict: 'fail', detail: reason };
  for (const step of STEPS) steps[step] ??= { verdict: 'fail', detail: NOT_REACHED };
}

/** Runs one script; gives a verdict for each step. */
async function trial(sdk, command) {
  const started = Date.now();
  const steps = {};
  const hooks = await listener();
  let box;
  try {
    box = await sandbox(sdk, hooks.url);
    const [program, args, cwd] = command(sdk.script);
    const env = { ...process.env, QUITTANCE_SANDBOX: JSON.stringify({ url: box.url, hosts: box.hosts, credentials: box.credentials, webhooks: `${hooks.url}/webhooks`, deliveries: `${hooks.url}/deliveries` }) };
    if (box.authority) Object.assign(env, { NODE_EXTRA_CA_CERTS: box.authority, REQUESTS_CA_BUNDLE: box.authority });
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const late = setTimeout(() => child.kill('SIGKILL'), TRIAL_SECONDS * 1000);
    let complaint = '';
    child.stderr.on('data', (text) => { complaint += text; });
    createInterface({ input: child.stdout }).on('line', (text) => {
      if (!text.startsWith('{"step":')) return;
      const { step, ...verdict } = JSON.parse(text);
      steps[step] = verdict;
    });
    await new Promise((ended) => child.once('close', ended));
    clearTimeout(late);
    missed(steps, complaint.trim().slice(-600) || 'the script ended');
  } catch (error) {
    missed(steps, error.message);
  } finally {
    box?.stop();
    hooks.close();
  }
  return { sdk, steps, milliseconds: Date.now() - started };
}

/** Runs the jobs, a few at a time, in their order of results. */
async function pool(jobs, width) {
  const results = new Array(jobs.length);
  let next = 0;
  const worker = async () => {
    while (next < jobs.length) {
      const mine = next++;
      results[mine] = await jobs[mine]();
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

const SHOWN = { pass: 'pass', fail: 'FAIL', none: '–' };

function table(results) {
  const rows = [['SDK', 'connector', ...STEPS, 'seconds']];
  for (const { sdk, steps, milliseconds } of results) {
    rows.push([`${sdk.registry} ${sdk.package} ${sdk.version}`, sdk.connector, ...STEPS.map((step) => SHOWN[steps[step].verdict]), (milliseconds / 1000).toFixed(1)]);
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join('  ').trimEnd()).join('\n');
}

async function main() {
  const unknown = options.only.filter((name) => !SDKS.some((sdk) => sdk.name === name));
  if (unknown.length > 0) {
    console.error(`unknown SDK: ${unknown.join(', ')}; known: ${SDKS.map((sdk) => sdk.name).join(', ')}`);
    return 2;
  }
  if (!existsSync(options.quittance)) {
    console.error(`${options.quittance} does not exist: run \`cargo build\`, or name the binary with --quittance`);
    return 2;
  }
  const chosen = SDKS.filter((sdk) => options.only.length === 0 || options.only.includes(sdk.name));
  const jobs = [];
  const skipped = [];
  for (const language of new Set(chosen.map((sdk) => sdk.language))) {
    const mine = chosen.filter((sdk) => sdk.language === language);
    try {
      const command = LANGUAGES[language]();
      jobs.push(...mine.map((sdk) => () => trial(sdk, command)));
    } catch (error) {
      if (!(error instanceof NotRun)) throw error;
      skipped.push(`NOT RUN: ${mine.length} SDKs for ${language}: ${error.message}`);
    }
  }
  const results = await pool(jobs, Math.max(2, availableParallelism()));
  const failures = results.flatMap(({ sdk, steps }) => STEPS.filter((step) => steps[step].verdict === 'fail').map((step) => ({ sdk, step, ...steps[step] })));
  for (const line of skipped) console[options.json ? 'error' : 'log'](line);
  if (options.json) {
    for (const { sdk, steps, milliseconds } of results) {
      console.log(JSON.stringify({ sdk: sdk.name, registry: sdk.registry, package: sdk.package, version: sdk.version, connector: sdk.connector, reached: sdk.reached, milliseconds, steps }));
    }
  } else if (results.length > 0) {
    console.log(table(results));
    for (const { sdk, step, detail } of failures) {
      if (detail !== NOT_REACHED) console.log(`\n${sdk.name} ${step}: ${detail}`);
    }
    const whole = results.filter(({ steps }) => STEPS.every((step) => steps[step].verdict !== 'fail')).length;
    console.log(`\n${whole} of ${results.length} SDKs pass every step they have`);
  }
  return failures.length > 0 ? 1 : 0;
}

process.exitCode = await main();
