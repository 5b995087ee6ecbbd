# Asks the guard about a process as fast as it can, in four processes that leave the processor to others, and without waiting for the
# answers, until its input ends. Then prints how many of the four failed, how many questions were taken, and how many a second.
#
#   python3 bench/guard-flood.py GUARD_SOCKET PID
import collections, os, select, socket, struct, sys, time
path, pid = sys.argv[1], int(sys.argv[2])
os.nice(19)
question = struct.pack('<BBHiQiI', 1, 1, 0, pid, 0, 15, 0)
read, write = os.pipe()
children = [0]
for _ in range(3):
    child = os.fork()
    if child == 0: break
    children.append(child)
print('asks', flush=True) if child else None
count, begun, waiting = 0, time.monotonic(), collections.deque()
while count % 64 or not select.select([0], [], [], 0)[0]:
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.setblocking(False)
    try:
        s.connect(path); s.send(question)
        count += 1
        waiting.append(s)
    except BlockingIOError: select.select([0], [], [], 0.0005)
    if len(waiting) > 100: waiting.popleft().close()
if child == 0:
    os.write(write, b'%d\n' % count)
    os._exit(0)
ended = [os.waitpid(child, 0)[1] for child in children[1:]]
os.close(write)
count += sum(map(int, os.fdopen(read).read().split()))
print(sum(ended), count, int(count / (time.monotonic() - begun)), flush=True)
