import Glibc
import SluiceFormats

/// A directory for one test, removed with the last reference.
final class ScratchDirectory: Sendable {
  static let root = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"

  /// Whether files there are surely on a disk: file systems in memory, where the page cache is all
  /// that files have, are on devices with the major number 0.
  static var isOnDisk: Bool {
    guard let device = try? FileStatus.of(root)?.device else { return false }
    return device >> 8 & 0xFFF != 0
  }

  let path: String

  init() throws {
    let number = UInt64.random(in: .min ... .max)
    path = "\(ScratchDirectory.root)/sluice-formats-\(getpid())-\(number)"
    try Directory.create(path)
  }

  deinit { try? Directory.remove(path) }

  func path(_ name: String) -> String { "\(path)/\(name)" }

  @discardableResult
  func write(_ bytes: [UInt8], to name: String) throws -> String {
    try WholeFile.write(bytes, to: path(name))
    return path(name)
  }

  func read(_ name: String) throws -> [UInt8] {
    try InputFile.contents(of: path(name), byteLimit: 1 << 30)
  }
}

/// Bytes without a pattern that a wrong offset could hide in.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt8(truncatingIfNeeded: state >> 56)
  }
}
