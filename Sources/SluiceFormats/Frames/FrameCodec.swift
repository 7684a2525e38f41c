/// How the sections of a frame are compressed.
package enum FrameCodec: Sendable, Hashable {
  /// Not at all.
  case none
  /// With LZ4: fast, but it finds little in what changes of weights look like.
  case lz4
  /// With Rice codes, which fit what changes of weights look like: about as small as with
  /// Zstandard, and several times as fast.
  case rice
  /// With Zstandard of a level; without one, what codes of single bytes save, and nothing that looks for repeats.
  ///
  /// Changes of weights hardly repeat: the search costs a third of the time and makes frames larger.
  case zstd(level: Int? = nil)

  /// The levels of Zstandard that may be asked for.
  package static let levels = 1...19

  /// The name in options and reports.
  package var name: String {
    switch self {
    case .none: "none"
    case .lz4: "lz4"
    case .rice: "rice"
    case .zstd: "zstd"
    }
  }

  /// Reads a label such as `lz4` or `zstd:3`; nil if it is none.
  package init?(label: String) {
    switch label {
    case "none": self = .none
    case "lz4": self = .lz4
    case "rice": self = .rice
    case "zstd": self = .zstd()
    default:
      guard label.hasPrefix("zstd:"), let level = Int(label.dropFirst(5)),
        FrameCodec.levels.contains(level)
      else { return nil }
      self = .zstd(level: level)
    }
  }

  /// The name with the level, as options take it.
  package var label: String {
    if case .zstd(let level?) = self { "zstd:\(level)" } else { name }
  }
}
