internal import SluiceCore
internal import SluiceFormats

/// Texts that inputs are collected from, as token ids.
package struct ExampleTexts: Sendable {
  /// The texts, each of two tokens or more.
  package let texts: [[Int32]]

  /// Reads texts: a `.json` file is a list of lists of ids; in any other each line is a list of ids, or an
  /// example of a task, whose prompt and right answer are one text.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - length: Of longer texts the beginning is taken.
  /// - Throws: If it cannot be read, or holds anything else.
  package init(_ path: String, length: Int) throws {
    let bytes = try InputFile.contents(of: path, byteLimit: TaskFile.byteLimit)
    let isList = path.hasSuffix(".json")
    let lists = try isList ? ExampleTexts.lists(bytes, path) : ExampleTexts.lines(bytes, path)
    texts = lists.map { Array($0.prefix(length)) }.filter { $0.count > 1 }
    guard !texts.isEmpty else {
      throw EvaluationError.badInput(
        "there is no text of two tokens or more in it", file: path,
        remedy: "Write a list of token ids a line.")
    }
  }

  private static func lists(_ bytes: [UInt8], _ path: String) throws -> [[Int32]] {
    // SAFETY: the scanner is used inside the closure only.
    try unsafe bytes.withUnsafeBytes { text in
      var scanner = unsafe JSONScanner(text, file: path, maximumDepth: 4)
      guard try scanner.kind() == .array else { throw scanner.refusal("no list of lists of ids") }
      var lists: [[Int32]] = []
      try scanner.beginArray()
      do {
        while try scanner.nextElement() {
          lists.append(try TaskLine.ids("text \(lists.count)", &scanner))
        }
      } catch var error as EvaluationError {
        error.failure.subject.file = path
        throw error
      }
      try scanner.end()
      return lists
    }
  }

  private static func lines(_ bytes: [UInt8], _ path: String) throws -> [[Int32]] {
    var lists: [[Int32]] = []
    try TaskFile.forEachLine(bytes, path) { line, text, offset in
      // SAFETY: the scanner is used inside the closure only.
      let list = try unsafe text.withUnsafeBytes { bytes -> [Int32]? in
        var scanner = unsafe JSONScanner(bytes, file: path, fileOffset: offset, maximumDepth: 4)
        guard try scanner.kind() == .array else { return nil }
        let list = try TaskLine.ids("the text", &scanner)
        try scanner.end()
        return list
      }
      if let list {
        lists.append(list)
      } else {
        let parsed = try TaskLine.parse(text, file: path, offset: offset)
        guard parsed.tokens == nil else { return }
        let example = try parsed.example(line: line)
        lists.append(example.prompt + example.answers[example.right])
      }
    }
    return lists
  }

  /// Checks that all ids are tokens of a model.
  func checkTokens(_ tokenCount: Int, file: String) throws(EvaluationError) {
    for (index, text) in texts.enumerated() {
      guard let id = text.first(where: { Int($0) >= tokenCount }) else { continue }
      throw EvaluationError.badInput(
        "text \(index): the token id \(id) is out of range: the model has \(tokenCount) tokens",
        file: file, remedy: "Encode the texts with the tokenizer of this model.")
    }
  }

  /// A sequence for each text, all tokens of which are looked at: one more follows, which is not.
  ///
  /// - Parameter asksTokens: Whether all tokens but the first are asked about; the one that follows is, too.
  /// - Returns: The sequences; their rows are the same whatever is asked.
  func batch(asksTokens: Bool) -> TokenBatch {
    TokenBatch(
      texts.map {
        TokenBatch.Sequence(tokens: $0 + [0], answerStart: asksTokens ? 1 : $0.count)
      })
  }
}
