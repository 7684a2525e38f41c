internal import SluiceCore
package import SluiceFormats

/// What a model's `config.json` says: every value that holds no others, by its path.
///
/// `text_config.vocab_size` is the path of a value inside another; elements of a list are numbered
/// (`architectures.0`).
package struct ModelConfig: Sendable {
  /// More values than that is no config.
  package static let valueLimit = 1 << 16
  /// Values below longer paths are passed over: none of them is asked for.
  private static let longestPath = 512
  /// Configs of the part of a model that reads text, outermost first.
  private static let textSections = [
    "text_config", "llm_config", "language_config", "thinker_config.text_config",
  ]

  /// The values by path.
  package let values: [String: JSONScalar]
  /// Where the values of the language model stand: in a section, or at the top.
  package let textSection: String?

  /// Reads a config.
  ///
  /// - Parameters:
  ///   - bytes: The text.
  ///   - file: The path to name in errors.
  /// - Throws: If it is no JSON object, or has too many values.
  package init(_ bytes: [UInt8], file: String) throws(FormatError) {
    // Safety: the text outlives the scanner.
    let found = unsafe bytes.withUnsafeBytes { text in
      Result { () throws(FormatError) in
        var scanner = unsafe JSONScanner(
          text, file: file, maximumDepth: 32, acceptsPythonNumbers: true)
        var values: [String: JSONScalar] = [:]
        guard try scanner.kind() == .object else {
          throw scanner.refusal("a config that is no object")
        }
        try ModelConfig.collect(&scanner, "", into: &values)
        try scanner.end()
        return values
      }
    }
    let values = try found.get()
    self.values = values
    textSection = ModelConfig.textSections.first { section in
      values.keys.contains { $0.hasPrefix("\(section).") }
    }
  }

  private static func collect(
    _ scanner: inout JSONScanner, _ path: String, into values: inout [String: JSONScalar]
  ) throws(FormatError) {
    func member(_ name: String) -> String {
      // What is too long already grows no further, however deep it goes.
      path.isEmpty ? name : path.utf8.count > longestPath ? path : "\(path).\(name)"
    }
    switch try scanner.kind() {
    case .object:
      try scanner.beginObject()
      while let key = try scanner.nextKey() {
        try collect(&scanner, member(scanner.string(of: key)), into: &values)
      }
    case .array:
      var index = 0
      try scanner.beginArray()
      while try scanner.nextElement() {
        try collect(&scanner, member("\(index)"), into: &values)
        index += 1
      }
    default:
      guard values.count < valueLimit else {
        throw scanner.refusal("a config of more than \(valueLimit) values")
      }
      let value = try scanner.scalar()
      if path.utf8.count <= longestPath { values[path] = value }
    }
  }

  /// The kind of model, as transformers calls it.
  package var modelType: String? { string("model_type") }

  /// The value of a key of the language model, from its section or from the top.
  ///
  /// - Parameter key: The key.
  /// - Returns: The value; nil if there is none, or null.
  package func text(_ key: String) -> JSONScalar? {
    let inner = textSection.flatMap { values["\($0).\(key)"] }
    let value = inner ?? values[key]
    return value == .null ? nil : value
  }

  /// The paths at which a key stands for the language model: at the top and in its section.
  ///
  /// - Parameter key: The key.
  /// - Returns: The paths that have a value.
  package func paths(_ key: String) -> [[String]] {
    let inner = textSection.map { $0.split(separator: ".").map(String.init) + [key] }
    return [[key], inner ?? []].filter { !$0.isEmpty && values[$0.joined(separator: ".")] != nil }
  }

  /// The integer of a key of the language model.
  package func integer(_ key: String) -> Int? {
    if case .integer(let value)? = text(key) { value } else { nil }
  }

  /// The truth value of a key of the language model, from the top first.
  package func bool(_ key: String) -> Bool? {
    if case .bool(let value)? = values[key] { return value }
    if case .bool(let value)? = text(key) { return value }
    return nil
  }

  /// The string of a path.
  package func string(_ path: String) -> String? {
    if case .string(let value)? = values[path] { value } else { nil }
  }

  /// Whether anything stands under a key at the top.
  package func hasSection(_ key: String) -> Bool {
    values.keys.contains { $0 == key || $0.hasPrefix("\(key).") } && values[key] != .null
  }
}
