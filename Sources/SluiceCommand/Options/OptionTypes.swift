public import ArgumentParser
package import SluiceCore
package import SluiceFormats
package import SluiceKernels
package import SluiceRecipe

extension ByteCount: ExpressibleByArgument {
  /// Reads a size such as `96MiB`.
  package init?(argument: String) { self.init(argument) }
  /// The size as an option value.
  package var defaultValueDescription: String {
    bytes % (1 << 20) == 0 ? "\(bytes >> 20)MiB" : "\(bytes / 1_000_000_000)GB"
  }
}

extension VectorLevel: ExpressibleByArgument {
  /// Reads the name of a level.
  package init?(argument: String) {
    guard let level = VectorLevel.allCases.first(where: { $0.name == argument }) else { return nil }
    self = level
  }
  /// The names of all levels.
  package static var allValueStrings: [String] { allCases.map(\.name) }
  /// The name of the level.
  package var defaultValueDescription: String { name }
}

extension RunOptions.InputOption: ExpressibleByArgument {}
extension RunOptions.EdgeOption: ExpressibleByArgument {}

extension RunOptions.SpillOption: ExpressibleByArgument {
  /// Reads a choice such as `auto`, `lz4` or `zstd:3`.
  package init?(argument: String) {
    switch argument {
    case "auto": self = .auto
    case "off": self = .off
    default:
      guard let codec = FrameCodec(argument: argument) else { return nil }
      self = .on(codec)
    }
  }
  /// The names of all choices.
  package static var allValueStrings: [String] { ["auto", "off"] + FrameCodec.allValueStrings }
  /// The choice as an option value.
  package var defaultValueDescription: String {
    switch self {
    case .auto: "auto"
    case .off: "off"
    case .on(let codec): codec.name
    }
  }
}

extension FrameCodec: ExpressibleByArgument {
  /// Reads a codec such as `lz4` or `zstd:3`.
  package init?(argument: String) { self.init(label: argument) }
  /// The names of all codecs.
  package static var allValueStrings: [String] { ["none", "rice", "lz4", "zstd", "zstd:LEVEL"] }
  /// The codec as an option value.
  package var defaultValueDescription: String { name }
}

extension ResumeCheck: ExpressibleByArgument {}
extension InputCheck: ExpressibleByArgument {}
/// On or off.
enum Switch: String, CaseIterable, ExpressibleByArgument {
  case on, off
}

/// A path that may have a name before it: `math=models/math`, or `models/math`, whose name is `math`.
struct PossiblyNamedPath: ExpressibleByArgument {
  let name: String
  let path: String

  init?(argument: String) {
    let named = NamedValue(argument: argument)
    // A path may have an equals sign in it, and names have no slash.
    if let named, !named.name.contains("/") {
      (name, path) = (named.name, named.value)
    } else {
      path = argument
      let last = argument.split(separator: "/").last.map(String.init) ?? argument
      name = last == "base" || last.allSatisfy({ $0 == "." }) ? "model" : last
    }
    guard !path.isEmpty, !name.isEmpty else { return nil }
  }
}

/// An option of the form `NAME=VALUE`.
struct NamedValue: ExpressibleByArgument {
  let name: String
  let value: String

  init?(argument: String) {
    guard let separator = argument.firstIndex(of: "="), separator != argument.startIndex else {
      return nil
    }
    name = String(argument[..<separator])
    value = String(argument[argument.index(after: separator)...])
    guard !value.isEmpty else { return nil }
  }
}
