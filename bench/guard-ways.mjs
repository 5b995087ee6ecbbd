// The ways to signal a process, one after the other: which of them does the guard reach?
//
//   node bench/guard-ways.mjs [PROGRAM]        needs Linux; PROGRAM is target/debug/styxy if it is not named
//
// Each way ends a server of another worktree by its pid, under `styxy agent`, and then one of its own. A way that the guard reaches
// spares the first and ends the second without a word. Those that it cannot reach (docs/DESIGN.md, R93) are here too, and must be
// seen to pass: a way that is reached after all is a mistake of the list. What is not installed is named. Exit code 1 if a way does
// anything else than the list says.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const program = path.resolve(process.argv[2] ?? path.join(root, 'target/debug/styxy'));
const top = fs.mkdtempSync(path.join(os.tmpdir(), 'styxy-ways-'));
const own = path.join(top, 'own');
const other = path.join(top, 'other');
const home = path.join(top, 'user');
const at = (...parts) => path.join(top, ...parts);

const has = (tool) => spawnSync('sh', ['-c', `command -v ${tool}`], { stdio: 'ignore' }).status === 0;
const write = (file, text, mode = 0o644) => {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text, { mode });
};
for (const folder of [own, other]) write(path.join(folder, '.git/HEAD'), 'ref: refs/heads/main\n');
fs.mkdirSync(home);
write(at('stop.sh'), '#!/bin/sh\nkill "$1"\n', 0o755);
write(at('stop.bash'), '#!/bin/bash\nkill "$1"\n', 0o755);
write(path.join(own, 'package.json'), JSON.stringify({ name: 'shop', scripts: { stop: 'kill $TARGET' } }));
write(path.join(own, 'Makefile'), 'plain:\n\tkill $(TARGET)\nshell:\n\ttest -n "$(TARGET)" && kill $(TARGET)\n');
write(at('Kill.java'), 'class Kill { public static void main(String[] a) { if (!ProcessHandle.of(Long.parseLong(a[0])).get().destroy()) System.exit(1); } }\n');
// As the packages of these names do.
write(at('bin/kill-port'), '#!/bin/sh\nlsof -ti "tcp:$1" | xargs kill -9\n', 0o755);
write(at('bin/fkill'), `#!/bin/sh\nexec node -e 'process.kill(Number(process.argv[1]))' "\${1#:}"\n`, 0o755);

const LIBC = `#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <pthread.h>
int main(int c, char **v) {
  int pid = atoi(v[2]); union sigval value = { 0 }; siginfo_t info; memset(&info, 0, sizeof info); info.si_code = SI_QUEUE; info.si_pid = getpid(); info.si_uid = getuid();
  switch (atoi(v[1])) {
  case 0: return kill(pid, 15) != 0;
  case 1: return sigqueue(pid, 15, value) != 0;
  case 2: return syscall(SYS_kill, pid, 15) != 0;
  case 3: return syscall(SYS_tgkill, pid, pid, 15) != 0;
  case 4: return syscall(SYS_rt_sigqueueinfo, pid, 15, &info) != 0;
  case 5: return syscall(SYS_rt_tgsigqueueinfo, pid, pid, 15, &info) != 0;
  case 6: return syscall(424, (int)syscall(434, pid, 0), 15, 0, 0) != 0;
  case 8: return syscall(424, (int)syscall(434, pid, 0), 15, 0, 4) != 0;
  case 7: if (!fork()) _exit(kill(pid, 15) != 0); return 0;
  default: return 2;
  }
}
`;
write(at('kill.c'), LIBC);
write(at('raw.c'), `#include <stdlib.h>
#include <unistd.h>
int main(int c, char **v) { long r; __asm__ volatile("syscall" : "=a"(r) : "a"(62), "D"(atol(v[1])), "S"(15) : "rcx", "r11", "memory"); return r != 0; }
`);
/** A compiled program, or nothing if its compiler is not here. */
function built(compiler, source, flags, name) {
  const out = at(name);
  return has(compiler) && spawnSync(compiler, [...flags, '-o', out, at(source)], { stdio: 'ignore' }).status === 0 ? out : undefined;
}
const c = built('gcc', 'kill.c', [], 'c');
const musl = built('musl-gcc', 'kill.c', [], 'musl');
const isX64 = process.arch === 'x64';
// Linux 6.9 and newer signal groups through descriptors.
const isNew = ((release) => release[0] > 6 || (release[0] === 6 && release[1] >= 9))(os.release().split('.').map(Number));

