"""Groups of version 1 that give a process little memory, and its disk little speed; and an empty page cache."""
import os
import time


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


class Group:
    """A memory group, and a block-I/O group that throttles a device; 0 bytes a second is no limit."""

    def __init__(self, limit, device, rate):
        name = f"sluice-spill-{os.getpid()}"
        self.folders = [f"/sys/fs/cgroup/memory/{name}", f"/sys/fs/cgroup/blkio/{name}"]
        for folder in self.folders:
            os.makedirs(folder, exist_ok=True)
        write(self.folders[0] + "/memory.limit_in_bytes", str(limit))
        for way in ("read", "write"):
            write(f"{self.folders[1]}/blkio.throttle.{way}_bps_device", f"{device} {rate}")

    def enter(self):
        for folder in self.folders:
            write(folder + "/cgroup.procs", str(os.getpid()))

    def remove(self):
        for folder in self.folders:
            for _ in range(50):
                try:
                    os.rmdir(folder)
                    break
                except OSError:
                    time.sleep(0.02)


def drop(files):
    os.sync()
    for path in files:
        file = os.open(path, os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


def device_of(folder):
    """The disk of a folder as `MAJOR:MINOR`: groups throttle disks, not their partitions."""
    number = os.stat(folder).st_dev
    disk = os.path.realpath(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    if os.path.exists(disk + "/partition"):
        disk = os.path.dirname(disk)
    with open(disk + "/dev") as file:
        return file.read().strip()
