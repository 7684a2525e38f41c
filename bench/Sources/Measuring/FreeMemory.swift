import Glibc
import Platform

/// The memory of the machine that nobody uses.
///
/// A virtual machine may tell its host of such pages (free page reporting). The host takes them for others, and whoever
/// touches one next waits until it is there again, for 2 to 4 s a GiB on one such machine instead of 0.07: what a run then
/// takes depends on how long ago another one ended.
public enum FreeMemory {
  /// What most merges touch.
  private static let usualByteCount = 2 << 30

  /// The name of the command that touches pages.
  public static let command = "touch-memory"

  /// Has pages touched and freed by a process of its own, whose memory is not counted as that of the next program; so that
  /// this one finds them at once.
  ///
  /// No more than half of what is free is touched, since the page cache shall stay.
  /// - Throws: `BenchFailure` when there is no such process to be had.
  public static func prepare() throws {
    let free = sysconf(CInt(_SC_AVPHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE))
    let byteCount = min(usualByteCount, free / 2)
    let outcome = try ChildProcess([Machine.ownProgram(), command, "\(byteCount)"]).run(
      output: "/dev/null", errors: "/dev/null")
    guard outcome.succeeded else { throw BenchFailure("\(command): \(outcome.ending)") }
  }

  /// Touches pages of new memory.
  /// - Parameter byteCount: how many bytes.
  public static func touch(_ byteCount: Int) {
    guard byteCount > 0,
      let bytes = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      bytes != MAP_FAILED
    else { return }
    defer { munmap(bytes, byteCount) }
    // As large pages where the system has them, as programs that hold much do.
    madvise(bytes, byteCount, MADV_HUGEPAGE)
    for offset in stride(from: 0, to: byteCount, by: sysconf(CInt(_SC_PAGESIZE))) {
      bytes.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
    }
  }
}
