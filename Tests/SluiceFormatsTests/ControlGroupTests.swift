import Testing

@testable import SluiceFormats

@Suite("Memory limits of control groups")
struct ControlGroupTests {
  @Test(
    "the smallest limit on the way up counts",
    arguments: [
      ("0::/a/b\n", ["/sys/fs/cgroup/a/b/memory.max": "max\n"], nil),
      ("0::/a/b\n", ["/sys/fs/cgroup/a/memory.max": "268435456\n"], 268_435_456),
      (
        "0::/a/b\n",
        ["/sys/fs/cgroup/a/memory.max": "100\n", "/sys/fs/cgroup/a/b/memory.max": "200\n"], 100
      ),
      // In a container the path from outside does not exist, and the root speaks for the group.
      ("0::/docker/x\n", ["/sys/fs/cgroup/memory.max": "77\n"], 77),
      (
        "5:cpu,memory:/job\n0::/\n",
        ["/sys/fs/cgroup/memory/job/memory.limit_in_bytes": "4096\n"], 4096
      ),
      (
        "5:memory:/\n", ["/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"],
        nil
      ),
      ("nonsense", [:], nil), ("0::/\n", ["/sys/fs/cgroup/memory.max": "many"], nil),
    ] as [(String, [String: String], Int?)])
  func limits(membership: String, files: [String: String], limit: Int?) {
    #expect(ControlGroup.memoryLimit(membership: membership) { files[$0] } == limit)
  }
}
