internal import SluiceCore
internal import SluiceFormats

/// A line that a program wrote.
struct ExecAnswer {
  private(set) var line: String
  var name: String?
  var version: Int?
  var chunk: Int?
  var count: Int?
  var error: String?

  /// Reads a line; members that the protocol does not name are left aside.
  init(_ bytes: [UInt8], of program: ExecProgram, tensor: String?) throws(StageError) {
    line = String(decoding: bytes, as: UTF8.self)
    var answer = self
    // SAFETY: the scanner is used inside the closure only.
    let result = unsafe bytes.withUnsafeBytes { text in
      Result { () throws(FormatError) in
        var scanner = unsafe JSONScanner(text, maximumDepth: 16)
        try answer.read(&scanner)
        try scanner.end()
      }
    }
    if case .failure = result {
      throw program.failure(
        .badInput, tensor, "wrote \(line.quoted), which is no JSON object as the protocol has it")
    }
    self = answer
  }

  private mutating func read(_ scanner: inout JSONScanner) throws(FormatError) {
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      if scanner.text(key, equals: "protocol") {
        name = try scanner.string()
      } else if scanner.text(key, equals: "version") {
        version = try scanner.integer()
      } else if scanner.text(key, equals: "chunk") {
        chunk = try scanner.integer()
      } else if scanner.text(key, equals: "count") {
        count = try scanner.integer()
      } else if scanner.text(key, equals: "error") {
        error = try scanner.string()
      } else {
        try scanner.skipValue()
      }
    }
  }
}
