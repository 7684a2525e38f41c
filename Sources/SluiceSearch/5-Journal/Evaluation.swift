internal import SluiceFormats

/// A candidate that was evaluated.
package struct Evaluation: Sendable, Hashable {
  /// What the evaluator said.
  package var scores: TaskScores
  /// How long the evaluator took, in seconds.
  package var seconds: Double
  /// How long making the candidate took, in seconds.
  package var makingSeconds = 0.0
  /// How many times the evaluator was run for it.
  package var attempts = 1

  /// What identifies an evaluation: the same candidate and the same evaluator give the same scores.
  struct Key: Sendable, Hashable {
    /// What decides about the candidate's bytes beside its factors.
    var space: Hash128
    /// The candidate among those of its model.
    var label: String
    /// The evaluator.
    var evaluator: Hash128
  }
}

/// The body of a record: a JSON object.
extension Evaluation {
  func encoded(_ key: Key, model: String) -> [UInt8] {
    JSONWriter.bytes { json in
      json.beginObject()
      json.member("model", .string(model))
      json.member("candidate", .string(key.label))
      json.member("space", .string(key.space.hexadecimal))
      json.member("evaluator", .string(key.evaluator.hexadecimal))
      json.member("seconds", seconds)
      json.member("makingSeconds", makingSeconds)
      json.member("attempts", attempts)
      json.key("tasks")
      json.beginObject()
      // A score that is no number is written as null.
      for name in scores.names { json.member(named: name, .double(scores.tasks[name] ?? 0)) }
      json.endObject()
      json.endObject()
    }
  }

  /// Reads a body; nil if it is none.
  static func decode(_ body: [UInt8]) -> (key: Key, evaluation: Evaluation, model: String)? {
    // SAFETY: the scanner is used inside the closure only.
    unsafe body.withUnsafeBytes { text in
      var scanner = unsafe JSONScanner(text)
      return try? read(&scanner)
    }
  }

  private static func read(
    _ scanner: inout JSONScanner
  ) throws(FormatError) -> (Key, Evaluation, String)? {
    var texts: [String: String] = [:]
    var evaluation = Evaluation(scores: TaskScores([:]), seconds: 0)
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      let name = scanner.string(of: key)
      switch name {
      case "model", "candidate", "space", "evaluator": texts[name] = try scanner.string()
      case "seconds": evaluation.seconds = try scanner.double()
      case "makingSeconds": evaluation.makingSeconds = try scanner.double()
      case "attempts": evaluation.attempts = try scanner.integer()
      case "tasks":
        try scanner.beginObject()
        while let task = try scanner.nextKey() {
          let name = scanner.string(of: task)
          if try scanner.kind() == .null {
            try scanner.null()
            evaluation.scores.tasks[name] = .nan
          } else {
            evaluation.scores.tasks[name] = try scanner.double()
          }
        }
      default: try scanner.skipValue()
      }
    }
    try scanner.end()
    guard let label = texts["candidate"], let space = texts["space"],
      let spaceHash = Hash128(hexadecimal: space), let evaluator = texts["evaluator"],
      let evaluatorHash = Hash128(hexadecimal: evaluator)
    else { return nil }
    return (
      Key(space: spaceHash, label: label, evaluator: evaluatorHash), evaluation,
      texts["model"] ?? ""
    )
  }
}
