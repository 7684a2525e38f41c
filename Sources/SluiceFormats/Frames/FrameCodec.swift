/// How the sections of a frame are compressed.
package enum FrameCodec: Sendable, Hashable {
  /// Not at all.
  case none
  /// With LZ4: fast, but it finds little in what changes of weights look like.
  case lz4
  /// With Zstandard of a level.
  case zstd(level: Int)

  /// The levels of Zstandard that may be asked for.
  package static let levels = 1...19
  /// The level that is used unless another is asked for: higher ones are slower and not smaller here.
  package static let defaultLevel = 1

  /// The name in options and reports.
  package var name: String {
    switch self {
    case .none: "none"
    case .lz4: "lz4"
    case .zstd: "zstd"
    }
  }

  /// The name with the level, as options take it.
  package var label: String {
    if case .zstd(let level) = self { "zstd:\(level)" } else { name }
  }
}
