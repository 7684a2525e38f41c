internal import SluiceCore
internal import SluiceFormats

/// A JSON object of numbers: `{"math": 1.25, "law": 1.5}`.
package enum NumberTable {
  static let byteLimit = 64 << 20

  /// Reads a table.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - models: The only keys that are allowed; any if nil.
  ///   - required: The keys that must be there.
  /// - Returns: The numbers by key.
  /// - Throws: If the file cannot be read or a key or number is not what it should be.
  static func read(
    _ path: String, models: [String]?, required: [String]
  ) throws -> [String: Double] {
    let numbers = try JSONTable.read(path) { scanner throws(FormatError) in
      var numbers: [String: Double] = [:]
      try scanner.beginObject()
      while let key = try scanner.nextKey() {
        let name = scanner.string(of: key)
        guard numbers.updateValue(try scanner.double(), forKey: name) == nil else {
          throw scanner.twice(name)
        }
      }
      return numbers
    }
    for (key, value) in numbers {
      guard models?.contains(key) ?? true else { throw unknown(key, path) }
      guard value.isFinite else {
        throw problem("the number of \(key.printable) is not finite", path)
      }
    }
    for name in required where numbers[name] == nil {
      throw problem("there is no number for model \(name.printable)", path)
    }
    return numbers
  }

  static func unknown(_ key: String, _ path: String) -> RecipeError {
    problem("there is no model \(key.printable) in the merge", path)
  }

  static func problem(_ message: String, _ path: String) -> RecipeError {
    RecipeError.badInput(message, file: path)
  }
}

/// Reads small JSON files.
enum JSONTable {
  static func read<Value>(
    _ path: String, _ body: (inout JSONScanner) throws(FormatError) -> Value
  ) throws(FormatError) -> Value {
    let bytes = try InputFile.contents(of: path, byteLimit: NumberTable.byteLimit)
    // SAFETY: the bytes outlive the scanner.
    let result = unsafe bytes.withUnsafeBytes { text in
      Result { () throws(FormatError) in
        var scanner = unsafe JSONScanner(text, file: path)
        let value = try body(&scanner)
        try scanner.end()
        return value
      }
    }
    return try result.get()
  }
}

extension JSONScanner {
  /// An error about a name that a table has twice: nobody could know which of the two is meant.
  func twice(_ name: String) -> FormatError { refusal("\(name.printable) occurs twice") }
}
