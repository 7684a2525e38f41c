internal import Glibc
internal import SluiceFormats

/// A directory of a test's own, removed with the last reference.
package final class ScratchDirectory: Sendable {
  /// Where all of them are made.
  package static let root = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"

  /// Where directories are made that ought to be on a disk; nil where none is known.
  ///
  /// `scripts/test` puts all others into memory.
  package static let diskRoot = [root, "/var/tmp"].first { isOnDisk($0) }

  /// Whether files are surely on a disk: file systems in memory, where the page cache is all that files
  /// have, are on devices with the major number 0.
  private static func isOnDisk(_ path: String) -> Bool {
    guard let device = try? FileStatus.of(path)?.device else { return false }
    return device >> 8 & 0xFFF != 0
  }

  /// The path.
  package let path: String

  /// Makes an empty directory.
  package init(in root: String? = nil) throws {
    let number = UInt64.random(in: .min ... .max)
    path = "\(root ?? ScratchDirectory.root)/sluice-test-\(getpid())-\(number)"
    try Directory.create(path)
  }

  deinit { try? Directory.remove(path) }

  /// The path of something in the directory.
  package func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file, and makes its directory where it is missing.
  @discardableResult
  package func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Directory.create(Directory.parent(of: self(name)))
    try AtomicFile.write(bytes, to: self(name))
    return self(name)
  }

  /// Writes a text.
  @discardableResult
  package func write(_ text: String, to name: String) throws -> String {
    try write(Array(text.utf8), to: name)
  }

  /// Reads a file.
  package func read(_ name: String) throws -> [UInt8] {
    try InputFile.contents(of: self(name), byteLimit: 1 << 30)
  }
}
