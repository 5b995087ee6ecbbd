"""A tree of processes of one kind, below the process that runs this; the server listens on $PORT.

Each says `NAME PID` once it is what it is to be. All of them end with their standard input, so that none outlives the test, and
all have the standard output, so that its end is the end of the last one.
"""
import os, select, signal, socket, subprocess, sys

kind, port = sys.argv[1], int(os.environ.get('PORT', 0))


def say(name, pid=None):
    os.write(1, f'{name} {pid or os.getpid()}\n'.encode())


def wait():
    while os.read(0, 1):
        pass
    os._exit(0)


def listen():
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(('127.0.0.1', port))
    server.listen()
    say('listens')
    return server


def child(name, then=wait):
    pid = os.fork()
    if pid == 0:
        say(name)
        then()
    return pid


def detached(then):
    """A grandchild in a session of its own, whose parent has ended."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if os.fork() == 0:
            then()
            os._exit(0)
        os._exit(0)
    os.waitpid(pid, 0)


def again(word, environment):
    os.execve(sys.executable, ['python3', sys.argv[0], word], environment)


def respawn():
    while True:
        if select.select([0], [], [], 0.003)[0]:
            os._exit(0)
        if os.fork():
            os._exit(0)


def setsid():
    os.setsid()
    say('child')
    wait()


held = None
if kind == 'plain':
    child('child')
    child('child', lambda: child('grandchild') and wait())
elif kind == 'setsid':
    for _ in range(4):
        os.fork() or setsid()
elif kind == 'double':
    for _ in range(2):
        detached(lambda: (say('double'), wait()))
elif kind == 'gone':
    read, write = os.pipe()
    if os.fork():
        os.close(write)
        # Until the server listens: only then does its lease outlive the launcher.
        os.read(read, 1)
        os._exit(0)
    os.setsid()
    os.close(read)
    child('child')
    held = listen()
    os.close(write)
    wait()
elif kind == 'env':
    detached(lambda: again('silent', {}))
elif kind == 'env-listens':
    detached(lambda: again('server', {'PORT': str(port)}))
    say('main')
    wait()
elif kind == 'respawn':
    detached(respawn)
elif kind == 'many':
    for _ in range(200):
        child('child')
elif kind == 'deaf':
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child('deaf')
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
elif kind == 'stopped':
    child('stopped', lambda: (os.kill(os.getpid(), signal.SIGSTOP), wait()))
elif kind == 'restarts':
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def server():
        global held
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        held = listen()
        wait()

    while True:
        os.waitpid(child('server', server), 0)
        if select.select([0], [], [], 0)[0]:
            os._exit(0)
elif kind == 'elsewhere':
    def elsewhere():
        os.chdir(sys.argv[2])
        say('editor')
        wait()

    detached(elsewhere)
elif kind == 'session':
    words = [os.environ['STYXY'], 'run', '-q', '-s', 'api', '--', sys.executable, sys.argv[0], 'plain']
    subprocess.Popen(words, env={**os.environ, 'STYXY_INSTANCE': 'claude-2'})
elif kind == 'agent':
    def agent():
        child('tool')
        os.execv('/bin/cat', ['claude'])

    say('agent', child('shell', agent))
elif kind == 'silent':
    say('silent')
    wait()
elif kind == 'idle':
    child('child')
    say('main')
    wait()
held = listen()
wait()
