public import SluiceCore
public import SluiceMethods

/// A value in a recipe, with its place and the path of keys that leads to it.
public struct RecipeField: Sendable {
  let node: RecipeNode
  /// The keys that lead to the value: `models[0].parameters.weight`.
  public let path: String

  /// Where the value stands.
  public var place: RecipePlace { node.place }

  /// An error about the value.
  ///
  /// - Parameters:
  ///   - message: What is wrong with it.
  ///   - remedy: What to do.
  /// - Returns: The error, with place and path.
  public func error(_ message: String, remedy: String? = nil) -> RecipeError {
    RecipeError(place, path.isEmpty ? message : "\(path): \(message)", remedy: remedy)
  }

  /// Whether nothing was written after the key.
  var isNothing: Bool { node.isNothing }

  /// The value as a list.
  ///
  /// - Parameter expected: What a list of is expected.
  /// - Returns: The values in it.
  /// - Throws: `RecipeError` if it is none.
  public func list(of expected: String) throws(RecipeError) -> [RecipeField] {
    guard case .list(let items) = node.content else {
      throw error("a list of \(expected) is expected, found \(node.kindName)")
    }
    return items.enumerated().map { RecipeField(node: $1, path: "\(path)[\($0)]") }
  }

  /// Whether the value is a list.
  var isList: Bool { if case .list = node.content { true } else { false } }
  /// Whether the value is a mapping.
  var isMap: Bool { if case .map = node.content { true } else { false } }

  /// The value as a number in a range.
  ///
  /// - Parameter range: Which numbers are allowed.
  /// - Returns: The number.
  /// - Throws: `RecipeError` if it is none, or not in the range.
  public func number(_ range: NumberRange = .any) throws(RecipeError) -> Double {
    guard case .scalar(let text, let isPlain) = node.content, !node.isNothing else {
      throw error("a number \(range.rawValue) is expected, found \(node.kindName)")
    }
    try refuseOddNumber(text, isPlain: isPlain)
    guard isPlain, let number = Decimal.parse(text) else {
      throw error(
        "a number \(range.rawValue) is expected, found \(text.quotedForMessage)",
        remedy: isPlain ? percentage(text) : "Write the number without quotes.")
    }
    guard range.contains(number) else {
      throw error("a number \(range.rawValue) is expected, found \(text)")
    }
    return number
  }

  private func percentage(_ text: String) -> String? {
    guard text.hasSuffix("%"), let number = Double(text.dropLast()) else { return nil }
    return "Write the share as a number: \(number / 100)."
  }

  private func refuseOddNumber(_ text: String, isPlain: Bool) throws(RecipeError) {
    guard isPlain, Decimal.parse(text) == nil, YAMLWords.looksLikeNumber(text) else { return }
    throw error(
      "readers of YAML disagree on what \(text.printable) is: digits with leading zeros, "
        + "underscores, colons or a base prefix, and .inf and .nan, are not read as numbers",
      remedy: "Write a plain decimal number.")
  }

  /// The value as a word or text.
  ///
  /// - Returns: The text.
  /// - Throws: `RecipeError` if it is none, or one that some readers of YAML take for something else.
  public func text() throws(RecipeError) -> String {
    guard case .scalar(let text, let isPlain) = node.content, !node.isNothing else {
      throw error("a text is expected, found \(node.kindName)")
    }
    if isPlain, YAMLWords.isTruth(text) || YAMLWords.looksLikeNumber(text) {
      let kind = YAMLWords.isTruth(text) ? "a truth value" : "a number"
      throw error(
        "a text is expected; \(text.printable) without quotes is \(kind) for readers of YAML",
        remedy: "Write \"\(text.printable)\" in quotes if the text is meant.")
    }
    guard !text.isEmpty, !text.utf8.contains(0) else {
      throw error("a text is expected, found an empty one")
    }
    return text
  }

  /// The value as one of some words.
  ///
  /// - Parameter words: The words.
  /// - Returns: The word.
  /// - Throws: `RecipeError` if it is none of them.
  public func word(among words: [String]) throws(RecipeError) -> String {
    guard case .scalar(let text, _) = node.content, !node.isNothing else {
      throw error("one of \(words.joined(separator: ", ")) is expected, found \(node.kindName)")
    }
    guard words.contains(text) else {
      throw error(
        "\(text.quotedForMessage) is not one of the words expected here",
        remedy: ClosestWord.remedy(for: text, among: words))
    }
    return text
  }

  /// The value as true or false.
  ///
  /// - Returns: Which of them.
  /// - Throws: `RecipeError` for anything but these two words.
  public func truth() throws(RecipeError) -> Bool {
    guard case .scalar(let text, isPlain: true) = node.content, text == "true" || text == "false"
    else {
      throw error(
        "true or false is expected, found \(node.kindName)",
        remedy: "Other words for it (yes, on) are not read: readers of YAML disagree on them.")
    }
    return text == "true"
  }

  /// The value as a size with its unit.
  ///
  /// - Returns: The size.
  /// - Throws: `RecipeError` if it is none.
  public func size() throws(RecipeError) -> ByteCount {
    guard case .scalar(let text, _) = node.content, !node.isNothing else {
      throw error("a size such as 512MiB or 5GB is expected, found \(node.kindName)")
    }
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let size = ByteCount(text), size.bytes > 0, !digits.isEmpty else {
      throw error(
        "a size such as 512MiB or 5GB is expected, found \(text.quotedForMessage)",
        remedy: "Units are B, kB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (of 1024).")
    }
    return size
  }
}

/// Decimal numbers as JSON and every reader of YAML agree on them.
enum Decimal {
  static func parse(_ text: String) -> Double? {
    var rest = text.utf8[...]
    if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
    let whole = rest.prefix { isDigit($0) }
    rest = rest.dropFirst(whole.count)
    if whole.count > 1, whole.first == UInt8(ascii: "0") { return nil }
    var fractionCount = 0
    if rest.first == UInt8(ascii: ".") {
      rest.removeFirst()
      fractionCount = rest.prefix { isDigit($0) }.count
      rest = rest.dropFirst(fractionCount)
    }
    guard whole.count + fractionCount > 0 else { return nil }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest.removeFirst()
      if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
      let exponent = rest.prefix { isDigit($0) }
      guard !exponent.isEmpty else { return nil }
      rest = rest.dropFirst(exponent.count)
    }
    guard rest.isEmpty else { return nil }
    let digits = text.hasPrefix("+") ? text.dropFirst() : text[...]
    return Double(digits)
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }
}