/** What a shell runs; nothing if a tool is not here. `needs` are its tools, the first word of the line if they are not named. */
const line = (text, ...needs) => ((needs.length > 0 ? needs : [text.split(' ')[0]]).every(has) ? text : undefined);
const compiled = (file, words) => file && `${file} ${words}`;
const REACHED = true;
const NOT = false;
const WAYS = [
  ['bash, its own kill', REACHED, line('bash -c "kill PID"')],
  ['bash, a loop', REACHED, line('bash -c "for p in PID; do kill -9 \\$p; done"')],
  ['bash, a bash inside', REACHED, line(`bash -c "bash -c 'kill PID'"`)],
  ['a script of bash', REACHED, `${at('stop.bash')} PID`],
  ['xargs kill', REACHED, line('echo PID | xargs kill', 'xargs')],
  ['env kill', REACHED, line('env kill PID')],
  ['make, a recipe without a shell', REACHED, line(`make -s -C ${own} plain TARGET=PID`)],
  ['make, a recipe of a shell', REACHED, line(`make -s -C ${own} shell TARGET=PID`)],
  ['fish', REACHED, line('fish -c "kill PID"')],
  ['killall (of the group of names)', REACHED, line('killall -r "^NAME$"')],
  ['fuser -k', REACHED, line('fuser -sk PORT/tcp')],
  ['skill', REACHED, line('skill -TERM PID')],
  ['kill-port', REACHED, line(`${at('bin/kill-port')} PORT`, 'lsof')],
  ['fkill', REACHED, line(`${at('bin/fkill')} :PID`, 'node')],
  ['sh -c', REACHED, line('sh -c "kill PID"')],
  ['dash -c', REACHED, line('dash -c "kill PID"')],
  ['a script of sh', REACHED, `${at('stop.sh')} PID`],
  ['npm run', REACHED, line(`TARGET=PID npm run --silent --prefix ${own} stop`, 'npm')],
  ['zsh -c', REACHED, line('zsh -c "kill PID"')],
  ['/bin/kill', REACHED, line('/bin/kill PID')],
  ['/usr/bin/pkill -x', REACHED, line('/usr/bin/pkill -x NAME')],
  ['pkill -f', REACHED, line('pkill -f "NAME [0-9]+ WHERE"')],
  ['node, process.kill', REACHED, line('node -e "process.kill(PID)"')],
  ['python, os.kill', REACHED, line('python3 -c "import os; os.kill(PID, 15)"')],
  ['python, pidfd_send_signal', REACHED, line('python3 -c "import os, signal; signal.pidfd_send_signal(os.pidfd_open(PID), 15)"')],
  ['python, syscall by ctypes', REACHED, isX64 ? line('python3 -c "import ctypes, sys; sys.exit(ctypes.CDLL(None).syscall(62, PID, 15) != 0)"') : undefined],
  ['perl', REACHED, line(`perl -e "kill('TERM', PID) or exit 1"`)],
  ['ruby', REACHED, line('ruby -e "Process.kill(:TERM, PID)"')],
  ['tclsh, exec kill', REACHED, line('echo "exec kill PID" | tclsh', 'tclsh')],
  ['awk, system', REACHED, line(`awk 'BEGIN { exit system("kill PID") }'`)],
  ['vim, system', REACHED, line(`vim -es -u NONE -c "call system('kill PID')" -c qa!`)],
  ['java, ProcessHandle', REACHED, line(`java -Xshare:auto -XX:TieredStopAtLevel=1 ${at('Kill.java')} PID`, 'javac')],
  ['script', REACHED, line('script -qec "kill PID" /dev/null')],
  ['setsid sh', REACHED, line('setsid -w sh -c "kill PID"')],
  ['timeout', REACHED, line('timeout 9 kill PID')],
  ['C, kill', REACHED, compiled(c, '0 PID')],
  ['C, sigqueue', REACHED, compiled(c, '1 PID')],
  ['C, syscall(SYS_kill)', REACHED, compiled(c, '2 PID')],
  ['C, syscall(SYS_tgkill)', REACHED, compiled(c, '3 PID')],
  ['C, syscall(SYS_rt_sigqueueinfo)', REACHED, compiled(c, '4 PID')],
  ['C, syscall(SYS_rt_tgsigqueueinfo)', REACHED, compiled(c, '5 PID')],
  ['C, syscall(pidfd_send_signal)', REACHED, compiled(c, '6 PID')],
  ['C, syscall(pidfd_send_signal) to the group', REACHED, compiled(isNew && c, '8 PID')],
  ['C, the child of a fork', REACHED, compiled(c, '7 PID')],
  ['C without PIE', REACHED, compiled(built('gcc', 'kill.c', ['-no-pie'], 'no-pie'), '0 PID')],
  ['C, address sanitizer', REACHED, compiled(built('gcc', 'kill.c', ['-fsanitize=address'], 'asan'), '0 PID')],
  ['C, thread sanitizer', REACHED, compiled(built('gcc', 'kill.c', ['-fsanitize=thread'], 'tsan'), '0 PID')],
  ['C, undefined sanitizer', REACHED, compiled(built('gcc', 'kill.c', ['-fsanitize=undefined'], 'ubsan'), '0 PID')],
  ['musl, dynamic: kill', REACHED, compiled(musl, '0 PID')],
  ['musl, dynamic: syscall(SYS_kill)', REACHED, compiled(musl, '2 PID')],
  ['musl, static', NOT, compiled(built('musl-gcc', 'kill.c', ['-static'], 'musl-static'), '0 PID')],
  ['glibc, static', NOT, compiled(built('gcc', 'kill.c', ['-static'], 'static'), '0 PID')],
  ['busybox', NOT, line('busybox kill PID')],
  ['a raw instruction, as Go and rustix do', NOT, isX64 ? compiled(built('gcc', 'raw.c', [], 'raw'), 'PID') : undefined],
  ['env -i', NOT, line('env -i /bin/kill PID')],
  ['PHP, posix_kill', NOT, line(`php -r "exit(posix_kill(PID, 15) ? 0 : 1);"`)],
  ['sudo', NOT, line('sudo -n /bin/kill PID')],
];

