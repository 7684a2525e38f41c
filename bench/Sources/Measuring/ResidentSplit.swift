import Glibc
import Platform

/// The largest resident sizes that samples saw, by kind of page, in bytes.
///
/// A peak between two samples is
/// missed, so these explain a peak, and `ChildProcess.Outcome.peakResident` is the peak.
public struct ResidentSplit: Sendable {
  /// Memory of its own.
  public private(set) var anonymous = 0
  /// Pages of mapped files.
  public private(set) var file = 0

  /// Nothing seen yet.
  public init() {}

  /// Looks at a process now.
  mutating func include(process: pid_t) {
    guard let bytes = try? File.contents(of: "/proc/\(process)/status") else { return }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard fields.count > 1, let kibibytes = Int(fields[1]) else { continue }
      if fields[0] == "RssAnon:" { anonymous = max(anonymous, kibibytes << 10) }
      if fields[0] == "RssFile:" { file = max(file, kibibytes << 10) }
    }
  }
}
