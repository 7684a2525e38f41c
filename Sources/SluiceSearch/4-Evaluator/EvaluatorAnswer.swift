internal import SluiceCore
internal import SluiceFormats

/// What an evaluator wrote on its standard output.
enum EvaluatorAnswer {
  /// The most bytes of an output that are looked at, from its end.
  static let byteLimit = 1 << 20

  /// Why an output is no answer.
  struct Problem: Error, Hashable {
    let message: String
  }

  /// Finds the scores: the member `tasks` of the last JSON object.
  static func scores(in output: [UInt8]) throws(Problem) -> TaskScores {
    guard let range = lastObject(in: output) else {
      let end = String(decoding: output.suffix(120), as: UTF8.self).printable
      throw Problem(
        message: output.allSatisfy { $0 == 0x20 || $0 == 0x0A }
          ? "printed no JSON object on its standard output"
          : "printed no JSON object on its standard output, which ends \"\(end)\"")
    }
    var scores: TaskScores?
    var problem: Problem?
    // SAFETY: the scanner is used inside the closure only.
    unsafe output[range].withUnsafeBytes { text in
      do {
        var scanner = unsafe JSONScanner(text, acceptsPythonNumbers: true)
        scores = try read(&scanner)
      } catch let error as Problem {
        problem = error
      } catch let error as FormatError {
        problem = Problem(message: "printed scores that cannot be read: \(error.failure.message)")
      } catch {
        problem = Problem(message: "printed scores that cannot be read")
      }
    }
    if let problem { throw problem }
    guard let scores else {
      throw Problem(message: "printed a JSON object without \"tasks\" as its last")
    }
    return scores
  }

  private static func read(_ scanner: inout JSONScanner) throws -> TaskScores? {
    var scores: TaskScores?
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      guard scanner.text(key, equals: "tasks") else {
        try scanner.skipValue()
        continue
      }
      guard try scanner.kind() == .object else {
        throw Problem(message: "printed \"tasks\" that is no object of scores")
      }
      var tasks: [String: Double] = [:]
      try scanner.beginObject()
      while let key = try scanner.nextKey() {
        let name = scanner.string(of: key)
        guard try scanner.kind() == .number else {
          throw Problem(message: "printed a score of task \(name.printable) that is no number")
        }
        tasks[name] = try scanner.double()
      }
      scores = TaskScores(tasks)
    }
    return scores
  }

  /// The last text that is a whole JSON object and not part of a larger one.
  private static func lastObject(in output: [UInt8]) -> Range<Int>? {
    var found: Range<Int>?
    var start = 0
    // SAFETY: scanners are used inside the closure only.
    unsafe output.withUnsafeBytes { bytes in
      while let open = unsafe bytes[start...].firstIndex(of: UInt8(ascii: "{")) {
        var scanner = unsafe JSONScanner(
          UnsafeRawBufferPointer(rebasing: bytes[open...]), maximumDepth: 32,
          acceptsPythonNumbers: true)
        if let range = try? scanner.skipValue() {
          found = open..<open + range.upperBound
          start = open + range.upperBound
        } else {
          start = open + 1
        }
      }
    }
    return found
  }
}
