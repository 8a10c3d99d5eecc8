import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { eventually } from '@parley/kernel/testing'
import { ROOT } from '../context.ts'

const TOOLS =
  'sh awk basename cat cksum cp cut date dirname echo env flock grep head kill ln ls mkdir mv readlink rm sed sleep sync tail tr true uname'
/** Where this machine has them, asked once for all machines of tests. */
const TOOL_FILES = execFileSync('sh', ['-c', `for tool in ${TOOLS}; do echo "$tool $(command -v $tool)"; done`], {
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .map((line) => line.split(' ') as [string, string])
  .filter(([, file]) => file.startsWith('/'))
const PINNED = `node-linux-${process.arch}`

/** What the machine of a test has. Each fake writes what it was asked to the journal. */
interface Machine {
  readonly root: string
  readonly env: NodeJS.ProcessEnv
  journal(): Promise<string>
  fake(name: string, script: string): Promise<void>
  run(args: readonly string[], options?: { env?: NodeJS.ProcessEnv; cwd?: string; file?: string }): Promise<Outcome>
  spawn(args: readonly string[]): ChildProcess
}

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** npm as the launcher needs it: empties node_modules first, as the real one does, and fills it with the pinned Node. */
const NPM = `case $1 in --version) echo 9.2.0; exit 0;; config) echo /machine/npmrc; exit 0;; esac
echo "npm $* in $(basename "$PWD") with $NPM_CONFIG_GLOBALCONFIG under $(node --version 2>/dev/null)" >>"$JOURNAL"
rm -rf node_modules; mkdir -p "node_modules/${PINNED}/bin"
[ -z "\${NPM_HANGS:-}" ] || { echo hangs >>"$JOURNAL"; exec sleep 60; }
[ -z "\${NPM_FAILS:-}" ] || { echo "npm ERR! code \${NPM_FAILS}"; exit 1; }
ln -s "$REAL_NODE" "node_modules/${PINNED}/bin/node"
case $* in *include=dev*) mkdir -p node_modules/typescript;; esac`

const DPKG_QUERY = `status=0
for name in "$@"; do
	case $name in -* | *db:Status*) continue ;; esac
	if grep -qx "$name" "$INSTALLED"; then printf '\\n%s ii ' "$name"; else status=1; fi
done
exit $status`

const APT_GET = `echo "apt-get $*" >>"$JOURNAL"
case $* in *--print-uris*) echo "'http://x/a.deb' a.deb 2500000 SHA256:0"; exit 0;; esac
[ -z "\${APT_FAILS:-}" ] || exit 100
for name in "$@"; do case $name in -*) ;; *) echo "$name" >>"$INSTALLED";; esac; done
case $* in *npm*) cp "$FAKE_NPM" "$BIN/npm";; esac`

async function machine(
  t: TestContext,
  options: { npm?: boolean; root?: boolean; debian?: boolean } = {},
): Promise<Machine> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-launcher-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const [root, bin] = [path.join(folder, 'a project'), path.join(folder, 'bin')]
  const [journal, installed, fakeNpm] = ['journal', 'installed', 'npm'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ]
  await mkdir(bin)
  await mkdir(path.join(root, 'apps/cli/src/install'), { recursive: true })
  await cp(path.join(ROOT, 'parley'), path.join(root, 'parley'))
  await cp(path.join(ROOT, 'scripts'), path.join(root, 'scripts'), { recursive: true })
  const adopted = 'apps/cli/src/install/installed-packages.ts'
  await cp(path.join(ROOT, adopted), path.join(root, adopted))
  await writeFile(path.join(root, 'package.json'), '{"type":"module"}')
  await writeFile(path.join(root, 'package-lock.json'), lock('1.0.0'))
  const main = 'console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = Number(process.env.EXIT ?? 0)'
  await writeFile(path.join(root, 'apps/cli/src/main.ts'), main)
  await Promise.all([writeFile(journal, ''), writeFile(installed, '')])
  for (const [tool, file] of TOOL_FILES) await symlink(file, path.join(bin, tool))
  await rm(path.join(bin, 'kill'), { force: true }) // a builtin
  await rm(path.join(bin, 'echo'), { force: true })
  const fake = async (name: string, script: string) => {
    await writeFile(path.join(bin, name), `#!/bin/sh\n${script}\n`)
    await chmod(path.join(bin, name), 0o755)
  }
  await writeFile(fakeNpm, `#!/bin/sh\n${NPM}\n`)
  await chmod(fakeNpm, 0o755)
  if (options.npm !== false) await cp(fakeNpm, path.join(bin, 'npm'))
  await fake('id', `case $1 in -u) echo ${options.root === false ? 1000 : 0};; *) echo somebody;; esac`)
  if (options.debian !== false) {
    await fake('dpkg-query', DPKG_QUERY)
    await fake('dpkg', 'exit 0')
    await fake('apt-get', APT_GET)
    await fake('apt-cache', 'echo "  Candidate: 1"')
  }
  const env = {
    PATH: bin,
    HOME: folder,
    JOURNAL: journal,
    INSTALLED: installed,
    FAKE_NPM: fakeNpm,
    BIN: bin,
    REAL_NODE: process.execPath,
  }
  const start = (args: readonly string[], given: { env?: NodeJS.ProcessEnv; cwd?: string; file?: string } = {}) =>
    spawn(given.file ?? path.join(root, 'parley'), args, {
      cwd: given.cwd ?? os.tmpdir(),
      env: { ...env, ...given.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
  return {
    root,
    env,
    fake,
    journal: () => readFile(journal, 'utf8'),
    spawn: start,
    async run(args, given) {
      const child = start(args, given)
      let [stdout, stderr] = ['', '']
      child.stdout?.on('data', (text) => {
        stdout += text
      })
      child.stderr?.on('data', (text) => {
        stderr += text
      })
      const [code] = (await once(child, 'close')) as [number | null]
      return { code, stdout, stderr }
    },
  }
}

function lock(version: string): string {
  const pinned = { version, integrity: 'sha512-abc', optional: true, os: ['linux'], cpu: [process.arch] }
  const packages = { '': {}, [`node_modules/${PINNED}`]: pinned, 'node_modules/typescript': { version, dev: true } }
  return JSON.stringify({ lockfileVersion: 3, packages }, null, 2)
}

test('[LA1] it runs from any folder and through symlinks, and hands arguments and the exit code through', async (t) => {
  const { root, run } = await machine(t)
  assert.equal((await run(['up', '--yes'])).code, 0)
  const link = path.join(path.dirname(root), 'link')
  await symlink(path.join(root, 'parley'), link)
  await symlink('link', path.join(path.dirname(root), 'second'))
  const args = ['caption', 'a file.wav', '', '--key=$HOME', "it's"]
  for (const file of [path.join(root, 'parley'), link, path.join(path.dirname(root), 'second')]) {
    const { code, stdout } = await run(args, { file, env: { EXIT: '7' } })
    assert.deepEqual(JSON.parse(stdout), args)
    assert.equal(code, 7)
  }
  const relative = await run(['--help'], { file: '../link', cwd: root })
  assert.deepEqual(JSON.parse(relative.stdout), ['--help'])
})

test('[LA1] it becomes the command line: signals reach the command itself', async (t) => {
  const { root, run, spawn: start } = await machine(t)
  await run(['up', '--yes'])
  await writeFile(
    path.join(root, 'apps/cli/src/main.ts'),
    "process.on('SIGTERM', () => process.exit(9)); console.log('on'); setInterval(() => {}, 1000)",
  )
  const child = start(['up'])
  await once(child.stdout as NodeJS.ReadableStream, 'data')
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [9, null])
})

test('[LA9] what was compiled is kept for the next process, beside the packages or where the user says', async (t) => {
  const one = await machine(t)
  assert.equal((await one.run(['up', '--yes'])).code, 0)
  await writeFile(path.join(one.root, 'apps/cli/src/main.ts'), 'console.log(process.env.NODE_COMPILE_CACHE)')
  assert.equal((await one.run(['status'])).stdout.trim(), path.join(one.root, 'node_modules/.cache/compiled'))
  const elsewhere = { env: { NODE_COMPILE_CACHE: path.join(one.root, 'elsewhere') } }
  assert.equal((await one.run(['status'], elsewhere)).stdout.trim(), elsewhere.env.NODE_COMPILE_CACHE)
})

test('[LA2] the pinned Node is fetched first, with its checksum, and npm runs under it with the settings of the machine', async (t) => {
  const { root, run, journal } = await machine(t)
  await run(['up', '--yes'])
  const calls = (await journal())
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('npm'))
  assert.equal(calls.length, 2)
  assert.match(calls[0] ?? '', /in toolchain with \/machine\/npmrc under $/)
  assert.match(calls[1] ?? '', new RegExp(`--omit=dev in a project with /machine/npmrc under ${process.version}$`))
  assert.match(calls[1] ?? '', /--ignore-scripts/)
  assert.equal(existsSync(path.join(root, '.parley/toolchain')), false)
})

test('[LA3, LA4] commands that do not install say what is missing and the command, exit code 5', async (t) => {
  const { run, journal } = await machine(t)
  for (const command of ['caption', 'link', 'status', 'config', 'doctor', '--help']) {
    const { code, stdout, stderr } = await run([command])
    assert.equal(code, 5, command)
    assert.equal(stdout, '')
    assert.match(stderr, /^parley: its npm packages are not installed; to install them and start, run: \.\/parley up/)
  }
  assert.equal(await journal(), '')
  const doctor = await run(['doctor', '--json'])
  assert.equal(doctor.code, 1)
  assert.equal((JSON.parse(doctor.stdout) as { ok: boolean }).ok, false)
})

test('[LA4] without a terminal and without --yes the list comes with sizes and reasons, and nothing is installed', async (t) => {
  const { run, journal } = await machine(t)
  const { code, stderr } = await run(['up'])
  assert.equal(code, 5)
  assert.match(stderr, /npm, runtime set +package-lock\.json, Node 24 included \(about \d+ MB on disk/)
  assert.match(stderr, /libpocketsphinx3 +speech recognition/)
  assert.match(stderr, /Debian packages: \d+ MB to download/)
  assert.match(stderr, /to install these, run: \.\/parley up --yes\n$/)
  assert.doesNotMatch(await journal(), /npm|install -/)
})

test('[LA3, LA4] up installs the runtime set; test under CI=true the test set too, unasked', async (t) => {
  const { run, journal } = await machine(t)
  assert.equal((await run(['up', '--yes'])).code, 0)
  assert.match(
    await journal(),
    /install --no-install-recommends libpocketsphinx3 pocketsphinx-en-us espeak-ng liblc3-0 apertium apertium-eng-spa apertium-eng-cat apertium-spa-cat apertium-fr-es apertium-es-pt apertium-spa-ita redis-server\n/,
  )
  assert.doesNotMatch(await journal(), /chromium/)
  assert.equal((await run(['test'], { env: { CI: 'true' } })).code, 0)
  assert.match(await journal(), /install --no-install-recommends postgresql-15 chromium nginx\n/)
  assert.match(await journal(), /--include=dev/)
})

test('[LA3] up with several pods installs what they keep records in, unless a database is named', async (t) => {
  const { run, journal } = await machine(t)
  await run(['up', '--yes', '--database', 'postgres://db/records', '--pods', '2'])
  await run(['up', '--yes', '--pods', '2'], { env: { PARLEY_RECORDS_DATABASE_URL: 'postgres://db/records' } })
  await run(['up', '--yes', '--pods', '1'])
  assert.doesNotMatch(await journal(), /postgresql/)
  await run(['up', '--yes', '--pods', '2'])
  assert.match(await journal(), /install --no-install-recommends postgresql-15\n$/)
})

test('[LA5] a complete set is not touched again; another lock file is; the full set serves both', async (t) => {
  const { root, run, journal } = await machine(t)
  const installs = async () => (await journal()).split('\n').filter((line) => /in a project/.test(line)).length
  await run(['test', '--yes'])
  assert.equal(await installs(), 1)
  for (const command of ['up', 'test', 'check', 'caption']) assert.equal((await run([command])).code, 0, command)
  assert.equal(await installs(), 1)
  await writeFile(path.join(root, 'package-lock.json'), lock('1.0.1'))
  await run(['up', '--yes'])
  assert.equal(await installs(), 2)
  assert.match(await journal(), /--include=dev[^\n]*\n$/, 'an update keeps the full set full')
})

test('[LA5] what npm installed without the launcher is adopted, not replaced', async (t) => {
  const { root, run, journal } = await machine(t)
  const bin = path.join(root, 'node_modules', PINNED, 'bin')
  await mkdir(bin, { recursive: true })
  await symlink(process.execPath, path.join(bin, 'node'))
  await cp(path.join(root, 'package-lock.json'), path.join(root, 'node_modules/.package-lock.json'))
  assert.equal((await run(['caption'])).code, 0)
  assert.equal((await run(['check'], { env: { CI: 'true' } })).code, 0)
  assert.doesNotMatch(await journal(), /^npm/m)
})

test('[LA6] an installation that was interrupted ends with the launcher and is redone by the next run', async (t) => {
  const { root, run, spawn: start, journal, env } = await machine(t)
  await run(['up', '--yes'])
  await writeFile(path.join(root, 'package-lock.json'), lock('1.0.1'))
  Object.assign(env, { NPM_HANGS: '1' })
  const child = start(['up', '--yes'])
  await eventually(async () => ((await journal()).includes('hangs') ? undefined : 'npm has not begun'))
  child.kill('SIGINT')
  assert.deepEqual(await once(child, 'exit'), [130, null])
  delete env.NPM_HANGS
  const again = await run(['up', '--yes'])
  assert.equal(again.code, 0)
  assert.match(again.stderr, /npm packages \(runtime set\): done/)
})

test('[LA6] an npm that fails leaves no stamp, says whether it was the network, and ends with code 5', async (t) => {
  const { run } = await machine(t)
  const offline = await run(['up', '--yes'], { env: { NPM_FAILS: 'ENOTFOUND' } })
  assert.equal(offline.code, 5)
  assert.match(offline.stderr, /the npm registry cannot be reached/)
  assert.equal((await run(['up', '--yes'], { env: { NPM_FAILS: 'E500' } })).code, 5)
  assert.equal((await run(['up', '--yes'])).code, 0)
})

test('[LA7] without root it names the command for root and starts the rest', async (t) => {
  const { run, journal } = await machine(t, { root: false })
  const { code, stdout, stderr } = await run(['up', '--yes'])
  assert.equal(code, 0)
  assert.deepEqual(JSON.parse(stdout), ['up', '--yes'])
  assert.match(
    stderr,
    /as root, run: apt-get install -y --no-install-recommends libpocketsphinx3 pocketsphinx-en-us espeak-ng liblc3-0/,
  )
  assert.doesNotMatch(await journal(), /apt-get -y/)
})

test('[LA7] on another system it asks for no Debian package', async (t) => {
  const { run } = await machine(t, { debian: false })
  const { code, stderr } = await run(['up', '--yes'])
  assert.equal(code, 0)
  assert.doesNotMatch(stderr, /pocketsphinx/)
})

test('[LA7] a machine without npm gets one from Debian; without root that ends it in one line', async (t) => {
  const withRoot = await machine(t, { npm: false })
  assert.equal((await withRoot.run(['up', '--yes'])).code, 0)
  assert.match(await withRoot.journal(), /install --no-install-recommends nodejs npm ca-certificates libpocketsphinx3/)
  const without = await machine(t, { npm: false, root: false })
  const { code, stderr } = await without.run(['up', '--yes'])
  assert.equal(code, 5)
  assert.match(
    stderr,
    /^parley: npm is not installed, and without root it cannot be: as root, run: apt-get install -y nodejs npm\n$/,
  )
})

test('[LA7] when Debian packages cannot be had the rest is installed and started', async (t) => {
  const { run } = await machine(t)
  const { code, stderr } = await run(['up', '--yes'], { env: { APT_FAILS: '1' } })
  assert.equal(code, 0)
  assert.match(stderr, /some Debian packages could not be installed/)
  assert.match(stderr, /starting the rest without them/)
})

test('[LA7] --offline fetches nothing: it starts what is there, or says that nothing can run', async (t) => {
  const { root, run, journal } = await machine(t)
  const bare = await run(['up', '--offline'])
  assert.equal(bare.code, 5)
  assert.match(bare.stderr, /--offline: nothing is fetched, and without the npm packages nothing can run/)
  await run(['check', '--yes'])
  const before = await journal()
  assert.equal((await run(['up', '--offline'])).code, 0)
  assert.equal((await journal()).replace(before, '').includes('install -'), false)
  assert.ok(existsSync(path.join(root, 'node_modules/.parley-stamps/full')))
})

test('[LA8] the list of packages names a set and a reason for each', async () => {
  const text = await readFile(path.join(ROOT, 'scripts/packages.sh'), 'utf8')
  const rows = [...text.matchAll(/^\t(\w+)\|([\w.-]+)\|(.+)$/gm)]
  assert.ok(rows.length >= 7)
  for (const [, set] of rows) assert.match(set as string, /^(runtime|pods|test|bootstrap)$/)
})