const plain = { PATH: process.env.PATH, HOME: home, STYXY_HOME: at('styxy'), STYXY_AGENT: 'off', TERM: 'dumb' };
const styxy = (...words) => execFileSync(program, words, { env: plain, cwd: own, encoding: 'utf8' });
const tool = at('tools', `ways${process.pid}`);
fs.mkdirSync(path.dirname(tool));
fs.copyFileSync(fs.realpathSync('/usr/bin/perl'), tool);
fs.chmodSync(tool, 0o755);
write(at('server.pl'), `use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 5) or die;
$| = 1; print $s->sockport, "\\n"; while (1) { my $c = $s->accept or next; close $c }
`);

/** A server in `folder`, in a group of its own: its pid, its port, and its end. */
async function server(folder) {
  const child = spawn(tool, [at('server.pl'), '1', folder], { cwd: folder, env: { PATH: process.env.PATH }, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const ended = new Promise((resolve) => child.on('exit', () => resolve(true)));
  const port = await new Promise((resolve) => child.stdout.once('data', (data) => resolve(String(data).trim())));
  return { child, port, ended, soon: (ms) => Promise.race([ended, new Promise((resolve) => setTimeout(resolve, ms, false))]) };
}

/** `text` under the guard, about this server. */
function run(text, { child, port }, where) {
  const command = text
    .replaceAll('PID', child.pid)
    .replaceAll('PORT', port)
    .replaceAll('NAME', text.startsWith('pkill -f') ? `${tool} ${at('server.pl')}` : path.basename(tool))
    .replaceAll('WHERE', where);
  return new Promise((resolve) => {
    const running = spawn(program, ['agent', '--', 'bash', '-c', command], { cwd: own, env: plain, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [running.stdout, running.stderr]) stream.on('data', (data) => (said += data));
    const timer = setTimeout(() => running.kill('SIGKILL'), 30_000);
    running.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, said, command });
    });
  });
}

let wrong = 0;
const absent = [];
const counts = { spared: 0, passed: 0 };
try {
  styxy('daemon', 'start');
  for (const [name, isReached, text] of WAYS) {
    if (!text) {
      absent.push(name);
      continue;
    }
    const theirs = await server(other);
    const refused = await run(text, theirs, other);
    const isEnded = await theirs.soon(isReached ? 100 : 5000);
    theirs.child.kill('SIGKILL');
    const ours = await server(own);
    const done = isReached ? await run(text, ours, own) : undefined;
    const isOwnEnded = !isReached || (await ours.soon(5000));
    ours.child.kill('SIGKILL');
    const words = done?.said.split('\n').some((one) => one.startsWith('styxy: '));
    const isRight = isEnded !== isReached && isOwnEnded && !words;
    if (isEnded) counts.passed++;
    else counts.spared++;
    if (isRight) continue;
    wrong++;
    const how = [isEnded ? "another's server ended" : "another's server spared", isOwnEnded ? '' : 'its own not ended', words ? 'words about its own' : ''];
    console.log(`${name}: ${how.filter(Boolean).join(', ')}\n  ${refused.command}\n  ${refused.said.trim()}\n  ${done?.said.trim() ?? ''}`);
  }
} finally {
  spawnSync(program, ['daemon', 'stop'], { env: plain, cwd: own });
  fs.rmSync(top, { recursive: true, force: true });
}
const passing = WAYS.filter(([, isReached, text]) => text && !isReached).map(([name]) => name);
console.log(`${counts.spared + counts.passed} ways: ${counts.spared} spare another's server and end an own one; ${counts.passed} pass: ${passing.join('; ')}
not installed here: ${absent.join('; ') || 'none'}
${wrong === 0 ? 'as listed' : `${wrong} not as listed`}`);
process.exitCode = wrong > 0 ? 1 : 0;
